"""Maps: one declared mapping each, of a function over rows; declared again, it changes only what differs."""

from __future__ import annotations

from array import array
from typing import Any

from sqlalchemy import Connection, Row, func, select

from torc_nb.errors import NotFound
from torc_nb.store import schema
from torc_nb.store.building import Declaration, sweep
from torc_nb.store.database import Database
from torc_nb.store.declaring import Outcome, declare, find
from torc_nb.store.matching import Parameters

__all__ = [
    "Declaration",
    "Outcome",
    "Parameters",
    "declare",
    "find",
    "get",
    "job_total",
    "listed",
    "order_of",
    "sweep",
]

_maps = schema.maps


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


def order_of(map_: Row[Any]) -> array[int] | None:
    """Return the job ids of the last call's rows in its order; None: all rows in the order of their ids."""
    if map_.order is None:
        return None
    ids = array("q")
    ids.frombytes(map_.order)
    return ids


def job_total(connection: Connection, workflow_id: int, map_id: int) -> int:
    """Count the jobs of a map."""
    table = schema.job_counts
    return int(
        connection.scalar(
            select(func.sum(table.c.n)).where(table.c.workflow_id == workflow_id, table.c.map_id == map_id)
        )
        or 0
    )
