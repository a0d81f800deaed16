"""The driver's own tuples of a long answer: of a million, a row object each would cost more than reading them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import CursorResult


def tuples(found: CursorResult[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement that was executed with ``yield_per``, of columns that need no conversion."""
    first = found.fetchone()  # SQLAlchemy has fetched this one already, and only this one
    if first is None:
        return
    yield tuple(first)
    while chunk := found.cursor.fetchmany(size):
        yield from chunk
