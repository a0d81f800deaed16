"""What a class is made of besides its text: attributes, and what its makers moved out of sight."""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterator
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

_WRAPPERS = (staticmethod, classmethod, property, functools.cached_property)
_MADE_BY_PYTHON = {
    "__abstractmethods__",
    "__annotations__",
    "__dataclass_fields__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__signature__",
    "__slotnames__",
    "__static_attributes__",
    "__type_params__",
    "__weakref__",
    "_abc_impl",
}
"""Names that follow from the rest of a class, from where it stands, or from what was done with it."""


def own_attributes(cls: type) -> Iterator[tuple[str, Any]]:
    """The attributes that a class was given, by its body or later; fields are told apart, by `fields`."""
    for name, value in vars(cls).items():
        if isinstance(value, (FunctionType, *_WRAPPERS)) or not _is_made(cls, name, value):
            yield name, value


def fields(cls: type) -> Iterator[tuple[str, Any]]:
    """Members of an enumeration; defaults and constraints that dataclasses and pydantic take out of the class."""
    for name, member in getattr(cls, "__members__", {}).items():
        yield f"member {name}", member.value
    for name, field in vars(cls).get("__dataclass_fields__", {}).items():
        yield f"field {name}", field.default
        yield f"factory {name}", field.default_factory
        yield f"options {name}", (field.init, field.repr, field.compare, field.hash, field.kw_only)
        yield f"metadata {name}", dict(field.metadata)
    for name, field in (vars(cls).get("__pydantic_fields__") or {}).items():
        yield f"field {name}", field.default
        yield f"factory {name}", field.default_factory
        yield f"metadata {name}", field.metadata
        yield f"annotation {name}", field.annotation


def _is_made(cls: type, name: str, value: Any) -> bool:
    """Whether Python or a library made a class attribute by itself, or it counts as a field (enum members)."""
    if name in _MADE_BY_PYTHON or name.startswith("__pydantic_"):
        return True
    if isinstance(cls, enum.EnumMeta) and name.startswith("_") and name.endswith("_"):
        return True
    return isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) or name in getattr(cls, "__members__", ())
