"""Waiting for jobs, with a progress bar; what can never end is said instead of waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

from torc_nb.api import Api, Status
from torc_nb.errors import LaunchError, TorcError
from torc_nb.models import JobStatus
from torc_nb.widgets.progress import Bar

#: The first and the longest pause between two looks at the database, in seconds.
SHORTEST, LONGEST = 0.01, 0.5
#: How often allocations and dead workers are looked after, in seconds.
REFRESH = 5.0


def wait(
    api: Api,
    workflow_id: int,
    counts: Callable[[Status], dict[JobStatus, int]],
    *,
    timeout: float | None = None,
    progress: bool = True,
    title: str = "",
) -> bool:
    """Wait until all jobs that ``counts`` picks out of a status have finished.

    Returns
    -------
    bool
        False where ``timeout`` seconds passed before.

    Raises
    ------
    TorcError
        No worker runs or is coming, so that it would wait for ever.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pause, refreshed = SHORTEST, time.monotonic()
    with Bar(title, enabled=progress) as bar:
        while True:
            status = api.progress(workflow_id)
            numbers = counts(status)
            bar.update(numbers)
            if all(one.is_finished for one, n in numbers.items() if n):
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
            if time.monotonic() - refreshed > REFRESH:
                _check_alive(api.status(workflow_id))
                refreshed = time.monotonic()
            time.sleep(pause)
            pause = min(LONGEST, pause * 1.3)


def _check_alive(status: Status) -> None:
    """Say why nothing will happen, if nothing will."""
    if status.workers or status.waiting or status.is_done:
        return
    left = status.total - status.finished
    if status.failed:
        last = status.failed[-1]
        raise LaunchError(f"{left:,} jobs wait, but allocation {last.id} failed: {last.message}")
    raise TorcError(
        f"{left:,} jobs wait and no worker runs: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes."
    )
