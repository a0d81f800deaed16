"""The canonical digest: equal values have equal digests in every process, whatever the order of dicts, sets or memory.

A value is turned into JSON that says all that makes it equal to another and nothing else; the digest covers that JSON
with its keys sorted. Pickle's bytes are not used where it can be helped, since they change with PYTHONHASHSEED: a
pickled object is digested by what it tells pickle (its class, arguments and state), these being values again.
"""

from __future__ import annotations

import copyreg
import types
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import orjson

from torc_nb.values import pickles
from torc_nb.values.classes import class_name, is_importable, must_travel
from torc_nb.values.kind import TAG, Parts, Refused, Unordered
from torc_nb.values.kinds import kind_of, pickled_content
from torc_nb.values.plain import MAX_DEPTH, is_scalar, is_text

SIZE = 16
"""Bytes of a digest."""

_NAMED = (types.FunctionType, types.BuiltinFunctionType, type)


class _Unreliable(Exception):
    """A value that has no canonical form."""


def digest_of(value: object) -> tuple[bytes, bool]:
    """The digest of a value that `encode` accepts, and whether it is reliable."""
    canon = _Canon()
    form = canon.form_or_bytes(value)
    return blake2b(_dump(form), digest_size=SIZE).digest(), canon.stable


def _dump(form: object) -> bytes:
    return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)


def _hash(data: Any) -> str:
    return blake2b(data, digest_size=SIZE).hexdigest()


class _Canon:
    """Turns one value into its canonical form."""

    def __init__(self) -> None:
        self.stable = True
        self._open: set[int] = set()
        self._known: dict[int, tuple[object, object]] = {}  # with the object, lest another gets its id

    def form_or_bytes(self, value: object) -> object:
        try:
            return self.form(value)
        except (_Unreliable, RecursionError):
            return self._bytes_form(value)

    def form(self, value: Any) -> object:
        if is_scalar(value):
            return value
        if id(value) in self._open or len(self._open) > MAX_DEPTH:
            raise _Unreliable
        self._open.add(id(value))
        try:
            return self._compound(value)
        finally:
            self._open.discard(id(value))

    def _compound(self, value: Any) -> object:
        if type(value) is list:
            return self._list(value)
        if type(value) is dict and all(type(key) is str and key != TAG and is_text(key) for key in value):
            return self._fields(value)
        kind = kind_of(value)
        if kind is None:
            return self._pickled(value)
        return {TAG: kind.name, **self._parts((kind.content or kind.take)(value))}

    def _list(self, items: Iterable[object]) -> list[object]:
        return list(map(self.form, items))  # no comprehension: in Python 3.11 it is one more frame for each level

    def _fields(self, fields: dict[str, object]) -> dict[str, object]:
        forms = {}
        for name, item in fields.items():
            forms[name] = self.form(item)
        return forms

    def _parts(self, parts: Parts) -> dict[str, object]:
        forms: dict[str, object] = {}
        for name, part in parts.items():
            if name == "class":
                forms[name] = class_name(part)
            elif name == "data":
                forms[name] = _hash(part)
            elif name == "fields":
                forms[name] = self._fields(part)
            elif name == "pairs":
                forms[name] = sorted(_hash(_dump(self._list(pair))) for pair in part)
            elif isinstance(part, Unordered):
                forms[name] = sorted(_hash(_dump(self.form(item))) for item in part.items)
            else:
                forms[name] = self._list(part) if name == "items" else self.form(part)
        return forms

    def _pickled(self, value: object) -> object:
        """The form of a pickled object, once per object: what is shared by many would else take exponential time."""
        if id(value) not in self._known:
            try:
                form: object = {TAG: "pickle", "content": _hash(_dump(self._told_to_pickle(value)))}
            except Exception:  # _Unreliable, or whatever a reducer of the user's raises
                form = self._bytes_form(value)
            self._known[id(value)] = value, form
        return self._known[id(value)][1]

    def _bytes_form(self, value: object) -> object:
        self.stable = False
        try:
            return {TAG: "pickle", "bytes": _hash(pickles.dump(value, lambda cls: None))}
        except Refused:  # not by itself: only as a part of something that pickles
            return {TAG: "pickle", "type": pickles.type_name(value)}

    def _told_to_pickle(self, value: Any) -> object:
        if isinstance(value, _NAMED):
            return self._name(value)
        content = pickled_content(value)
        if content is not None:
            return self._parts(content)
        if isinstance(value, (set, frozenset)):
            state = getattr(value, "__dict__", None)
            return self._parts({"class": type(value), "members": Unordered(value), "state": state})
        reducer = copyreg.dispatch_table.get(type(value))
        reduced: Any = value.__reduce_ex__(4) if reducer is None else reducer(value)
        if isinstance(reduced, str):
            return [pickles.type_name(value), getattr(value, "__module__", None), reduced]
        return self._reduced(value, *reduced)

    def _reduced(
        self,
        value: object,
        call: object,
        args: tuple[Any, ...],
        state: object = None,
        items: Any = (),
        pairs: Any = (),
        *_: object,
    ) -> object:
        arguments = [class_name(arg) if isinstance(arg, type) else self.form(arg) for arg in args]
        held = list(pairs or ())
        in_order = isinstance(value, OrderedDict)
        held_form = self._parts({"items": held} if in_order else {"pairs": held})
        return [self._name(call), arguments, self.form(state), self._list(items or ()), held_form]

    def _name(self, thing: Any) -> str:
        if thing is copyreg.__newobj__ or is_importable(thing):  # type: ignore[attr-defined]
            return f"{thing.__module__}:{thing.__qualname__}"
        if isinstance(thing, type):  # a class of the notebook: its name, but its meaning may change
            self.stable &= not must_travel(thing)
            return class_name(thing)
        raise _Unreliable
