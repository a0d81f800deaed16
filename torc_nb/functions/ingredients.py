"""What a function's meaning is made of, in a form to keep: values by digest and in a few words, code as text."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import reprlib
from collections.abc import Iterable, Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

from torc_nb.functions.bytecode import canonical_code
from torc_nb.functions.class_parts import fields, own_attributes
from torc_nb.functions.definition import definition_of, definition_of_class
from torc_nb.functions.meaning import Meaning
from torc_nb.functions.pickler import is_cached, module_named
from torc_nb.functions.places import is_foreign_code
from torc_nb.functions.reach import Part, Reached
from torc_nb.functions.record import Ingredient

_KINDS = {
    "global": "global",
    "closure value": "closure",
    "default": "default",
    "argument": "argument",
    "object of method": "object",
    "attribute": "attribute",
}
_HOLDERS = (FunctionType, MethodType, functools.partial)
_NOT_SHOWN = (FunctionType, type, ModuleType, staticmethod, classmethod, property, functools.cached_property)
_PLAIN = (int, float, complex, str, bytes, bool, type(None), list, tuple, dict, set, frozenset)
_LONGEST = 60


def ingredients_of(root: Any, reached: Iterable[Reached], meaning: Meaning) -> tuple[Ingredient, ...]:
    """List what a callable is made of: values that it and its helpers read, and the text of its helpers and classes."""
    found: dict[Ingredient, None] = {}
    for holder, part in [(None, Part("", "", root)), *((one.holders[-1], one.parts[-1]) for one in reached)]:
        if _is_generated(holder) or _is_generated(part.value):
            continue
        if isinstance(part.value, FunctionType) or is_cached(part.value):
            found.update(dict.fromkeys(_of_function(holder, part.value)))
        elif isinstance(part.value, type):
            found.update(dict.fromkeys(_of_class(part.value, meaning)))
        elif part.kind in _KINDS and isinstance(holder, _HOLDERS) and not isinstance(part.value, ModuleType):
            found.update(dict.fromkeys(_of_value(_KINDS[part.kind], _name(root, holder, part), part.value, meaning)))
    return tuple(found)


def _of_function(holder: Any, function: Any) -> Iterator[Ingredient]:
    """A function of the notebook; methods are shown by their class."""
    function = function.__wrapped__ if is_cached(function) else function
    if not isinstance(function, FunctionType) or module_named(function) or is_foreign_code(function.__code__):
        return
    name = function.__code__.co_qualname.replace("<locals>.", "")
    if isinstance(holder, type) and name.startswith(f"{holder.__qualname__}."):
        return
    found = definition_of(function)
    text = found.text if found else ""
    yield Ingredient("helper", name, _digest(text or canonical_code(function.__code__)), text)


def _of_class(cls: type, meaning: Meaning) -> Iterator[Ingredient]:
    """A class of the notebook: its text where it can be found, and its attributes and fields."""
    if module_named(cls):
        return
    found = definition_of_class(cls)
    if found:
        yield Ingredient("class", cls.__qualname__, _digest(found.text), found.text)
    for label, value in [*own_attributes(cls), *fields(cls)]:
        name = label.rpartition(" ")[2]
        if not isinstance(value, _NOT_SHOWN) and value is not dataclasses.MISSING and not _is_special(name):
            yield from _of_value("attribute", f"{cls.__qualname__}.{name}", value, meaning)


def _of_value(kind: str, name: str, value: Any, meaning: Meaning) -> Iterator[Ingredient]:
    digest = meaning.of(value)
    if digest is not None:
        yield Ingredient(kind, name, digest.hex(), in_short(value))


def _name(root: Any, holder: Any, part: Part) -> str:
    """How a person would call a value: a default by its parameter, and what belongs to a helper with the helper."""
    name = part.name
    if part.kind == "global":
        return name
    if part.kind == "object of method":
        return type(part.value).__name__
    if part.kind == "default" and name.isdigit():
        parameters = holder.__code__.co_varnames[: holder.__code__.co_argcount]
        name = parameters[int(name) - len(holder.__defaults__)]
    return name if holder is root else f"{name} of {getattr(holder, '__name__', type(holder).__name__)}"


def _is_generated(holder: Any) -> bool:
    """Whether it is a method that a dataclass or the like wrote for its class."""
    if not isinstance(holder, FunctionType):
        return False
    code = holder.__code__
    return _is_special(holder.__name__) and (code.co_filename.startswith("<") or is_foreign_code(code))


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def in_short(value: Any) -> str:
    """A value in a few words, the same in every process, running none of the user's code."""
    kind = type(value)
    if kind in _PLAIN:
        return _SHORT.repr(value)
    shape = getattr(value, "shape", None) if kind.__module__.partition(".")[0] in ("numpy", "pandas") else None
    return kind.__name__ if not isinstance(shape, tuple) else f"{kind.__name__} {' x '.join(map(str, shape))}"


class _Short(reprlib.Repr):
    """As in reprlib, but of anything that is not plain only its class is told."""

    def __init__(self) -> None:
        super().__init__()
        self.maxother = self.maxstring = _LONGEST

    def repr1(self, x: Any, level: int) -> str:
        if type(x) not in _PLAIN:
            return in_short(x)
        return super().repr1(x, level)


_SHORT = _Short()
