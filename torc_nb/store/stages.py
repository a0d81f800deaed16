"""What a workflow is made of, maps and jobs of none, and which of them wait for which."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies
_blockers = schema.map_blockers

#: A map or a job, as ``("map", 3)``.
Place = tuple[str, int]


class PlainJob(NamedTuple):
    """A job of no map: its status as stored, and the map whose results it is given, where it is given some."""

    id: int
    name: str | None
    status: int
    collects: int | None


class Edge(NamedTuple):
    """What waits, for what, and whether it is given its results."""

    before: Place
    after: Place
    gives: bool


def number_of_plain_jobs(database: Database, workflow_id: int) -> int:
    """Count the jobs of no map."""
    counts = schema.job_counts
    statement = select(func.sum(counts.c.n)).where(counts.c.workflow_id == workflow_id, counts.c.map_id == 0)
    with database.read() as connection:
        return int(connection.scalar(statement) or 0)


def plain_jobs(database: Database, workflow_id: int) -> list[PlainJob]:
    """Return the jobs of no map in the order of their ids."""
    statement = (
        select(_jobs.c.id, _jobs.c.name, _jobs.c.status, _jobs.c.collects)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == 0)
        .order_by(_jobs.c.id)
    )
    with database.read() as connection:
        return [PlainJob(*row) for row in connection.execute(statement)]


def edges_of_maps(database: Database, workflow_id: int) -> list[Edge]:
    """Return what waits for whole maps, and what maps wait for."""
    with database.read() as connection:
        return [*_after_maps(connection, workflow_id), *_before_maps(connection, workflow_id)]


def edges_of_jobs(database: Database, workflow_id: int) -> list[Edge]:
    """Return which jobs wait for which single jobs; a job of a map stands for its map."""
    first, second = _jobs.alias("first"), _jobs.alias("second")
    statement = (
        select(first.c.id, first.c.map_id, second.c.id, second.c.map_id)
        .select_from(_of_jobs)
        .join(first, first.c.id == _of_jobs.c.blocked_by)
        .join(second, second.c.id == _of_jobs.c.job_id)
        .where(second.c.workflow_id == workflow_id)
        .order_by(second.c.id, first.c.id)
    )
    with database.read() as connection:
        rows = connection.execute(statement).all()
    return [Edge(_place(*row[:2]), _place(*row[2:]), gives=False) for row in rows]


def _after_maps(connection: Connection, workflow_id: int) -> list[Edge]:
    statement = (
        select(_of_maps.c.blocked_by_map_id, _of_maps.c.job_id, _of_maps.c.map_id, _of_maps.c.each, _jobs.c.collects)
        .join(_maps, _maps.c.id == _of_maps.c.blocked_by_map_id)
        .outerjoin(_jobs, _jobs.c.id == _of_maps.c.job_id)
        .where(_maps.c.workflow_id == workflow_id)
        .order_by(_of_maps.c.id)
    )
    return [
        Edge(("map", row[0]), ("map", row[2]) if row[1] is None else ("job", row[1]), row[3] or row[0] == row[4])
        for row in connection.execute(statement)
    ]


def _before_maps(connection: Connection, workflow_id: int) -> list[Edge]:
    statement = (
        select(_blockers.c.blocked_by, _jobs.c.map_id, _blockers.c.map_id)
        .join(_maps, _maps.c.id == _blockers.c.map_id)
        .join(_jobs, _jobs.c.id == _blockers.c.blocked_by)
        .where(_maps.c.workflow_id == workflow_id)
        .order_by(_blockers.c.map_id, _blockers.c.blocked_by)
    )
    rows = connection.execute(statement)
    return [Edge(_place(job, map_), ("map", waiting), gives=False) for job, map_, waiting in rows]


def _place(job_id: int, map_id: int) -> Place:
    return ("map", map_id) if map_id else ("job", job_id)
