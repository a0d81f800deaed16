"""What was asked of Slurm, or started on this machine, to bring workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, select, update

from torc_nb.errors import NotFound
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


def get(database: Database, allocation_id: int) -> AllocationModel:
    """Return an allocation.

    Raises
    ------
    NotFound
        None of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_allocations).where(_allocations.c.id == allocation_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no allocation {allocation_id}.")
    return _record(dict(row))


def may_ask(database: Database, workflow_id: int, age: float) -> bool:
    """Whether Slurm's last answer about a workflow's allocations is older than ``age`` seconds.

    Whoever gets True has promised to ask: the others wait for the answer to grow old again.
    """
    with database.write() as connection:
        now = database.now(connection)
        asked = connection.execute(
            update(_allocations)
            .where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.kind == "slurm",
                _allocations.c.state.in_(ALIVE),
                func.coalesce(_allocations.c.asked, 0.0) < now - age,
            )
            .values(asked=now)
        )
    return bool(asked.rowcount)


def listed(database: Database, workflow_id: int, *, alive: bool = False) -> list[AllocationModel]:
    """Return a workflow's allocations, oldest first; those that are alive only, if asked."""
    statement = select(_allocations).where(_allocations.c.workflow_id == workflow_id).order_by(_allocations.c.id)
    if alive:
        statement = statement.where(_allocations.c.state.in_(ALIVE))
    with database.read() as connection:
        rows = connection.execute(statement).mappings().all()
    return [_record(dict(row)) for row in rows]


def _record(row: Mapping[str, Any]) -> AllocationModel:
    return AllocationModel(**{name: value for name, value in row.items() if name != "asked"})
