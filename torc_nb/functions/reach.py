"""What a function is made of and what it reads: its globals, closure, defaults, and what those hold in turn."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from torc_nb.functions.bytecode import global_names
from torc_nb.functions.definition import unwrapped
from torc_nb.functions.pickler import is_cached, module_named
from torc_nb.functions.places import is_foreign_code

_MANY = 100_000
_ATOMS = (int, float, complex, str, bytes, bytearray, bool, type(None))


@dataclass(frozen=True)
class Part:
    """Something a value holds: how it is reached ("global", "closure value", "item", ...), its name, itself."""

    kind: str
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.kind} `{self.name}`" if self.name else self.kind


@dataclass(frozen=True)
class Reached:
    """A value with the way to it: parts from the root inwards, each with the value that holds it."""

    holders: tuple[Any, ...]
    parts: tuple[Part, ...]

    @property
    def value(self) -> Any:
        """The value itself."""
        return self.parts[-1].value


def parts(value: Any, *, everything: bool = False) -> Iterator[Part]:
    """What a value directly holds, of what travels with it.

    Parameters
    ----------
    everything
        Also what is pickled but not the user's own: globals of a library's wrapper, attributes of a library's object.
    """
    if isinstance(value, FunctionType):
        yield from _of_function(value, everything)
    elif isinstance(value, MethodType):
        yield Part("function", value.__func__.__name__, value.__func__)
        yield Part("object of method", value.__name__, value.__self__)
    elif isinstance(value, functools.partial):
        yield Part("function", getattr(value.func, "__name__", ""), value.func)
        yield from (Part("argument", str(at), item) for at, item in enumerate(value.args))
        yield from (Part("argument", name, item) for name, item in value.keywords.items())
    elif is_cached(value):
        yield Part("function", value.__wrapped__.__name__, value.__wrapped__)
    elif isinstance(value, type):
        yield from _of_class(value)
    elif isinstance(value, (list, tuple, set, frozenset)):
        if everything or len(value) <= _MANY:
            yield from (Part("item", str(at), item) for at, item in enumerate(value))
    elif isinstance(value, (dict, MappingProxyType)):
        if everything or len(value) <= _MANY:
            yield from (Part("item", repr(key)[:40], item) for key, item in value.items())
            yield from (Part("key", repr(key)[:40], key) for key in value)
    elif not isinstance(value, (ModuleType, *_ATOMS)):
        yield from _of_object(value, everything)


def reachable(root: Any) -> Iterator[Reached]:
    """Everything of the user's own that travels with a value, nearest first, each thing once."""
    seen = {id(root)}
    level: list[tuple[tuple[Any, ...], tuple[Part, ...], Any]] = [((), (), root)]
    while level:
        below = []
        for holders, path, holder in level:
            for part in parts(holder):
                if isinstance(part.value, _ATOMS) and path and not isinstance(holder, FunctionType):
                    continue
                if part.kind not in ("global", "closure value") and id(part.value) in seen:
                    continue
                reached = Reached((*holders, holder), (*path, part))
                yield reached
                if id(part.value) not in seen:
                    seen.add(id(part.value))
                    below.append((reached.holders, reached.parts, part.value))
        level = below


def closure_values(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The closure of a function by name; cells that are still empty are left out."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def _of_function(function: FunctionType, everything: bool) -> Iterator[Part]:
    if module_named(function) is not None:
        return
    if everything or not is_foreign_code(function.__code__):
        space = function.__globals__
        names = global_names(function.__code__)
        yield from (Part("global", name, space[name]) for name in names if name in space)
    yield from (Part("closure value", name, value) for name, value in closure_values(function))
    yield from (Part("default", str(at), value) for at, value in enumerate(function.__defaults__ or ()))
    yield from (Part("default", name, value) for name, value in (function.__kwdefaults__ or {}).items())
    yield from (Part("attribute", name, value) for name, value in vars(function).items())


def _of_class(cls: type) -> Iterator[Part]:
    if module_named(cls) is not None:
        return
    yield from (Part("base class", base.__name__, base) for base in cls.__bases__)
    for name, value in vars(cls).items():
        if name in ("__dict__", "__weakref__"):
            continue
        for held in unwrapped(value):
            yield Part("attribute", name, held)


def _of_object(value: Any, everything: bool) -> Iterator[Part]:
    if not everything and module_named(type(value)) is not None:
        return
    yield Part("class", type(value).__name__, type(value))
    state = dict(getattr(value, "__dict__", None) or {})
    for cls in type(value).__mro__:
        names = vars(cls).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                state.setdefault(name, getattr(value, name))
    yield from (Part("attribute", name, held) for name, held in state.items())
