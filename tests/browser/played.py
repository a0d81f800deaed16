"""A workflow whose jobs move when the test says so: it is its worker, in the statements that a worker uses."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

from store.scene import completion

from torc_nb.api import make_api
from torc_nb.models import Claim, Completion, Introduction, JobStatus, WorkflowModel
from torc_nb.store import claims, functions, leases, machine

#: What its jobs would call, were they run.
_MODULE = "def work(x):\n    return x\n"


class Played:
    """One workflow, started, of a map ``work``; job and parameter have the same number.

    Parameters
    ----------
    url
        Its database, which is made where it is not there.
    folder
        For its files.
    name
        Of the workflow.
    jobs
        How many.
    """

    def __init__(self, url: str, folder: Path, name: str, jobs: int) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "played.py").write_text(_MODULE)
        self.api = make_api(url)
        workflow = self.api.create_workflow(WorkflowModel(name=name, files=str(folder / "files")))
        assert workflow.id is not None
        self.id = workflow.id
        self.api.map_function(self.id, ("played", "work"), range(1, jobs + 1), module_directory=folder)
        self.api.start_workflow(self.id)
        self._worker = leases.join(self.api.database, self._introduction())
        self._held: list[Claim] = []

    def begin(self, n: int) -> None:
        """Run the next jobs, so many."""
        claimed = self._exchange(room=lambda *_: n).claims
        self._exchange(started=claimed)
        self._held += claimed

    def end(self, n: int | None = None, status: JobStatus = JobStatus.COMPLETED) -> list[int]:
        """End the jobs that began first, all of them unless told how many; returns which."""
        done, self._held = self._held[:n], self._held[len(self._held) if n is None else n :]
        self._exchange(completions=[self._end_of(claim, status) for claim in done])
        return [claim.job_id for claim in done]

    def remove(self) -> None:
        """Close it, and remove it where it is a file."""
        self.api.database.close()
        shutil.rmtree(self._folder)

    def _exchange(self, **what: Any) -> claims.Answer:
        return claims.exchange(self.api.database, self.id, self._worker.id, **what)

    def _end_of(self, claim: Claim, status: JobStatus) -> Completion:
        """As of the function, had it run: its result is its parameter, made of this and of its code."""
        fingerprint = claim.params_digest + functions.get(self.api.database, claim.function_id).digest
        value = claim.params if status is JobStatus.COMPLETED else None
        return completion(claim, status, value=value, fingerprint=fingerprint)

    def _introduction(self) -> Introduction:
        return Introduction(
            workflow_id=self.id, host=socket.gethostname(), pid=os.getpid(), boot_id=machine.boot_id(),
            process_start=machine.process_start(),
        )  # fmt: skip
