"""Stored values as the panel shows them: plain data, cut, with nothing imported, unpickled or built from it."""

from __future__ import annotations

import math
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

from torc_nb.values.opaque import Opaque
from torc_nb.values.shown import shown

#: Texts of more characters, containers of more items, and what stands deeper is cut.
MOST_TEXT, MOST_ITEMS, DEEPEST = 200, 50, 6
#: JavaScript has no whole numbers beyond this.
_LARGEST = 2**53

#: Whose own words are harmless.
_SAYS_ITSELF = (date, time, timedelta, Decimal, complex, UUID, PurePath, Opaque)


def plain(text: str | None, size: int | None) -> Any:
    """Return a stored value as plain data.

    Parameters
    ----------
    text
        As it is stored; None where it was too long to be read.
    size
        How many characters are stored; None where there is no value.
    """
    if size is None:
        return None
    if text is None:
        return repr(Opaque("value", size))
    try:
        return _plain(shown(text), 0)
    except Exception as error:  # a database may hold anything
        return f"<cannot be read: {type(error).__name__}>"


def cut(text: str, most: int = MOST_TEXT) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= most else f"{text[:most]}…"


def shortened(value: Any) -> Any:
    """Return a value that was read as plain data, cut."""
    return _plain(value, 0)


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return cut(str(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _LARGEST else _digits(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, _SAYS_ITSELF):
        return cut(repr(value) if isinstance(value, Opaque) else str(value))
    if isinstance(value, bytes | bytearray):
        return cut(repr(bytes(value[:MOST_TEXT])))
    if isinstance(value, set | frozenset):
        value = list(value)
    if isinstance(value, dict | list | tuple):
        return "…" if depth == DEEPEST else _container(value, depth + 1)
    return f"<{type(value).__name__}>"


def _container(value: Any, depth: int) -> Any:
    left = len(value) - MOST_ITEMS
    if isinstance(value, dict):
        named = {cut(str(_plain(key, depth))): _plain(item, depth) for key, item in list(value.items())[:MOST_ITEMS]}
        return named | ({"…": f"{left:,} more"} if left > 0 else {})
    items = [_plain(item, depth) for item in value[:MOST_ITEMS]]
    return items + ([f"… {left:,} more"] if left > 0 else [])


def _digits(value: int) -> str:
    return f"<int of {value.bit_length():,} bits>" if value.bit_length() > 10_000 else cut(str(value))
