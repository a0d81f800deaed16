"""Classes by name: "module:qualname", found in the caller's registry first, then by import.

A class defined in a notebook's cell lives in ``__main__``, where a worker does not find it. `encode` therefore collects
such classes for the caller to ship beside the function, and `decode` takes them back as a mapping by name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from functools import reduce

from torc_nb.errors import CannotLoad

_MADE_BY_A_CLASS_STATEMENT = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def class_name(cls: type) -> str:
    """The name under which values refer to a class, e.g. ``"__main__:Point"``; the key of `decode`'s ``classes``."""
    return f"{cls.__module__}:{cls.__qualname__}"


def must_travel(cls: type) -> bool:
    """Whether another process could not import this class: it is of a cell, of a function, or replaced by a reload."""
    if not cls.__flags__ & _MADE_BY_A_CLASS_STATEMENT:  # NoneType and its like hide from their modules
        return False
    return cls.__module__ == "__main__" or not is_importable(cls)


def is_importable(thing: object) -> bool:
    """Whether a class or function is what its module holds under its name."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    qualname = getattr(thing, "__qualname__", None)
    if module is None or not isinstance(qualname, str):
        return False
    try:
        return reduce(getattr, qualname.split("."), module) is thing
    except AttributeError:
        return False


def find_class(name: str, registry: Mapping[str, type], *, may_import: bool) -> type:
    """The class called `name`.

    Raises
    ------
    CannotLoad
        There is none in the registry nor in its module, or its module cannot be imported.
    """
    if name in registry:
        return registry[name]
    module, _, qualname = name.partition(":")
    try:
        if module not in sys.modules and may_import:
            importlib.import_module(module)
        found = reduce(getattr, qualname.split("."), sys.modules[module])
    except Exception as error:  # a module of the user's may raise anything while it is imported
        raise CannotLoad(_not_found(module, qualname, error)) from error
    if not isinstance(found, type):
        raise CannotLoad(f"{qualname} in {module} is a {type(found).__name__} now, and was a class when stored")
    return found


def _not_found(module: str, qualname: str, error: Exception) -> str:
    if module == "__main__":
        return f"a stored value is a {qualname}, a class from a notebook: run the cell that defines {qualname} first"
    if isinstance(error, (AttributeError, KeyError)):
        return f"a stored value is a {qualname}, which {module} does not have here"
    return f"a stored value is a {qualname} of {module}, which cannot be imported here: {error}"
