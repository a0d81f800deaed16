"""Maps that are stopped: as many of their jobs have failed as they were given, and no further one begins.

It follows from the numbers alone, so that what makes failed jobs run again, or a higher limit, lets a map go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from torc_nb.models import CLAIMED, FAILURES, JobStatus
from torc_nb.models.quantities import counted
from torc_nb.store import counts, events, failures, schema
from torc_nb.store.database import Database

_maps = schema.maps


class Stop(NamedTuple):
    """A map that is stopped: how many jobs failed and at how many it stops, how many wait, and how many still run."""

    map_id: int
    name: str
    failed: int
    max_failures: int
    left: int
    at_work: int


def of(listed: Iterable[Any], by_map: Mapping[int, Mapping[JobStatus, int]]) -> list[Stop]:
    """Return which of these maps are stopped, going by how many of their jobs have which status."""
    found = []
    for map_ in listed:
        numbers = by_map.get(map_.id, {})
        failed = sum(numbers.get(one, 0) for one in FAILURES)
        if map_.max_failures is not None and failed >= map_.max_failures and not map_.blocked:
            left, at_work = numbers.get(JobStatus.READY, 0), sum(numbers.get(one, 0) for one in CLAIMED)
            if left:
                found.append(Stop(map_.id, map_.name, failed, map_.max_failures, left, at_work))
    return found


def stops(database: Database, workflow_id: int) -> list[Stop]:
    """Return the maps of a workflow that are stopped, and have jobs that wait."""
    with database.read() as connection:
        chosen = _maps.c.id.in_(stopped(connection, workflow_id))
        found = connection.execute(select(_maps).where(chosen).order_by(_maps.c.id)).all()
        return of(found, counts.by_map(connection, workflow_id)) if found else []


def stopped(connection: Connection, workflow_id: int) -> set[int]:
    """Return the maps of a workflow of which no job may begin since too many have failed."""
    return {map_.id for map_ in connection.execute(_STOPPED, {"workflow": workflow_id})}


def left_over(connection: Connection, workflow_id: int) -> int:
    """Return how many jobs are ready that will not begin, as their maps are stopped."""
    found = stopped(connection, workflow_id)
    if not found:
        return 0
    numbers = counts.by_map(connection, workflow_id)
    return sum(numbers.get(map_id, {}).get(JobStatus.READY, 0) for map_id in found)


def tell(database: Database, workflow_id: int, map_ids: Collection[int] | None = None) -> set[int]:
    """Tell of each map that is stopped and of which it was not told yet; once, whoever looks. Returns those stopped.

    Called after the completing transaction has been committed: of two that record a map's last permitted failures at
    the same moment, the later one then sees both. ``map_ids``: those that may be; None: any of the workflow.
    """
    with database.read() as connection:
        rows = connection.execute(_STOPPED, {"workflow": workflow_id}).all()
    found = {map_.id: map_ for map_ in rows if map_ids is None or map_.id in map_ids}
    for map_ in found.values():
        if not map_.told_stopped:
            _tell(database, workflow_id, map_)
    return set(found)


def _tell(database: Database, workflow_id: int, map_: Any) -> None:
    cause = commonest(database, workflow_id, map_.id)
    with database.write() as connection:
        is_first = connection.execute(
            update(_maps).where(_maps.c.id == map_.id, _maps.c.told_stopped.is_(False)).values(told_stopped=True)
        ).rowcount
        if is_first:
            events.add(
                database, connection, workflow_id, "map stopped", map_id=map_.id, name=map_.name,
                failed=int(map_.failed), max_failures=map_.max_failures, reason=cause,
            )  # fmt: skip


def forget(database: Database, map_ids: Collection[int]) -> None:
    """Note that these maps go on, so that it is told when they stop again."""
    with database.write() as connection:
        connection.execute(update(_maps).where(_maps.c.id.in_(sorted(map_ids))).values(told_stopped=False))


def commonest(database: Database, workflow_id: int, map_id: int) -> str:
    """Return what most failed jobs of a map ended with; "" where none did."""
    found = failures.causes(database, workflow_id, 1, map_id)
    if not found:
        return ""
    (cause,) = found
    said = cause.message.strip().partition("\n")[0]
    return f"{cause.exception}: {said}" if said and said != cause.exception else cause.exception


def sentence(database: Database, workflow_id: int, stop: Stop) -> str:
    """Say that a map is stopped, and why: ``map run was stopped when 100 jobs had failed (max_failures=100), …``."""
    cause = commonest(database, workflow_id, stop.map_id)
    return (
        f"map {stop.name} is stopped: {counted(stop.failed, 'job')} failed (max_failures={stop.max_failures})"
        f"{f', most with {cause}' if cause else ''}"
    )


#: What lets a stopped map go on.
CURE = (
    "`%torc failures list` shows why, `%torc rerun` runs the failed jobs again and lets it go on, so does mapping "
    "again with a higher max_failures."
)


_failed = counts.failed_of(bindparam("workflow"), _maps.c.id)
_STOPPED = select(_maps.c.id, _maps.c.name, _maps.c.max_failures, _maps.c.told_stopped, _failed.label("failed")).where(
    _maps.c.workflow_id == bindparam("workflow"),
    _maps.c.state == "ready",
    _maps.c.max_failures.is_not(None),
    _failed >= _maps.c.max_failures,
)
