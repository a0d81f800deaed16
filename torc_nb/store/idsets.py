"""Many job ids at once: one bit each in memory, one parameter in a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, bindparam, func, select

_FILLED = re.compile(rb"[^\0]")


class Ids:
    """A set of ids that are handed out one after the other: a million of them take an eighth of a megabyte."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self._n = 0
        for id_ in ids:
            self.add(id_)

    def __len__(self) -> int:
        return self._n

    def __contains__(self, id_: int) -> bool:
        byte = id_ >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (id_ & 7))

    def __iter__(self) -> Iterator[int]:
        """Give the ids in their order."""
        for found in _FILLED.finditer(self._bits):
            first, byte = found.start() << 3, found[0][0]
            yield from (first + bit for bit in range(8) if byte & 1 << bit)

    def add(self, id_: int) -> bool:
        """Add an id; whether it was not there before."""
        if id_ in self:
            return False
        byte = id_ >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1024 - len(self._bits)))
        self._bits[byte] |= 1 << (id_ & 7)
        self._n += 1
        return True

    def discard(self, id_: int) -> None:
        """Take an id out, where it is there."""
        if id_ in self:
            self._bits[id_ >> 3] &= ~(1 << (id_ & 7))
            self._n -= 1

    def pieces(self, size: int) -> Iterator[list[int]]:
        """Give the ids in their order, so many at a time; what is added meanwhile is not looked for."""
        ids = iter(Ids._copy(self))
        while piece := list(islice(ids, size)):
            yield piece

    def _copy(self) -> Ids:
        copy = Ids()
        copy._bits, copy._n = bytearray(self._bits), self._n
        return copy


def among(connection: Connection, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a column is one of these ids, thousands of them in one parameter."""
    if connection.dialect.name == "sqlite":
        given = func.json_each(f"[{','.join(map(str, ids))}]").table_valued("value")
        return column.in_(select(given.c.value))
    values: Any = bindparam("ids", list(ids), type_=ARRAY(BigInteger), unique=True)
    return column == func.any(values)
