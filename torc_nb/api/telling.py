"""What became of a workflow, told: a process that calls the commands which are due, ``python -m torc_nb.api.telling``.

Started by a worker while it works and as it leaves, and by whoever looks at a workflow whose workers are gone. Of
several who look at once one calls each command: it is claimed first, in one transaction. Should whoever claimed it be
killed before it ended, it is called again some minutes later by whoever looks then: rather twice than never.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

from torc_nb import launch
from torc_nb.api import campaigns, launching
from torc_nb.api.why import why
from torc_nb.errors import TorcError
from torc_nb.models import FAILURES, FINISHED, JobStatus, WorkerSettings, WorkflowModel
from torc_nb.models.quantities import counted
from torc_nb.store import Database, events, notifications, trust, workflows
from torc_nb.store.notifications import Telling

#: A command that takes longer is stopped, in seconds.
LIMIT = 60.0
#: How soon after it had a process started that tells a process of a user's starts another, in seconds.
AGAIN = 30.0

_WOULD_RUN = "Its notifications run as its own user"
#: Of what a command that failed printed, so much is kept, in bytes.
_KEPT = 2000

_sent: dict[tuple[str, int], float] = {}


def look(database: Database, workflow_id: int) -> None:
    """Have it told what is due, in a process of its own; nothing is raised where that cannot be."""
    key = (database.url, workflow_id)
    if database.is_read_only or time.monotonic() - _sent.get(key, -AGAIN) < AGAIN:
        return
    if not notifications.due(database, workflow_id):
        return
    _sent[key] = time.monotonic()
    with contextlib.suppress(TorcError):  # it is another user's, whose processes see to it
        workflow = workflows.get(database, workflow_id)
        trust.check(database, workflow, _WOULD_RUN)
        settings = WorkerSettings(database.url, workflow_id, 0, trust=database.trust)
        launch.start_local(settings, launching.folder(database, workflow), work="torc_nb.api.telling:run")


def run(settings: WorkerSettings) -> None:
    """Tell what is due."""
    _tell(settings.database, settings.workflow_id, trusted=settings.trust)


def _tell(url: str, workflow_id: int, *, trusted: bool, leaving: bool = False) -> None:
    database = Database.open(url, create=False, trust=trusted)
    try:
        workflow = workflows.get(database, workflow_id)
        trust.check(database, workflow, _WOULD_RUN)
        launching.refresh(database, workflow_id)
        while (telling := notifications.claim(database, workflow_id, leaving=leaving)) is not None:
            said = f"{workflow.name}: {_MESSAGES[telling.event](database, workflow, telling)}"
            notifications.told(database, workflow_id, telling, said, _call(workflow, telling, said))
    finally:
        database.close()


# What is said.


def _done(_database: Database, _workflow: WorkflowModel, telling: Telling) -> str:
    numbers = telling.statuses
    total = sum(numbers.values())
    failed = sum(numbers.get(status, 0) for status in FAILURES)
    canceled = numbers.get(JobStatus.CANCELED, 0)
    parts = [f"all {total:,} jobs have finished" if total > 1 else "its job has finished"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{canceled:,} canceled"] if canceled else []
    return ", ".join(parts)


def _failing(_database: Database, _workflow: WorkflowModel, telling: Telling) -> str:
    numbers = telling.statuses
    failed = sum(numbers.get(status, 0) for status in FAILURES)
    completed = numbers.get(JobStatus.COMPLETED, 0)
    return f"at least half of the jobs of this run fail; {failed:,} failed and {completed:,} completed so far"


def _stuck(database: Database, workflow: WorkflowModel, telling: Telling) -> str:
    numbers = telling.statuses
    left = sum(n for status, n in numbers.items() if status not in FINISHED)
    text = f"{left:,} of {counted(sum(numbers.values()), 'job')} {'are' if left != 1 else 'is'} left"
    return f"{text} and nothing goes on by itself: {_reason(database, workflow)}"


def _reason(database: Database, workflow: WorkflowModel) -> str:
    """Say why nothing goes on: the stop of a campaign, what the last worker left with, or what is waited for."""
    assert workflow.id is not None
    campaign = campaigns.wished(database, workflow.id)
    if campaign is not None and campaign.state in ("on", "stopped"):
        return _plain(campaigns.describe(campaign))
    ended = events.listed(database, workflow.id, 1, kinds=["worker left", "worker lost"])
    waits = _plain(why(database, workflow.id).text)
    if not ended:
        return waits
    last = ended[0].data.get("message") or "it was killed"
    return f"{waits} (the last worker left: {_plain(last)})"


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


_MESSAGES = {"done": _done, "failing": _failing, "stuck": _stuck}


# How it is called.


def _call(workflow: WorkflowModel, telling: Telling, message: str) -> str | None:
    """Call a command; returns why it failed, where it did."""
    environment = os.environ | {
        "TORC_NB_EVENT": telling.event,
        "TORC_NB_WORKFLOW": workflow.name,
        "TORC_NB_WORKFLOW_ID": str(workflow.id),
        "TORC_NB_MESSAGE": message,
    }
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", telling.command],
                cwd=workflow.files,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"it could not be started: {error}"
        try:
            code = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it took longer than {LIMIT:.0f} s and was stopped"
        return f"it exited with {code}: {_end_of(output)}" if code else None


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _KEPT))
    return output.read().decode(errors="replace").strip() or "it printed nothing"


def _asked() -> dict[str, Any]:
    """What a worker wants told; it comes by the standard input, since a database's address may hold a password."""
    asked: dict[str, Any] = json.load(sys.stdin)
    return {
        "url": asked["database"],
        "workflow_id": asked["workflow_id"],
        "trusted": asked["trust"],
        "leaving": asked["leaving"],
    }


if __name__ == "__main__":
    # Slurm tells all processes of an allocation that it ends: this one has just begun to say so.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        _tell(**_asked())
    except TorcError as error:
        sys.exit(f"torc_nb: nobody could be told: {error}")
