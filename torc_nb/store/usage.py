"""What attempts took of what they asked for: a sample where there are many, with the extremes of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select

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

#: Seconds that a job has to take for its share of a CPU to mean anything.
LONG_ENOUGH = 0.1


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


class Extremes(NamedTuple):
    """The most that any of ``n`` jobs took which asked for the same and ran with the current code; None: not known."""

    n: int
    completed: int
    seconds: float | None  # of those that completed
    peak_memory: int
    cpus: float | None


class Stopped(NamedTuple):
    """How many jobs that asked for the same a walltime has cut, after how long at most, and how many took too much."""

    cut: int = 0
    longest_cut: float = 0.0
    out_of_memory: int = 0


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


def sampled(
    database: Database,
    workflow_id: int,
    map_id: int,
    run_id: int | None,
    share: float,
    function_id: int | None = None,
) -> Sequence[Used]:
    """Return what a share of a map's jobs took; with this code, where it is given."""
    columns = (_jobs.c.requirement_id, *(_results.c[name] for name in Used._fields[1:]))
    statement = _of(workflow_id, map_id, run_id, *columns)
    if function_id is not None:
        statement = statement.where(_results.c.function_id == function_id)
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


def extremes(
    database: Database, workflow_id: int, map_id: int, requirement_id: int, function_id: int | None
) -> Extremes:
    """Return the most that any job of a map took which asked for this and ran with this code (None: whatever)."""
    is_completed = _results.c.status == int(JobStatus.COMPLETED)
    columns = (
        func.count(),
        func.count(case((is_completed, 1))),
        func.max(case((is_completed, _results.c.seconds))),
        func.coalesce(func.max(_results.c.peak_memory), 0),
        func.max(case((_results.c.seconds >= LONG_ENOUGH, _results.c.cpu_seconds / _results.c.seconds))),
    )
    statement = _of(workflow_id, map_id, None, *columns).where(_jobs.c.requirement_id == requirement_id)
    if function_id is not None:
        statement = statement.where(_results.c.function_id == function_id)
    with database.read() as connection:
        return Extremes(*connection.execute(statement).one())


def stopped(database: Database, workflow_id: int, map_id: int) -> dict[int, Stopped]:
    """Return how many jobs of a map a walltime has cut, and how many took too much memory, by what they asked for."""
    here = (_jobs.c.workflow_id == workflow_id) & (_jobs.c.map_id == map_id)
    cut = (
        select(_jobs.c.requirement_id, func.count(), func.max(_jobs.c.longest_cut))
        .where(here, _jobs.c.longest_cut.is_not(None))
        .group_by(_jobs.c.requirement_id)
    )
    too_large = (
        select(_jobs.c.requirement_id, func.count())
        .select_from(_jobs.join(_results, _effective))
        .where(here, schema.UNSUCCESSFUL, _results.c.error_type == "MemoryError")
        .group_by(_jobs.c.requirement_id)
    )
    with database.read() as connection:
        found = {row[0]: Stopped(row[1], row[2]) for row in connection.execute(cut)}
        for requirement_id, n in connection.execute(too_large):
            found[requirement_id] = found.get(requirement_id, Stopped())._replace(out_of_memory=n)
    return found


def asked(database: Database, workflow_id: int) -> dict[tuple[int, int], int]:
    """Return how many jobs of each map (0: of none) ask for what, by the kept counts."""
    statement = (
        select(_counts.c.map_id, _counts.c.requirement_id, func.sum(_counts.c.n))
        .where(_counts.c.workflow_id == workflow_id)
        .group_by(_counts.c.map_id, _counts.c.requirement_id)
        .order_by(_counts.c.map_id, _counts.c.requirement_id)
    )
    with database.read() as connection:
        return {(map_id, requirement_id): int(n) for map_id, requirement_id, n in connection.execute(statement) if n}


def _of(workflow_id: int, map_id: int, run_id: int | None, *columns: ColumnElement[Any]) -> Select[Any]:
    statement = (
        select(*columns)
        .select_from(_jobs.join(_results, _effective))
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id, _results.c.seconds < FAR)
    )
    return statement if run_id is None else statement.where(_results.c.run_id == run_id)
