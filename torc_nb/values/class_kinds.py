"""Kinds of the user's own classes: enums, named tuples, dataclasses, pydantic models.

They are rebuilt as pickle would, by their state: no ``__init__``, ``__post_init__`` or validator runs a second time.
A class that says itself how it is pickled is left to pickle.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from functools import cached_property
from inspect import getattr_static
from types import MemberDescriptorType
from typing import Any

from torc_nb.values.kind import Kind, Parts


def kind_of(value: object) -> Kind | None:
    """The kind of an instance of a user's class, None where only pickle serves."""
    if isinstance(value, enum.Enum):
        return _enum_kind(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (
            NAMED_TUPLE
            if _inherits(type(value), "__reduce__", "__reduce_ex__") and not getattr(value, "__dict__", None)
            else None
        )
    if is_model(value):
        return MODEL if _pickles_plainly(type(value), "pydantic.main") else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return DATACLASS if _pickles_plainly(type(value), "dataclasses") else None
    return None


def is_model(value: object) -> bool:
    """Whether it is a pydantic model; pydantic is not imported to find out."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def _pickles_plainly(cls: type, maker: str) -> bool:
    """Whether state is all there is to an instance; `maker` is the module whose own hooks are known."""
    if not _inherits(cls, "__new__", "__reduce__", "__reduce_ex__"):
        return False
    hooks = (getattr(cls, "__getstate__", None), getattr(cls, "__setstate__", None))
    return all(hook in (None, object.__getstate__) or hook.__module__ == maker for hook in hooks)


def _inherits(cls: type, *names: str) -> bool:
    """Whether these are still as `object` has them."""
    return all(getattr(cls, name) is getattr(object, name) for name in names)


def _enum_kind(value: enum.Enum) -> Kind | None:
    if isinstance(value, enum.Flag):
        return FLAG
    return ENUM if type(value).__members__.get(value.name) is value else None


def _fields(value: object) -> dict[str, Any]:
    """An instance's attributes, without what cached properties left there: they are no part of the value."""
    state: Any = object.__getstate__(value)
    if isinstance(state, tuple):
        state = {**(state[0] or {}), **state[1]}
    return _lasting(type(value), state or {})


def _lasting(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in state.items() if not _is_cached(cls, name)}


def _is_cached(cls: type, name: str) -> bool:
    return isinstance(getattr_static(cls, name, None), cached_property)


def _make_dataclass(parts: Parts) -> object:
    cls: type = parts["class"]
    if not hasattr(cls, "__dataclass_fields__"):
        raise TypeError(f"{cls.__qualname__} is no dataclass any more")
    made: Any = object.__new__(cls)
    for name, item in parts["fields"].items():
        if isinstance(getattr_static(cls, name, None), MemberDescriptorType):  # a slot
            object.__setattr__(made, name, item)
        else:
            made.__dict__[name] = item  # past frozen classes, properties and __setattr__
    return made


def _model_content(value: Any) -> Parts:
    state = value.__getstate__()
    return {
        "class": type(value),
        "fields": _lasting(type(value), state["__dict__"]),
        "extra": state["__pydantic_extra__"],
        "private": state["__pydantic_private__"],
    }


def _model_parts(value: Any) -> Parts:
    # Which fields were given and which are defaults is kept, but does not make two models differ: as with ==.
    return {**_model_content(value), "given": sorted(value.__pydantic_fields_set__)}


def _make_model(parts: Parts) -> object:
    from pydantic import BaseModel

    cls = parts["class"]
    if not issubclass(cls, BaseModel):
        raise TypeError(f"{cls.__qualname__} is no pydantic model any more")
    made = object.__new__(cls)
    BaseModel.__setstate__(
        made,
        {
            "__dict__": parts["fields"],
            "__pydantic_extra__": parts["extra"],
            "__pydantic_private__": parts["private"],
            "__pydantic_fields_set__": set(parts["given"]),
        },
    )
    return made


def _make_named_tuple(parts: Parts) -> object:
    return tuple.__new__(parts["class"], parts["items"])


def _make_member(parts: Parts) -> object:
    cls = parts["class"]
    if not issubclass(cls, enum.Enum):
        raise TypeError(f"{cls.__qualname__} is no enum any more")
    return cls(parts["value"]) if "value" in parts else cls[parts["name"]]


ENUM = Kind("enum", lambda value: {"class": type(value), "name": value.name}, _make_member)
FLAG = Kind("flag", lambda value: {"class": type(value), "value": value.value}, _make_member)
NAMED_TUPLE = Kind("namedtuple", lambda value: {"class": type(value), "items": list(value)}, _make_named_tuple)
DATACLASS = Kind("dataclass", lambda value: {"class": type(value), "fields": _fields(value)}, _make_dataclass)
MODEL = Kind("pydantic", _model_parts, _make_model, _model_content)

KINDS = (ENUM, FLAG, NAMED_TUPLE, DATACLASS, MODEL)
