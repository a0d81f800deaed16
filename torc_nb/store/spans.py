"""When attempts ran and on which worker: one by one, or added up over stretches of time where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_workers = schema.workers

_ended = _results.c.started + _results.c.seconds

#: Later than any end, in seconds: on PostgreSQL what is no number at all is more than any.
FAR = 1e15

#: More than there are statuses.
_STATUSES = 16


@dataclass(frozen=True)
class Chosen:
    """Which attempts: of a workflow, of some of its maps only (0: jobs of none), of one run id only."""

    workflow_id: int
    map_ids: Sequence[int] | None = None
    run_id: int | None = None


class Span(NamedTuple):
    """One attempt: by whom, how it ended, and from when to when."""

    worker_id: int
    status: int
    started: float
    ended: float


class Extent(NamedTuple):
    """How many attempts there are, when the first began and when the last ended."""

    n: int
    first: float
    last: float


class Heap(NamedTuple):
    """Attempts of one worker that began in one stretch of time and ended in one, with the sums of their times."""

    worker_id: int
    status: int
    began_in: int
    ended_in: int
    n: int
    started: float
    ended: float


def spans(database: Database, chosen: Chosen, limit: int) -> list[Span]:
    """Return attempts one by one, at most ``limit``."""
    columns = (_results.c.worker_id, _results.c.status, _results.c.started, _ended)
    with database.read() as connection:
        return [Span(*row) for row in connection.execute(_of(chosen, *columns).limit(limit))]


def extent(database: Database, chosen: Chosen) -> Extent:
    """Return how many attempts there are, and from when to when."""
    statement = _of(chosen, func.count(), func.min(_results.c.started), func.max(_ended))
    with database.read() as connection:
        n, first, last = connection.execute(statement).one()
    return Extent(n, first or 0.0, last or 0.0)


def heaps(database: Database, chosen: Chosen, extent: Extent, stretches: int) -> list[Heap]:
    """Add attempts up by worker, status, and the stretches of time in which they began and ended.

    The sums of when they began and ended, counted from the extent's begin, give exactly how long each stretch was
    worked in, however many attempts there are.
    """
    width = max(extent.last - extent.first, 1e-6) / stretches
    began, ended = _results.c.started - extent.first, _ended - extent.first
    # One number for all that attempts are told apart by, which is sorted much faster than four columns.
    key: ColumnElement[int] = _results.c.worker_id * _STATUSES + _results.c.status
    for moment in (began, ended):
        key = key * stretches + _whole(database, moment / width, stretches)
    found = _of(chosen, key.label("key"), began.label("began"), ended.label("ended")).subquery()
    statement = select(found.c.key, func.count(), func.sum(found.c.began), func.sum(found.c.ended))
    with database.read() as connection:
        return [_heap(stretches, *row) for row in connection.execute(statement.group_by(found.c.key))]


def _heap(stretches: int, key: int, n: int, began: float, ended: float) -> Heap:
    key, ended_in = divmod(key, stretches)
    key, began_in = divmod(key, stretches)
    return Heap(*divmod(key, _STATUSES), began_in, ended_in, n, began, ended)


def running(database: Database, chosen: Chosen) -> dict[int, int]:
    """Return how many jobs run now, by worker; when they began is recorded when they end."""
    statement = (
        select(_jobs.c.worker_id, func.count())
        .where(_jobs.c.workflow_id == chosen.workflow_id, _jobs.c.worker_id.is_not(None), schema.CLAIMED)
        .where(_jobs.c.status == int(JobStatus.RUNNING))
        .group_by(_jobs.c.worker_id)
    )
    if chosen.map_ids is not None:
        statement = statement.where(_jobs.c.map_id.in_(chosen.map_ids))
    with database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def now(database: Database) -> float:
    """Tell the time by the database's clock."""
    with database.read() as connection:
        return database.now(connection)


def _of(chosen: Chosen, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select of attempts; those of a whole workflow are found by its workers, which spares the look at each job."""
    statement = select(*columns).where(_ended < FAR)
    if chosen.map_ids is None:
        workers = select(_workers.c.id).where(_workers.c.workflow_id == chosen.workflow_id)
        statement = statement.where(_results.c.worker_id.in_(workers))
    else:
        statement = statement.join(_jobs, _jobs.c.id == _results.c.job_id).where(
            _jobs.c.workflow_id == chosen.workflow_id, _jobs.c.map_id.in_(chosen.map_ids)
        )
    if chosen.run_id is not None:
        statement = statement.where(_results.c.run_id == chosen.run_id)
    return statement


def _whole(database: Database, number: ColumnElement[Any], below: int) -> ColumnElement[int]:
    """Round down, to at most ``below - 1``; SQLite may be built without ``floor``, and PostgreSQL's cast rounds."""
    whole = cast(number if database.is_sqlite else func.floor(number), BigInteger)
    return case((whole >= below, below - 1), else_=whole)
