"""What happened, in the database's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from torc_nb import models
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.slices import number_of, slice_of

_events = schema.events


def add(
    database: Database,
    connection: Connection,
    workflow_id: int,
    kind: str,
    *,
    job_id: int | None = None,
    worker_id: int | None = None,
    **data: Any,
) -> None:
    """Write an event in the caller's transaction."""
    connection.execute(
        insert(_events).values(
            workflow_id=workflow_id,
            time=database.now(connection),
            kind=kind,
            job_id=job_id,
            worker_id=worker_id,
            data=data,
        )
    )


def listed(
    database: Database,
    workflow_id: int,
    limit: int | None = 1000,
    *,
    kinds: Sequence[str] | None = None,
    job_id: int | None = None,
    since: float | None = None,
    offset: int = 0,
) -> list[models.EventModel]:
    """Return the newest events, oldest first: those of some kinds, of one job, or since a time only, if asked."""
    statement = select(_events).where(_events.c.workflow_id == workflow_id).order_by(_events.c.id.desc())
    if kinds is not None:
        statement = statement.where(_events.c.kind.in_(kinds))
    if job_id is not None:
        statement = statement.where(_events.c.job_id == job_id)
    if since is not None:
        statement = statement.where(_events.c.time >= since)
    with database.read() as connection:
        rows = connection.execute(slice_of(statement, limit, offset)).mappings()
        return [models.EventModel(**row) for row in reversed(rows.all())]


def newest(database: Database, workflow_id: int) -> int:
    """Return the id of the newest event of a workflow; 0 where nothing happened."""
    with database.read() as connection:
        found = connection.scalar(select(func.max(_events.c.id)).where(_events.c.workflow_id == workflow_id))
    return found or 0


def number(database: Database, workflow_id: int) -> int:
    """Return how many events a workflow has."""
    with database.read() as connection:
        return connection.scalar(number_of(_events, workflow_id)) or 0
