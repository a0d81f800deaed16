"""Every kind, by value and by name. numpy and pandas are imported by those that bring them, never by asking."""

from __future__ import annotations

from functools import cache

from torc_nb.errors import CannotLoad
from torc_nb.values import builtin_kinds, class_kinds
from torc_nb.values.kind import Kind, Parts


def kind_of(value: object) -> Kind | None:
    """The kind of a value that JSON does not hold; None where only pickle is left."""
    kind = builtin_kinds.BY_TYPE.get(type(value)) or builtin_kinds.named_zone(value) or class_kinds.kind_of(value)
    if kind is not None:
        return kind
    match _package(value):
        case "numpy":
            from torc_nb.values import numpy_kinds

            return numpy_kinds.kind_of(value)
        case "pandas":
            from torc_nb.values import pandas_kinds

            return pandas_kinds.kind_of(value)
    return None


def pickled_content(value: object) -> Parts | None:
    """The parts by which to compare a pickled value, where its package needs telling apart better than its pickle."""
    match _package(value):
        case "functools":
            return builtin_kinds.content(value)
        case "numpy":
            from torc_nb.values import numpy_kinds

            return numpy_kinds.content(value)
        case "pandas":
            from torc_nb.values import pandas_kinds

            return pandas_kinds.content(value)
    return None


@cache
def kind_named(name: str) -> Kind:
    """The kind that a stored node names.

    Raises
    ------
    CannotLoad
        There is no such kind.
    """
    for kind in _kinds_of_package(name.partition(".")[0]):
        if kind.name == name:
            return kind
    raise CannotLoad(f"a value is stored as {name!r}, which this torc_nb does not know: upgrade it to read this value")


def _kinds_of_package(package: str) -> tuple[Kind, ...]:
    match package:
        case "numpy":
            from torc_nb.values import numpy_kinds

            return numpy_kinds.KINDS
        case "pandas":
            from torc_nb.values import pandas_kinds

            return pandas_kinds.KINDS
    return (*builtin_kinds.BY_TYPE.values(), builtin_kinds.ZONE, *class_kinds.KINDS)


def _package(value: object) -> str:
    return type(value).__module__.partition(".")[0]
