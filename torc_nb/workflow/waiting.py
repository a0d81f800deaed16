"""Waiting for jobs, with a progress bar; what can never end is said instead of waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from torc_nb.api import Api, Status
from torc_nb.models import JobStatus
from torc_nb.widgets.progress import Bar

#: The shortest and the longest pause between two looks at the database, in seconds, and its share of the wait so far:
#: what took a second is noticed within some hundredths.
_SHORTEST, _LONGEST, _SHARE = 0.01, 0.5, 0.03
#: How often allocations and dead workers are looked after, in seconds.
_LOOK_AFTER = 5.0


def wait(
    api: Api,
    workflow_id: int,
    counts: Callable[[Status], dict[JobStatus, int]],
    *,
    timeout: float | None = None,
    progress: bool = True,
    title: str = "",
) -> None:
    """Wait until all jobs that ``counts`` picks out of a status have finished.

    Raises
    ------
    TimeoutError
        ``timeout`` seconds passed before.
    LaunchError
        No worker runs or is coming, or none fits, so that it would wait for ever.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with Bar(title, enabled=progress) as bar:
        for _ in looks(api, workflow_id):
            numbers = counts(api.progress(workflow_id))
            bar.update(numbers)
            if all(one.is_finished for one, n in numbers.items() if n):
                return
            if deadline is not None and time.monotonic() > deadline:
                left = sum(n for one, n in numbers.items() if not one.is_finished)
                raise TimeoutError(f"{left:,} jobs had not finished after {timeout:g} s; they go on.")


def looks(api: Api, workflow_id: int) -> Iterator[None]:
    """Give the moments at which to look whether what is waited for is there: at first soon, later seldom.

    Raises
    ------
    LaunchError
        It would wait for ever.
    """
    began, looked_after = time.monotonic(), 0.0
    while True:
        yield
        if time.monotonic() - looked_after > _LOOK_AFTER:
            api.check_progress(workflow_id)
            looked_after = time.monotonic()
        time.sleep(min(_LONGEST, max(_SHORTEST, _SHARE * (time.monotonic() - began))))
