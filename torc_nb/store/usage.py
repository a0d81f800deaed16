"""What attempts took of what they asked for: a sample where there are many, with the extremes of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal_column, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.spans import FAR

_jobs = schema.jobs
_results = schema.results
_counts = schema.job_counts

_effective = (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)

#: A job is in a sample by where its id, times the golden ratio, falls in a circle: evenly, whatever pattern ids follow.
_GOLDEN, _CIRCLE = 2654435761, 2**32
#: Ids are cut to so many before, so that the product stays within 64 bits.
_IDS = 2**30


class Used(NamedTuple):
    """What a job's newest result took; memory in bytes, times in seconds."""

    requirement_id: int
    status: int
    seconds: float
    cpu_seconds: float
    peak_memory: int


class Most(NamedTuple):
    """How many results there are of jobs that asked for the same, and the most that any took."""

    requirement_id: int
    n: int
    seconds: float
    peak_memory: int


def numbers(database: Database, workflow_id: int) -> dict[int, int]:
    """Return how many jobs of each map (0: of none) have ended after they ran, by the kept counts."""
    ran = [int(status) for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.TERMINATED)]
    statement = (
        select(_counts.c.map_id, func.sum(_counts.c.n))
        .where(_counts.c.workflow_id == workflow_id, _counts.c.status.in_(ran))
        .group_by(_counts.c.map_id)
    )
    with database.read() as connection:
        return {map_id: int(n) for map_id, n in connection.execute(statement) if n}


def sampled(database: Database, workflow_id: int, map_id: int, run_id: int | None, share: float) -> Sequence[Used]:
    """Return what a share of a map's jobs took."""
    columns = (_jobs.c.requirement_id, *(_results.c[name] for name in Used._fields[1:]))
    statement = _of(workflow_id, map_id, run_id, *columns)
    if share < 1:
        place = _jobs.c.id % literal_column(str(_IDS)) * literal_column(str(_GOLDEN)) % literal_column(str(_CIRCLE))
        statement = statement.where(place < int(share * _CIRCLE))
    with database.read() as connection:
        return [Used(*row) for row in connection.execute(statement)]


def most(database: Database, workflow_id: int, map_id: int, run_id: int | None) -> list[Most]:
    """Return the most that any of a map's jobs took, by what they asked for."""
    asked = select(_counts.c.requirement_id).where(_counts.c.workflow_id == workflow_id, _counts.c.map_id == map_id)
    columns = (func.count(), func.max(_results.c.seconds), func.max(_results.c.peak_memory))
    statement = _of(workflow_id, map_id, run_id, *columns)
    found = []
    with database.read() as connection:
        # One by one: grouped, a million rows would be sorted.
        for requirement_id in sorted(set(connection.scalars(asked))):
            row = connection.execute(statement.where(_jobs.c.requirement_id == requirement_id)).one()
            found += [Most(requirement_id, *row)] if row[0] else []
    return found


def _of(workflow_id: int, map_id: int, run_id: int | None, *columns: ColumnElement[Any]) -> Select[Any]:
    statement = (
        select(*columns)
        .select_from(_jobs.join(_results, _effective))
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id, _results.c.seconds < FAR)
    )
    return statement if run_id is None else statement.where(_results.c.run_id == run_id)
