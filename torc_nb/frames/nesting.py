"""Dicts within dicts as one dict of paths, and back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any


class Path(tuple[Hashable, ...]):
    """Where a value stands within dicts: their keys from the outside in. A column of it is labelled with dots."""

    __slots__ = ()

    def __str__(self) -> str:
        return ".".join(map(str, self))


def flattened(value: Any) -> Any:
    """Return a dict whose values are no dicts with anything in them; what is no dict stays what it is."""
    if type(value) is not dict or not any(type(inner) is dict for inner in value.values()):
        return value
    found: dict[Hashable, Any] = {}
    _collect(value, (), found)
    return found


def _collect(value: dict[Hashable, Any], outer: tuple[Hashable, ...], found: dict[Hashable, Any]) -> None:
    for key, inner in value.items():
        if type(inner) is dict and inner:
            _collect(inner, (*outer, key), found)
        else:
            found[Path((*outer, key)) if outer else key] = inner


def nested(flat: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
    """Put together again what was flattened."""
    whole: dict[Hashable, Any] = {}
    for name, value in flat.items():
        *outer, last = name if isinstance(name, Path) else (name,)
        place = whole
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
    return whole


def head(name: Hashable) -> Hashable:
    """Return the outermost key of a path."""
    return name[0] if isinstance(name, Path) else name


def label(name: Hashable) -> Hashable:
    """Return what a column is called: a path with dots, anything else as it is."""
    return str(name) if isinstance(name, Path) else name
