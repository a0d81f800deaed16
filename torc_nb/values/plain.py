"""Which values JSON holds exactly: the quick question asked before anything else."""

from __future__ import annotations

from math import isfinite
from types import NoneType

MAX_DEPTH = 100
"""How many containers may stand inside each other: JSON needs up to two levels for one, and orjson stops at 254."""

_SIMPLE = frozenset({str, int, bool, NoneType})


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether `value` is made of exact dicts with string keys, lists, strings, ints, finite floats, bools and None.

    Subclasses do not count, since JSON would forget them. The size of an int and the encoding of a string are not
    looked at: orjson refuses what it cannot write, and asking it is cheaper.
    """
    kind = type(value)
    if kind is dict:
        for key in value:  # type: ignore[attr-defined]
            if type(key) is not str:
                return False
        items = value.values()  # type: ignore[attr-defined]
    elif kind is list:
        items = value
    else:
        return kind in _SIMPLE or (kind is float and isfinite(value))  # type: ignore[arg-type]
    if depth >= MAX_DEPTH:
        return False
    for item in items:
        kind = type(item)
        if kind in _SIMPLE or (kind is float and isfinite(item)):
            continue
        if (kind is not dict and kind is not list) or not is_plain(item, depth + 1):
            return False
    return True


def is_scalar(value: object) -> bool:
    """Whether JSON holds this one value, no container, exactly as it is."""
    kind = type(value)
    if kind is str:
        return is_text(value)  # type: ignore[arg-type]
    if kind is int:
        return -(2**63) <= value < 2**64  # type: ignore[operator]
    if kind is float:
        return isfinite(value)  # type: ignore[arg-type]
    return kind is bool or value is None


def is_text(value: str) -> bool:
    """Whether a string is proper Unicode: no half of a surrogate pair, as undecodable file names have."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
