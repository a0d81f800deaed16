"""A call with arguments of its own, by position and by name, as the one row that is kept of it, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

#: How the jobs of a map whose rows these are call its function.
SUBMITTED = "submitted"


def row_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by their names; where a function does not tell these, by "0", "1", and so on.

    A plain function's own names become columns of the table of results. Whatever else can be called may look at how it
    is called, so that what was given by position is given so again.
    """
    names = _names(function)
    if len(args) > len(names) or any(name in kwargs for name in names[: len(args)]):
        names = tuple(map(str, range(len(args))))
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def arguments_of(row: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a row gives by position, and what by name."""
    args = tuple(value for name, value in row.items() if name.isdecimal())
    return args, {name: value for name, value in row.items() if not name.isdecimal()}


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what a plain function takes by position or by name."""
    if not isinstance(function, FunctionType) or function.__code__.co_posonlyargcount:
        return ()
    return function.__code__.co_varnames[: function.__code__.co_argcount]
