"""Nodes of Slurm's that a workflow leaves alone: on which all failed that others completed, or that the user named."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from torc_nb import models
from torc_nb.errors import NotFound
from torc_nb.store import bulk, events, schema
from torc_nb.store.database import Database

_nodes = schema.excluded_nodes


def add(database: Database, workflow_id: int, node: str, reason: str) -> bool:
    """Exclude a node as the user wants it; False where it is excluded already."""
    with database.write() as connection:
        return enter(database, connection, workflow_id, node, reason)


def enter(
    database: Database, connection: Connection, workflow_id: int, node: str, reason: str, worker_id: int | None = None
) -> bool:
    """Exclude a node in the caller's transaction; False where it is excluded already, for the reason it was."""
    values: dict[str, Any] = {
        "workflow_id": workflow_id,
        "node": node,
        "reason": reason,
        "excluded": database.now(connection),
        "worker_id": worker_id,
    }
    statement = bulk.insert_on_conflict(connection.dialect.name, _nodes).on_conflict_do_nothing()
    is_new = connection.scalar(statement.values(values).returning(_nodes.c.node)) is not None
    if is_new:
        events.add(
            database, connection, workflow_id, "node excluded", worker_id=worker_id, node=node, reason=reason
        )
    return is_new


def remove(database: Database, workflow_id: int, node: str) -> None:
    """Let a workflow's allocations go to a node again.

    Raises
    ------
    NotFound
        It is not excluded; the message lists those that are.
    """
    with database.write() as connection:
        here = (_nodes.c.workflow_id == workflow_id) & (_nodes.c.node == node)
        if not connection.execute(delete(_nodes).where(here)).rowcount:
            there = ", ".join(_names(connection, workflow_id)) or "none"
            raise NotFound(f"Node {node!r} is not excluded; of this workflow there are: {there}.")
        events.add(database, connection, workflow_id, "node allowed again", node=node)


def listed(database: Database, workflow_id: int) -> list[models.ExcludedNodeModel]:
    """Return the nodes that are excluded, those longest first."""
    chosen = select(_nodes).where(_nodes.c.workflow_id == workflow_id).order_by(_nodes.c.excluded, _nodes.c.node)
    with database.read() as connection:
        return [models.ExcludedNodeModel(**row) for row in connection.execute(chosen).mappings()]


def names(database: Database, workflow_id: int) -> list[str]:
    """Return the names of the nodes that are excluded."""
    with database.read() as connection:
        return _names(connection, workflow_id)


def reason(database: Database, workflow_id: int, node: str) -> str | None:
    """Return why a node is excluded; None where it is not."""
    here = (_nodes.c.workflow_id == workflow_id) & (_nodes.c.node == node)
    with database.read() as connection:
        found: str | None = connection.scalar(select(_nodes.c.reason).where(here))
    return found


def _names(connection: Connection, workflow_id: int) -> list[str]:
    chosen = select(_nodes.c.node).where(_nodes.c.workflow_id == workflow_id).order_by(_nodes.c.node)
    return list(connection.scalars(chosen))
