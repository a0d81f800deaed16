"""Values, one a row, spread over columns as long as they are dicts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from torc_nb.frames.columns import Column, compact, joined, listed, natural
from torc_nb.frames.nesting import flattened, nested

#: How much larger than what stands in it a table may be; dicts of ever new keys are not spread.
SPARSEST = 100

_SPREAD = {dict, NoneType, type(pd.NA)}


@dataclass
class _Piece:
    """Rows that followed each other: their columns, and the values that were no dict with anything in it."""

    length: int
    columns: dict[Hashable, list[Any] | np.ndarray[Any, Any]]
    blanks: dict[int, Any]

    def rows(self) -> Iterable[Any]:
        """Put the values together again."""
        names, lists = list(self.columns), [listed(column) for column in self.columns.values()]
        for i in range(self.length):
            row = {name: values[i] for name, values in zip(names, lists, strict=True) if values[i] is not pd.NA}
            yield self.blanks[i] if i in self.blanks else nested(row)


class Spread:
    """Takes values in pieces, so that a million dicts never stand in memory together.

    Parameters
    ----------
    flat : bool
        Spread the dicts within dicts too.
    """

    def __init__(self, *, flat: bool = False) -> None:
        self._flat = flat
        self._pieces: list[_Piece | list[Any]] = []
        self._are_dicts = True
        self._dicts = 0
        self._filled = 0
        self._names: dict[Hashable, None] = {}

    def __len__(self) -> int:
        return sum(piece.length if isinstance(piece, _Piece) else len(piece) for piece in self._pieces)

    def extend(self, values: list[Any]) -> None:
        """Add rows: dicts, or anything else; None and NA are rows that say nothing."""
        self._are_dicts = self._are_dicts and set(map(type, values)) <= _SPREAD
        self._pieces.append(self._spread(values) if self._are_dicts else values)

    def _spread(self, values: list[Any]) -> _Piece:
        blanks = {i: value for i, value in enumerate(values) if not (type(value) is dict and value)}
        rows = [{} if i in blanks else value for i, value in enumerate(values)] if blanks else values
        rows = list(map(flattened, rows)) if self._flat else rows
        names = dict.fromkeys(chain.from_iterable(rows))
        filled = sum(map(len, rows))
        self._filled += filled
        self._names.update(names)
        self._dicts += len(rows) - len(blanks)
        if len(self._names) * self._dicts > SPARSEST * self._filled:
            self._are_dicts = False
            return _Piece(len(values), {}, dict(enumerate(values)))
        if filled == len(names) * len(rows):
            found = {name: compact([row[name] for row in rows]) for name in names}
        else:
            found = {name: compact([row.get(name, pd.NA) for row in rows]) for name in names}
        return _Piece(len(values), found, blanks)

    def columns(self) -> dict[Hashable, Column] | None:
        """Return a column for each key of the dicts; None where the values are no dicts, or of too many keys."""
        if not self._are_dicts:
            return None
        return {name: joined([self._part(piece, name) for piece in self._pieces]) for name in self._names}

    @staticmethod
    def _part(piece: _Piece | list[Any], name: Hashable) -> list[Any] | np.ndarray[Any, Any]:
        assert isinstance(piece, _Piece)
        return piece.columns[name] if name in piece.columns else [pd.NA] * piece.length

    def whole(self) -> Column:
        """Return one column with the values as they are."""
        rows = (piece.rows() if isinstance(piece, _Piece) else piece for piece in self._pieces)
        return natural(list(chain.from_iterable(rows)))
