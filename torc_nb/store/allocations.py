"""What was asked of Slurm, or started on this machine, to bring workers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from torc_nb.models import AllocationModel
from torc_nb.store import events, schema
from torc_nb.store.database import Database

_allocations = schema.allocations

#: States in which an allocation still brings, or will bring, a worker.
ALIVE = ("submitted", "running")


def create(database: Database, workflow_id: int, kind: str, n: int, scheduler_id: int | None = None) -> list[int]:
    """Enter ``n`` allocations before they are submitted, so that their workers can name them; returns their ids."""
    with database.write() as connection:
        now = database.now(connection)
        values = {
            "workflow_id": workflow_id,
            "scheduler_id": scheduler_id,
            "kind": kind,
            "state": "submitted",
            "submitted": now,
            "log": "",
            "message": "",
        }
        ids = [
            int(connection.scalar(insert(_allocations).values(values).returning(_allocations.c.id)) or 0)
            for _ in range(n)
        ]
        events.add(database, connection, workflow_id, "allocations submitted", scheduler=kind, ids=ids)
    return ids


def change(database: Database, allocation_id: int, **values: Any) -> None:
    """Write what became known of an allocation."""
    with database.write() as connection:
        connection.execute(update(_allocations).where(_allocations.c.id == allocation_id).values(values))


def end(database: Database, allocation_id: int, state: str, message: str) -> None:
    """End an allocation that is alive, in ``ended`` or ``failed``."""
    with database.write() as connection:
        connection.execute(
            update(_allocations)
            .where(_allocations.c.id == allocation_id, _allocations.c.state.in_(ALIVE))
            .values(state=state, message=message, ended=database.now(connection))
        )


def listed(database: Database, workflow_id: int, *, alive: bool = False) -> list[AllocationModel]:
    """Return a workflow's allocations, oldest first; those that are alive only, if asked."""
    statement = select(_allocations).where(_allocations.c.workflow_id == workflow_id).order_by(_allocations.c.id)
    if alive:
        statement = statement.where(_allocations.c.state.in_(ALIVE))
    with database.read() as connection:
        rows = connection.execute(statement).mappings().all()
    return [AllocationModel(**{name: value for name, value in row.items() if name != "asked"}) for row in rows]
