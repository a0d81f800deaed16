"""Whether it makes sense to wait: jobs that nobody will run are said instead of waited for."""

from __future__ import annotations

from torc_nb.api import rooms
from torc_nb.api.inspection import Status
from torc_nb.errors import LaunchError
from torc_nb.models import CLAIMED
from torc_nb.store import Database, allocations


def check(database: Database, status: Status) -> None:
    """Make sure that the jobs that wait can begin some time.

    Raises
    ------
    LaunchError
        No worker runs or is coming, or none of those there are fits; the message says what to do.
    """
    if status.is_done or status.waiting:
        return
    left = f"{status.total - status.finished:,} jobs wait"
    if status.workflow.state == "paused":
        left = f"The workflow is paused, wf.resume() lets its jobs begin; {left}"
    if status.workers:
        if not any(status.statuses.get(one) for one in CLAIMED):
            rooms.check_workers(database, status.workflow.id or 0, status.workers)
        return
    last = next(reversed(allocations.listed(database, status.workflow.id or 0)), None)
    if last is not None and last.state == "failed":
        raise LaunchError(f"{left}, but allocation {last.id} failed: {last.message}")
    raise LaunchError(
        f"{left} and no worker runs: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes."
    )
