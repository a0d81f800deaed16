"""A few jobs of a map that are run before the others, to learn from them: which, and how they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import counts, schema
from torc_nb.store.allocations import ALIVE
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results
_allocations = schema.allocations


class Canary(NamedTuple):
    """How the first jobs of a map stand: those that ended with its current code, and those that are yet to."""

    map_id: int
    name: str
    completed: int
    failed: int
    expected: list[int]  # the ids of those that a worker has, or is going to have
    chosen: list[int]  # the ids of those that some worker is to be brought for


def of_maps(database: Database, workflow_id: int, n: int, requirements: Collection[int]) -> list[Canary]:
    """Return, for each map with jobs that could begin now, ``n`` jobs to learn from, those counted that ended before.

    They are spread over the map's rows, since parameters often grow along a table.

    Parameters
    ----------
    requirements : collection of int
        What chosen jobs may ask for.
    """
    with database.read() as connection:
        ready = counts.ready(connection, workflow_id)
        of_requirements: dict[int, list[int]] = {}
        for group in ready:
            if group.map_id and group.requirement_id in requirements:
                of_requirements.setdefault(group.map_id, []).append(group.requirement_id)
        return [
            _of_map(connection, workflow_id, map_id, n, of_requirements.get(map_id, []))
            for map_id in dict.fromkeys(group.map_id for group in ready if group.map_id)
        ]


def standing(database: Database, workflow_id: int, map_ids: Sequence[int], n: int) -> list[Canary]:
    """Return how many jobs of these maps, ``n`` at most, have ended with the current code."""
    with database.read() as connection:
        return [_of_map(connection, workflow_id, map_id, n, ()) for map_id in map_ids]


def _of_map(
    connection: Connection, workflow_id: int, map_id: int, n: int, requirements: Collection[int]
) -> Canary:
    map_ = connection.execute(select(_maps.c.name, _maps.c.function_id).where(_maps.c.id == map_id)).one()
    here = (_jobs.c.workflow_id == workflow_id) & (_jobs.c.map_id == map_id)
    first, last = (connection.scalar(select(end(_jobs.c.id)).where(here)) or 0 for end in (func.min, func.max))
    completed, failed = (
        _ended(connection, here & condition & _jobs.c.id.between(first, last), map_.function_id, n)
        for condition in (schema.COMPLETED, schema.UNSUCCESSFUL & (_jobs.c.status == int(JobStatus.FAILED)))
    )
    missing = n - completed - failed
    expected = _expected(connection, workflow_id, map_id)[: max(0, missing)]
    chosen = _spread(connection, here, (first, last), requirements, missing - len(expected), expected)
    return Canary(map_id, map_.name, completed, failed, expected, chosen)


def _ended(connection: Connection, condition: ColumnElement[bool], function_id: int, n: int) -> int:
    """Count the jobs of a status whose result is of this code, or that have none, up to ``n``."""
    effective = (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)
    some = (
        select(_jobs.c.id)
        .select_from(_jobs.outerjoin(_results, effective))
        .where(condition, (_results.c.function_id == function_id) | _results.c.job_id.is_(None))
        .limit(n)
        .subquery()
    )
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _expected(connection: Connection, workflow_id: int, map_id: int) -> list[int]:
    """Return the jobs of a map that workers have, and those for which a canary's worker is coming."""
    alive = select(_allocations.c.only).where(
        _allocations.c.workflow_id == workflow_id, _allocations.c.state.in_(ALIVE), _allocations.c.only.is_not(None)
    )
    promised = sorted({job_id for only in connection.scalars(alive) for job_id in only})
    of_workflow = select(schema.workers.c.id).where(schema.workers.c.workflow_id == workflow_id)
    # Neither is to be looked for among all jobs of the map, which SQLite would do.
    of_map = _jobs.c.map_id + literal_column("0") == map_id
    claimed = select(_jobs.c.id).where(of_map, schema.CLAIMED, _jobs.c.worker_id.in_(of_workflow))
    found = set(connection.scalars(claimed))
    if promised:
        found |= set(connection.scalars(select(_jobs.c.id).where(of_map, schema.READY, _jobs.c.id.in_(promised))))
    return sorted(found)


def _spread(
    connection: Connection,
    here: ColumnElement[bool],
    bounds: tuple[int, int],
    requirements: Collection[int],
    n: int,
    taken: Collection[int],
) -> list[int]:
    """Return so many jobs that are ready, evenly spread: the first, the last, and some between."""
    first, last = bounds
    found = set[int]()
    for step in range(max(0, n)):
        place = first + (last - first) * step // max(1, n - 1)
        fit = here & schema.READY & _jobs.c.requirement_id.in_(requirements) & _jobs.c.id.not_in({*found, *taken})
        after = select(_jobs.c.id).where(fit, _jobs.c.id >= place).order_by(_jobs.c.id)
        before = select(_jobs.c.id).where(fit, _jobs.c.id < place).order_by(_jobs.c.id.desc())
        job_id = connection.scalar(after.limit(1)) or connection.scalar(before.limit(1))
        if job_id is None:
            break
        found.add(job_id)
    return sorted(found)


def ready(connection: Connection, workflow_id: int, job_ids: Collection[int], now: float) -> dict[counts.Group, int]:
    """Return how many of these jobs may begin by now, by group."""
    n = func.count().label("n")
    statement = (
        select(_jobs.c.map_id, _jobs.c.requirement_id, n)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.id.in_(job_ids), schema.READY, _jobs.c.not_before <= now)
        .group_by(_jobs.c.map_id, _jobs.c.requirement_id)
    )
    return {counts.Group(row.map_id, row.requirement_id): row.n for row in connection.execute(statement)}


def statuses(database: Database, job_ids: Collection[int]) -> dict[JobStatus, int]:
    """Return how many of these jobs stand where; those that are gone stand nowhere."""
    statement = select(_jobs.c.status, func.count()).where(_jobs.c.id.in_(job_ids)).group_by(_jobs.c.status)
    with database.read() as connection:
        return {JobStatus(status): n for status, n in connection.execute(statement)}


def are_left(database: Database, job_ids: Collection[int]) -> bool:
    """Whether any of these jobs is ready or claimed."""
    going = [int(JobStatus.READY), *(int(status) for status in CLAIMED)]
    any_ = select(_jobs.c.id).where(_jobs.c.id.in_(job_ids), _jobs.c.status.in_(going)).limit(1)
    with database.read() as connection:
        return connection.scalar(any_) is not None
