"""Pickling by value what lives in the notebook and by name what a worker can import.

The one file that knows cloudpickle's insides.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle
from cloudpickle import cloudpickle as _insides

from torc_nb.functions.bytecode import global_names

_CACHED = type(functools.lru_cache(lambda: None))


class TooLarge(Exception):
    """The pickle grew over its limit."""


@dataclass
class Packed:
    """A pickle, and what was met in making it: code taken by value, modules named, the process's random generators."""

    payload: bytes = b""
    functions: list[FunctionType] = field(default_factory=list)
    classes: list[type] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    generators: bool = False


def pack(value: Any, limit: int) -> Packed:
    """Pickle a value, stopping at `limit` bytes.

    Raises
    ------
    TooLarge
        The pickle is larger than `limit`.
    """
    packed = Packed()
    out = _Bounded(limit)
    _Traveller(out, packed).dump(value)
    packed.payload = out.getvalue()
    return packed


def module_named(thing: FunctionType | type) -> str | None:
    """The module a worker imports a function or class from; None where it travels by value."""
    if not _insides._should_pickle_by_reference(thing):
        return None
    module: str | None = _insides._whichmodule(thing, thing.__qualname__)
    return module


def is_cached(value: object) -> bool:
    """Whether it is a function under ``functools.lru_cache`` or ``functools.cache``."""
    return isinstance(value, _CACHED)


def shared_generator(value: object) -> tuple[str, str] | None:
    """The module and name of the process's own random generator, if `value` is one.

    It goes by name: a copy, as ``from random import gauss`` would carry along, would give every job the same numbers
    whatever the seed.
    """
    for module, name in (("random", "_inst"), ("numpy.random.mtrand", "_rand")):
        loaded = sys.modules.get(module)
        if loaded is not None and value is getattr(loaded, name, None):
            return module, name
    return None


def reduced(value: Any) -> tuple[Any, ...] | str | None:
    """How a value would be taken apart for pickling: the tuple of ``__reduce_ex__``, or None if it refuses."""
    reducer = cloudpickle.Pickler.dispatch_table.get(type(value))
    try:
        parts: tuple[Any, ...] | str = reducer(value) if reducer else value.__reduce_ex__(4)
    except Exception:
        return None
    return parts


class _Bounded(io.BytesIO):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit

    def write(self, data: Any) -> int:
        written = super().write(data)
        self._left -= written
        if self._left < 0:
            raise TooLarge
        return written


class _Traveller(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, out: io.BytesIO, packed: Packed) -> None:
        super().__init__(out)
        self._packed = packed

    def reducer_override(self, obj: Any) -> Any:
        self._packed.modules.add(type(obj).__module__)
        if isinstance(obj, (FunctionType, type)):
            self._note_code(obj)
        elif isinstance(obj, CodeType):
            return self._code(obj)
        elif isinstance(obj, ModuleType):
            self._packed.modules.add(obj.__name__)
        elif isinstance(obj, _CACHED):
            return self._cached(obj)
        elif (generator := shared_generator(obj)) is not None:
            self._packed.generators = True
            return _module_attribute, generator
        elif isinstance(obj, functools.cached_property):
            return _remake_cached_property, (obj.func, obj.attrname)
        elif isinstance(obj, io.IOBase) and not isinstance(obj, (io.BytesIO, io.StringIO)):
            return self._file(obj)
        elif isinstance(module := getattr(obj, "__module__", None), str):
            self._packed.modules.add(module)  # of functions written in C
        return super().reducer_override(obj)

    def _note_code(self, thing: FunctionType | type) -> None:
        module = module_named(thing)
        if module is not None:
            self._packed.modules.add(module)
        elif isinstance(thing, FunctionType):
            self._packed.functions.append(thing)
        else:
            self._packed.classes.append(thing)

    def _code(self, code: CodeType) -> Any:
        # cloudpickle may drop the name of the file, by which a traceback finds the cell's lines.
        make, parts = _insides._code_reduce(code)
        return _code_of_file, (code.co_filename, make, *parts)

    def _cached(self, cached: Any) -> Any:
        # Plain pickle stores the name alone, which means nothing in a worker when it is a cell's. The function goes
        # into the state, not the arguments, since a recursive one reaches this very object again.
        if _insides._lookup_module_and_qualname(cached) is not None:
            self._packed.modules.add(cached.__module__)
            return NotImplemented
        sizes = cached.cache_parameters()
        return _empty_cached, (sizes["maxsize"], sizes["typed"]), cached.__wrapped__, None, None, _fill_cached

    def _file(self, file: io.IOBase) -> Any:
        # cloudpickle would read the whole file into memory and send that.
        for name in ("stdout", "stderr"):
            if file is getattr(sys, name):
                return getattr, (sys, name)
        raise pickle.PicklingError("an open file cannot be pickled")

    def _dynamic_function_reduce(self, func: FunctionType) -> Any:
        # cloudpickle overlooks globals that are read only by a class inside the function.
        reduction = super()._dynamic_function_reduce(func)
        names = (name for name in global_names(func.__code__) if name in func.__globals__)
        reduction[2][1]["__globals__"].update({name: func.__globals__[name] for name in names})
        return reduction


def _module_attribute(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _code_of_file(filename: str, make: Callable[..., CodeType], *parts: Any) -> CodeType:
    return make(*parts).replace(co_filename=filename)


def _empty_cached(maxsize: int | None, typed: bool) -> Any:
    target: list[Callable[..., Any]] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        return target[0](*args, **kwargs)

    cached: Any = functools.lru_cache(maxsize, typed)(call)
    cached.torc_target = target
    return cached


def _fill_cached(cached: Any, function: Callable[..., Any]) -> None:
    cached.torc_target.append(function)
    del cached.torc_target
    functools.update_wrapper(cached, function)


def _remake_cached_property(function: Callable[[Any], Any], name: str | None) -> functools.cached_property[Any]:
    remade = functools.cached_property(function)
    remade.attrname = name
    return remade
