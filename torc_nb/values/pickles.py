"""The last resort: values pickled by cloudpickle. Classes of the notebook are named in it, never copied into it."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import cloudpickle

from torc_nb.errors import CannotLoad
from torc_nb.values.classes import class_name, find_class, must_travel
from torc_nb.values.kind import Refused

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_HANDLES = {
    "_thread.lock": "a lock, which cannot leave its process",
    "_thread.RLock": "a lock, which cannot leave its process",
    "builtins.generator": "a generator: store list(...) of it",
    "builtins.coroutine": "a coroutine: await it and store what it returns",
    "builtins.async_generator": "an async generator, which cannot be stored",
    "builtins.memoryview": "a memoryview: store bytes(...) of it",
    "socket.socket": "a network connection: make it inside the function",
    "ssl.SSLSocket": "a network connection: make it inside the function",
    "sqlite3.Connection": "a database connection: make it inside the function",
    "torc_nb.values.opaque.Opaque": "a placeholder of a view: read the value itself first",
}


class _Keep(Protocol):
    def __call__(self, cls: type, /) -> object: ...


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, keep: _Keep, note_path: Callable[[str], object] | None = None) -> None:
        super().__init__(file, protocol=5)
        self._keep = keep
        self._note_path = note_path

    def persistent_id(self, thing: object) -> str | None:
        """Name a notebook's class instead of copying it, so that isinstance holds for what comes back."""
        if isinstance(thing, type) and must_travel(thing):
            self._keep(thing)
            return class_name(thing)
        return None

    def reducer_override(self, thing: object) -> Any:
        if isinstance(thing, (io.TextIOWrapper, memoryview)):  # cloudpickle would quietly store what they hold
            raise TypeError(type(thing).__name__)
        if self._note_path is not None and isinstance(thing, Path):
            self._note_path(os.fspath(thing))
        return super().reducer_override(thing)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, classes: Mapping[str, type]) -> None:
        super().__init__(file)
        self._classes = classes

    def persistent_load(self, name: str) -> type:
        return find_class(name, self._classes, may_import=True)


def dump(value: object, keep: _Keep, note_path: Callable[[str], object] | None = None) -> bytes:
    """Pickle `value`; every class that must travel is handed to `keep`, the text of every path to `note_path`.

    Raises
    ------
    Refused
        It cannot be pickled; names the innermost culprit.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, keep, note_path).dump(value)
    except Exception as error:  # reducers are the user's code, and raise what they like
        raise _culprit(value, error, set()) from error
    return file.getvalue()


def holds_code(data: bytes) -> bool:
    """Whether functions went in by their bytecode, which another Python would crash on."""
    return b"cloudpickle.cloudpickle" in data


def load(data: bytes | bytearray, kind: str, classes: Mapping[str, type]) -> object:
    """Unpickle.

    Raises
    ------
    CannotLoad
        A class or module is missing, or the unpickling failed.
    """
    try:
        return _Unpickler(io.BytesIO(data), classes).load()
    except CannotLoad:
        raise
    except Exception as error:
        raise CannotLoad(f"a stored {kind} cannot be unpickled here: {type(error).__name__}: {error}") from error


def type_name(value: object) -> str:
    """The type's name as a user would write it, e.g. ``"pandas.DataFrame"``."""
    cls = type(value)
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _culprit(value: object, error: Exception, seen: set[int]) -> Refused:
    """The innermost value that does not pickle, since "cannot pickle '_thread.lock' object" alone helps nobody."""
    seen.add(id(value))
    for step, child in _children(value):
        if id(child) in seen or len(seen) > 1000:
            continue
        try:
            _Pickler(io.BytesIO(), lambda cls: None).dump(child)
        except Exception as inner:
            refused = _culprit(child, inner, seen)
            refused.step_into(step)
            return refused
    return Refused(_describe(value, error))


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, types.FunctionType):
        yield from ((f" (its {name})", item) for name, item in _used_by(value))
    elif not isinstance(value, (type, types.ModuleType, io.IOBase)):
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())


def _used_by(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _describe(value: object, error: Exception) -> str:
    if isinstance(value, io.IOBase):
        path = getattr(value, "name", None)
        shown = f" ({path!r})" if isinstance(path, str) else ""
        return f"an open file{shown}: store its path, and open it in the function"
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name in _HANDLES:
        return _HANDLES[name]
    if isinstance(error, RecursionError):
        return f"a {type_name(value)} nested too deeply to be stored"
    return f"a {type_name(value)}, which cannot be pickled: {error}"
