"""Part of a listing: so many of its rows, from one of them on, and how many there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, func, select

#: SQLite takes no OFFSET without a LIMIT.
_ALL = 2**63 - 1


def slice_of(statement: Select[Any], limit: int | None, offset: int = 0) -> Select[Any]:
    """Return a statement that gives some rows of the other's."""
    if limit is None and not offset:
        return statement
    return statement.limit(_ALL if limit is None else limit).offset(offset)


def number_of(table: Table, workflow_id: int) -> Select[int]:
    """Return a statement that counts the rows of a workflow."""
    return select(func.count()).select_from(table).where(table.c.workflow_id == workflow_id)
