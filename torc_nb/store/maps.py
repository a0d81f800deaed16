"""Maps: one declared mapping each, of a function over rows; declared again, it changes only what differs."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select, update

from torc_nb.errors import NotFound
from torc_nb.store import events, schema
from torc_nb.store.building import Declaration, sweep
from torc_nb.store.database import Database
from torc_nb.store.declaring import Outcome, declare, find, take_requirement
from torc_nb.store.matching import Parameters

__all__ = [
    "Declaration",
    "Outcome",
    "Parameters",
    "declare",
    "declared_digests",
    "find",
    "get",
    "job_total",
    "jobs_of",
    "keys_of",
    "listed",
    "of_stretch",
    "order_of",
    "set_priority",
    "set_requirement",
    "stretches",
    "sweep",
]

_maps = schema.maps
_jobs = schema.jobs

#: How many jobs one query reads.
_PAGE = 10_000


def get(database: Database, map_id: int) -> Row[Any]:
    """Return a map.

    Raises
    ------
    NotFound
        No visible map of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_maps).where(_maps.c.id == map_id, _maps.c.state == "ready")).first()
    if row is None:
        raise NotFound(f"There is no map {map_id} in {database!r}.")
    return row


def listed(database: Database, workflow_id: int) -> list[Row[Any]]:
    """Return the visible maps of a workflow in the order of their declaration."""
    with database.read() as connection:
        return list(
            connection.execute(
                select(_maps).where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready").order_by(_maps.c.id)
            )
        )


def set_priority(database: Database, map_id: int, priority: int) -> None:
    """Let a map's jobs be claimed before those of maps of a lower priority: one row, however many jobs it has.

    Raises
    ------
    NotFound
        No visible map of that id.
    """
    map_ = get(database, map_id)
    with database.write() as connection:
        connection.execute(update(_maps).where(_maps.c.id == map_id).values(priority=priority))
        if map_.postprocess_id is not None:
            connection.execute(update(_jobs).where(_jobs.c.id == map_.postprocess_id).values(priority=priority))
        events.add(database, connection, map_.workflow_id, "map priority set", map_id=map_id, priority=priority)


def set_requirement(database: Database, map_id: int, requirement_id: int) -> int:
    """Let a map's jobs ask for something else, but those that run or have a request of their own.

    Those that finished ask for it when they run again. Returns how many that wait were changed.

    Raises
    ------
    NotFound
        No visible map of that id.
    """
    map_ = get(database, map_id)
    with database.write() as connection:
        connection.execute(update(_maps).where(_maps.c.id == map_id).values(requirement_id=requirement_id))
        events.add(
            database, connection, map_.workflow_id, "map requirements set", map_id=map_id, before=map_.requirement_id,
            after=requirement_id,
        )  # fmt: skip
    return take_requirement(database, map_.workflow_id, map_id, requirement_id)


def order_of(map_: Row[Any]) -> array[int] | None:
    """Return the job ids of the last call's rows in its order; None: all rows in the order of their ids."""
    if map_.order is None:
        return None
    ids = array("q")
    ids.frombytes(map_.order)
    return ids


def declared_digests(database: Database, workflow_id: int, map_id: int) -> Iterator[bytes]:
    """Yield the digests of a map's parameters, as they were given, in the order of the jobs' ids."""
    for job in _paged(database, workflow_id, map_id, _jobs.c.declared_digest):
        yield bytes(job.declared_digest)


def keys_of(database: Database, workflow_id: int, map_id: int) -> Iterator[tuple[int, str | None]]:
    """Yield the jobs of a map with their keys as stored, in the order of their ids."""
    for job in _paged(database, workflow_id, map_id, _jobs.c.key):
        yield job.id, job.key


def jobs_of(database: Database, workflow_id: int, map_id: int) -> list[Row[Any]]:
    """Return the jobs of a map in the order of their ids, without what they are given."""
    columns = (_jobs.c.row, _jobs.c.name, _jobs.c.status, _jobs.c.priority, _jobs.c.requirement_id)
    return list(_paged(database, workflow_id, map_id, *columns))


def _paged(database: Database, workflow_id: int, map_id: int, *columns: ColumnElement[Any]) -> Iterator[Row[Any]]:
    """Read jobs in pages, so that no transaction stays open while the reader thinks."""
    of_map = (_jobs.c.workflow_id == workflow_id) & (_jobs.c.map_id == map_id)
    last = 0
    while True:
        statement = select(_jobs.c.id, *columns).where(of_map, _jobs.c.id > last).order_by(_jobs.c.id).limit(_PAGE)
        with database.read() as connection:
            page = connection.execute(statement).all()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].id


def stretches(database: Database, workflow_id: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last id of stretches that hold all jobs of a workflow, at most ``size`` each."""
    with database.read() as connection:
        first, last = connection.execute(
            select(func.min(_jobs.c.id), func.max(_jobs.c.id)).where(_jobs.c.workflow_id == workflow_id)
        ).one()
    if first is not None:
        yield from ((start, min(start + size - 1, last)) for start in range(first, last + 1, size))


def of_stretch(workflow_id: int, first: int, last: int) -> ColumnElement[bool]:
    """Return the condition on the jobs of a stretch.

    They are found by their ids: the index of maps, which SQLite would take, has to be read whole for each stretch.
    """
    return (_jobs.c.workflow_id + literal_column("0") == workflow_id) & _jobs.c.id.between(first, last)


def job_total(connection: Connection, workflow_id: int, map_id: int) -> int:
    """Count the jobs of a map."""
    table = schema.job_counts
    return int(
        connection.scalar(
            select(func.sum(table.c.n)).where(table.c.workflow_id == workflow_id, table.c.map_id == map_id)
        )
        or 0
    )
