"""Two stored values side by side: only what differs."""

from __future__ import annotations

from typing import Any

from torc_nb.values.shown import shown

#: How much of a value is shown, in characters.
LONGEST = 200

_ABSENT = object()


def of_values(old: str, new: str) -> tuple[str, str, str]:
    """Compare two stored values: (old, new, ``name: old -> new``), of dicts only what differs."""
    before, after = shown(old), shown(new)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return _text(before), _text(after), f"{_text(before)} -> {_text(after)}"
    names = [name for name in {**before, **after} if before.get(name, _ABSENT) != after.get(name, _ABSENT)]
    return (
        ", ".join(f"{name}: {_text(before[name])}" for name in names if name in before),
        ", ".join(f"{name}: {_text(after[name])}" for name in names if name in after),
        ", ".join(f"{name}: {_of(before, name)} -> {_of(after, name)}" for name in names),
    )


def _of(values: dict[Any, Any], name: Any) -> str:
    return _text(values[name]) if name in values else "(none)"


def _text(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
