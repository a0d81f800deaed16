"""``Job``: one job that is a row of no table of parameters, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torc_nb.api import Api, Output, inspection
from torc_nb.models import JobStatus
from torc_nb.workflow.waiting import Waits


class Job(Waits):
    """One job of a workflow. All its state is in the database."""

    def __init__(self, api: Api, workflow_id: int, job_id: int, name: str) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self.id = job_id
        self.name = name

    def __repr__(self) -> str:
        return f"Job({self.id}, {self.name!r}: {self.status})"

    @property
    def status(self) -> str:
        """Where it stands: ``ready``, ``completed``, ..."""
        return inspection.shown_status(self._api.get_job(self.id)).label

    @property
    def outdir(self) -> Path:
        """The folder of what it left in ``TORC_OUTDIR``; there when it has succeeded and left anything."""
        return self._api.outdir(self.id)

    def logs(self) -> Output:
        """Return what its newest attempt printed; print it to read it.

        Raises
        ------
        NotFound
            It has not run.
        """
        return self._api.logs(self._workflow_id, self.id)

    def value(self) -> Any:
        """Return what a command left: ``{"files": …}`` with time and size of each that it produces, else None.

        Raises
        ------
        JobFailed
            It failed; with how.
        NotFound
            It has not completed.
        """
        return self._api.value(self._workflow_id, self.id)

    def _numbers(self) -> dict[JobStatus, int]:
        return {inspection.shown_status(self._api.get_job(self.id)): 1}
