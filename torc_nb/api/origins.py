"""Where a mapped function came from, so that it can be found again as it is now."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from torc_nb.errors import CannotCapture, InvalidRequest
from torc_nb.functions import Function, capture, capture_named
from torc_nb.functions.reach import reachable
from torc_nb.values import class_name
from torc_nb.values.classes import must_travel

#: Anything that ``map`` takes for a function: a callable, ``"module:function"``, or the pair of these names.
AnyFunction = Callable[..., Any] | str | tuple[str, str]

#: Plain data: the variable of the notebook, or the module with the folder that it was found in; and the classes that
#: travelled along. Empty where the function cannot be found again.
Origin = dict[str, Any]

#: Looking for modules changes ``sys.path`` and ``sys.modules`` for a moment, and threads that parse at the same time
#: bring CPython 3.11 down.
_one_at_a_time = threading.Lock()


def captured(function: AnyFunction, directory: str | Path | None, classes: set[type]) -> tuple[Function, Origin]:
    """Capture what ``map`` was given, and note where it came from.

    Raises
    ------
    CannotCapture
        The function or something it uses cannot travel.
    InvalidRequest
        It is no function and no name of one.
    """
    if isinstance(function, str | tuple):
        module, name = _names(function)
        folder = None if directory is None else str(Path(directory).expanduser().absolute())
        found = _named(module, name, folder)
        return found, {"module": module, "name": name, "directory": folder or _folder_of(module, found)}
    if not callable(function):
        raise InvalidRequest(f'{function!r:.60} is not a function; give a function, or its names: "simulation:run".')
    found = _captured(function, classes)
    variable = _variable(function, found.name)
    if variable is None:
        return found, {}
    return found, {"variable": variable, "classes": sorted(class_name(one) for one in classes)}


def classes_named(function: AnyFunction) -> set[type]:
    """Return the notebook's classes that a function uses."""
    found = (reached.value for reached in reachable(function) if isinstance(reached.value, type))
    return {one for one in found if must_travel(one)}


def classes_returned(origin: Origin) -> set[type]:
    """Return the notebook's classes that a function may return, as far as this process has it and them."""
    travelled = {one for one in _classes(origin.get("classes", ())) if one is not None}
    function = _notebook().get(origin.get("variable", ""))
    return travelled | (classes_named(function) if callable(function) else set())


def found_again(origin: Origin) -> Function | None:
    """Capture the function as it is now; None where this process does not have it.

    Raises
    ------
    CannotCapture
        It is there, but cannot travel as it is now.
    """
    if "module" in origin:
        return _module_again(origin)
    function = _notebook().get(origin.get("variable", ""))
    classes = list(_classes(origin.get("classes", ())))
    if not callable(function) or None in classes:
        return None
    return _captured(function, [one for one in classes if one is not None])


def _captured(function: Callable[..., Any], classes: Iterable[type]) -> Function:
    with _one_at_a_time:
        return capture(function, classes=classes)


def _named(module: str, name: str, folder: str | None) -> Function:
    with _one_at_a_time:
        return capture_named(module, name, directory=folder)


def _folder_of(module: str, found: Function) -> str | None:
    """Where Python found a module of the user's, as other processes look elsewhere; None for an installed one."""
    if module.endswith(".py"):
        return str(Path.cwd())
    spec = PathFinder.find_spec(module.partition(".")[0]) if found.modules else None
    if spec is None:
        return None
    place = next(iter(spec.submodule_search_locations or ()), spec.origin)
    return None if place is None else str(Path(place).absolute().parent)


def _names(function: str | tuple[str, str]) -> tuple[str, str]:
    names = tuple(function.split(":")) if isinstance(function, str) else function
    if len(names) != 2 or not all(isinstance(name, str) and name for name in names):
        raise InvalidRequest(f'{function!r} names no function; write "module:function".')
    return names


def _notebook() -> dict[str, Any]:
    return vars(sys.modules["__main__"])


def _variable(function: Any, name: str) -> str | None:
    """Find the notebook's variable that holds this very object; its own name first.

    Looking for an object of the same name would do for plain functions, and take the wrong one for a partial.
    """
    notebook = _notebook()
    if notebook.get(name) is function:
        return name
    # IPython keeps what cells returned as _, __ and _3.
    return next((other for other, value in list(notebook.items()) if value is function and other[0] != "_"), None)


def _module_again(origin: Origin) -> Function | None:
    try:
        return _named(origin["module"], origin["name"], origin["directory"])
    except CannotCapture as error:
        if isinstance(error.__cause__, ModuleNotFoundError):  # a kernel elsewhere, or the file is gone
            return None
        raise


def _classes(names: Iterable[str]) -> Iterable[type | None]:
    for name in names:
        module, _, qualname = name.partition(":")
        value: Any = sys.modules.get(module)
        for step in qualname.split("."):
            value = getattr(value, step, None)
        yield value if isinstance(value, type) else None
