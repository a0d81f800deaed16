"""How large a value is, told without pickling it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_LOOKED_AT = 200_000


def size_of(value: Any) -> int:
    """Bytes of a value and of what it holds: arrays and frames exactly, of huge containers an estimate."""
    total = 0
    looked_at = 0
    seen: set[int] = set()
    pending = [value]
    while pending and looked_at < _LOOKED_AT:
        current = pending.pop()
        if id(current) in seen or isinstance(current, (type, ModuleType)) or callable(current):
            continue
        seen.add(id(current))
        looked_at += 1
        own = _own_size(current)
        total += own if own is not None else sys.getsizeof(current, 0)
        if own is None:
            pending += _held(current)
    if pending:  # the rest is taken to be like what was looked at
        total += total // looked_at * len(pending)
    return total


def _own_size(value: Any) -> int | None:
    """The size of what knows its own; None for what holds other things."""
    if isinstance(value, (str, bytes, bytearray, int, float)):
        return sys.getsizeof(value)
    package = type(value).__module__.partition(".")[0]
    try:
        if package == "pandas":
            usage = value.memory_usage()
            return int(usage.sum() if hasattr(usage, "sum") else usage)
        nbytes = value.nbytes
    except Exception:
        return None
    return int(nbytes) if isinstance(nbytes, int) else None


def _held(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    state = getattr(value, "__dict__", None)
    return list(state.values()) if isinstance(state, dict) else []
