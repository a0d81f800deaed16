"""What happened, in the database's time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from torc_nb import models
from torc_nb.store import schema
from torc_nb.store.database import Database

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


def listed(database: Database, workflow_id: int, limit: int = 1000) -> list[models.EventModel]:
    """Return the newest events, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(_events).where(_events.c.workflow_id == workflow_id).order_by(_events.c.id.desc()).limit(limit)
        ).mappings()
        return [models.EventModel(**row) for row in reversed(rows.all())]
