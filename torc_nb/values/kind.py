"""What a kind is: a type of value that JSON does not have, taken apart into simpler parts and put together again.

A stored value of a kind is a *node*: ``{"$torc": "<name>", <part>: <stored part>, ...}``. Four names of parts say how
the part is written; every other part is a value like any other:

========== ===================== ==========================================================
``class``  a class               written as "module:qualname"
``data``   bytes                 base64, or a pointer to a file where they are large
``items``  a list of values      a JSON array
``fields`` values by their name  a JSON object
========== ===================== ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

TAG = "$torc"

Parts = dict[str, Any]


class Kind(NamedTuple):
    """One type of value and the ways into its parts and back."""

    name: str
    take: Callable[[Any], Parts]
    make: Callable[[Parts], Any]
    content: Callable[[Any], Parts] | None = None
    """The parts that make two values equal, where these are not the parts stored (a set has no order)."""


class Unordered(NamedTuple):
    """Items whose order means nothing; only seen by the digest."""

    items: Iterable[object]


class Refused(Exception):
    """A value that cannot be stored, and on the way up: where inside the whole value it sits."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where

    def step_into(self, step: str) -> None:
        """Say where the container has it, e.g. ``['handle']``; the outermost says it last."""
        self.where = step + self.where


class Cyclic(Refused):
    """A value that holds itself."""

    def __init__(self, level: int) -> None:
        super().__init__("a container that holds itself")
        self.level = level
