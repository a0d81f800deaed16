"""Stored values for a view: plain data where it can be had without importing or unpickling anything."""

from __future__ import annotations

from typing import Any

import orjson

from torc_nb.errors import CannotLoad
from torc_nb.values.decode import decode
from torc_nb.values.kind import TAG
from torc_nb.values.opaque import Opaque

#: An array of at most so many elements is shown as lists.
_SMALL = 1000


def shown(text: str) -> Any:
    """Return a stored value as a view shows it.

    An object of a class is its fields, a named tuple its items, an enum its member's name: what ``recast`` takes back.
    What is pickled, or lies in a file, is an `Opaque` that tells its type and size.
    """
    return decode(text) if TAG not in text else _shown(orjson.loads(text))


def _shown(node: Any) -> Any:
    if type(node) is list:
        return [_shown(item) for item in node]
    if type(node) is not dict:
        return node
    if TAG not in node:
        return {name: _shown(item) for name, item in node.items()}
    return _tagged(node)


def _tagged(node: dict[str, Any]) -> Any:
    kind = node[TAG]
    if kind == "file":
        return Opaque("value in a file", node["size"])
    if "fields" in node:
        return _shown(node["fields"])
    if "class" in node:
        return _shown(node["items"]) if "items" in node else node.get("name", node.get("value"))
    if kind in ("tuple", "deque", "set", "frozenset"):
        return _shown(node["items"])
    if kind == "dict":
        return {str(_shown(key)): _shown(item) for key, item in zip(node["keys"], node["values"], strict=True)}
    if isinstance(node.get("data"), dict):
        return Opaque(kind, node["data"]["size"])
    return _small(_decoded(node, kind))


def _decoded(node: dict[str, Any], kind: str) -> Any:
    raw = orjson.dumps(node)
    try:
        return decode(raw, unpickle=False)
    except CannotLoad:  # a newer torc_nb's, or one of its parts lies in a file
        return Opaque(kind, len(raw))


def _small(value: Any) -> Any:
    if type(value).__module__ != "numpy" or not hasattr(value, "tolist"):
        return value
    return value.tolist() if value.size <= _SMALL else Opaque(f"array {value.shape} of {value.dtype}", value.nbytes)
