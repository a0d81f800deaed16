"""What a map or a job waits for, as users name it."""

from __future__ import annotations

from collections.abc import Iterable

from torc_nb.errors import InvalidRequest
from torc_nb.workflow.job import Job
from torc_nb.workflow.map import Map

#: A Job, a Map or the id of a job, or several of them.
Blockers = Iterable[Job | Map | int] | Job | Map | int


def ids_of(blocked_by: Blockers) -> dict[str, list[int]]:
    """Return the ids of the maps and of the jobs.

    Raises
    ------
    InvalidRequest
        One of them is something else.
    """
    awaited = [blocked_by] if isinstance(blocked_by, Job | Map | int) else list(blocked_by)
    return {
        "blocked_by_maps": [one.id for one in awaited if isinstance(one, Map)],
        "blocked_by_jobs": [_id(one) for one in awaited if not isinstance(one, Map)],
    }


def _id(awaited: Job | int) -> int:
    if isinstance(awaited, Job):
        return awaited.id
    if isinstance(awaited, int) and not isinstance(awaited, bool):
        return awaited
    raise InvalidRequest(f"What waits, waits for a Job, a Map or a job's id, not for {awaited!r}.")
