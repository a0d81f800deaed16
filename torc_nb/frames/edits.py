"""An edited table of parameters: which of its cells differ from what is stored, and the values that they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_nb.errors import CannotStore, InvalidRequest
from torc_nb.frames.remembering import Remembered
from torc_nb.values import equal, recast

_ABSENT: Any = object()
_NUMBERS = (int, float, bool)
_TIMES = (dt.date, dt.time, dt.timedelta)


class Cell(NamedTuple):
    """A cell that was changed; ``old`` is NA where the row had no such parameter."""

    column: Hashable
    old: Any
    new: Any


class Edited(NamedTuple):
    """A row that was changed: its place in the table, its new value, its changed cells."""

    place: int
    value: Any
    cells: list[Cell]


def check_columns(frame: pd.DataFrame, seen: Remembered) -> None:
    """Make sure that a table has the columns that it was made with, in whatever order.

    Raises
    ------
    InvalidRequest
        Some are missing, or new, or there twice.
    """
    missing = [str(name) for name in seen.columns if name not in frame.columns]
    new = [str(name) for name in frame.columns if name not in seen.columns]
    if missing or new or not frame.columns.is_unique:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(new)}, which m.params() did not have"] if new else []
        raise InvalidRequest(
            f"The DataFrame {' and '.join(parts) or 'has a column twice'}. Edit the values of m.params(), and give all "
            "its columns; other parameters are a matter of map(…)."
        )


def places(frame: pd.DataFrame, labels: pd.Index[Any]) -> np.ndarray[Any, Any]:
    """Return for each row of a table its place among the map's rows, which have these labels.

    Raises
    ------
    InvalidRequest
        A row is there twice, or no row of the map has its label.
    """
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise InvalidRequest(f"Row {twice!r} is in the DataFrame twice; which of the two is meant?")
    found = np.asarray(labels.get_indexer(frame.index))
    unknown = frame.index[found < 0]
    if len(unknown):
        raise InvalidRequest(
            f"{len(unknown):,} row(s) are none of the map's: {', '.join(repr(one) for one in unknown[:3])}. New rows "
            "are a matter of map(…); the index tells which row is which, so leave it as m.params() has it."
        )
    return found


def edited(piece: pd.DataFrame, seen: Remembered, stored: Sequence[Any]) -> Iterator[Edited]:
    """Give the rows of a table that differ from what is stored.

    Parameters
    ----------
    piece
        Rows of the table.
    stored
        What is stored for each of them.

    Raises
    ------
    InvalidRequest
        A cell cannot be read as the type of what is stored.
    """
    rows = [parts(value, seen.kind) for value in stored]
    changed: dict[int, list[Cell]] = {}
    for label in seen.columns:
        name = int(str(label).removeprefix("params.")) if seen.kind == "positions" else label
        for place, (row, cell) in enumerate(zip(rows, piece[label].tolist(), strict=True)):
            old = row.get(name, _ABSENT)
            if not _same(old, cell):
                new = _as_stored(old, cell, str(label))
                changed.setdefault(place, []).append(Cell(name, pd.NA if old is _ABSENT else old, new))
    for place in sorted(changed):
        yield Edited(place, whole(stored[place], seen.kind, changed[place]), changed[place])


def parts(value: Any, kind: str) -> dict[Hashable, Any]:
    """Return the cells of a row by the names, or numbers, of their columns."""
    if kind == "whole":
        return {"params": value}
    if kind == "positions":
        return dict(enumerate(value))
    return value if isinstance(value, dict) else {}


def whole(old: Any, kind: str, cells: Sequence[Cell]) -> Any:
    """Put a row together again, with some of its cells changed."""
    if kind == "whole":
        return cells[0].new
    changed = {cell.column: cell.new for cell in cells}
    if kind == "positions":
        return type(old)(changed.get(place, item) for place, item in enumerate(old))
    return {**(old if isinstance(old, dict) else {}), **changed}


def _same(old: Any, cell: Any) -> bool:
    """Whether a cell shows what is stored, in whatever type its column has it."""
    kind = type(old)
    if kind is type(cell) and (kind is int or kind is str):
        return bool(old == cell)
    if _is_missing(cell):
        return old is _ABSENT or _is_missing(old)
    if kind in _NUMBERS and isinstance(cell, int | float | np.generic):
        # A column that has become one of floats holds whole numbers as such, large ones not exactly.
        return bool(
            old == cell or (kind is int and isinstance(cell, float) and abs(old) > 2**53 and float(old) == cell)
        )
    if isinstance(old, _TIMES) and isinstance(cell, _TIMES) and not isinstance(old, dt.time):
        return bool(old == cell)
    if isinstance(old, np.generic) and isinstance(cell, int | float | str | np.generic):
        return bool(old == cell)
    if old is _ABSENT:
        return False
    try:
        return equal(old, cell)
    except CannotStore:
        return False


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _as_stored(old: Any, cell: Any, label: str) -> Any:
    """Return a changed cell as it is stored: what pandas made of it taken back."""
    if _is_missing(cell):
        is_number = isinstance(old, int | float | np.floating) and not isinstance(old, bool)
        return cell if is_number and isinstance(cell, float) else None
    if isinstance(cell, pd.Timestamp) and not isinstance(old, pd.Timestamp):
        cell = cell.to_pydatetime()
        if type(old) is dt.date:
            return cell.date()
    elif isinstance(cell, pd.Timedelta) and not isinstance(old, pd.Timedelta):
        cell = cell.to_pytimedelta()
    elif isinstance(cell, np.generic) and not isinstance(old, np.generic):
        cell = cell.item()
    if type(old) is int and type(cell) is float and cell.is_integer():
        return int(cell)
    return cell if old is _ABSENT else recast(old, cell, label)
