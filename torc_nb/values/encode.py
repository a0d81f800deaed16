"""Values to text: one valid JSON document for whatever a parameter or a result may be."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from torc_nb.errors import CannotStore
from torc_nb.values import pickles
from torc_nb.values.builtin_kinds import PATH
from torc_nb.values.classes import class_name, must_travel
from torc_nb.values.digest import SIZE, digest_of
from torc_nb.values.kind import TAG, Cyclic, Parts, Refused
from torc_nb.values.kinds import kind_of
from torc_nb.values.plain import MAX_DEPTH, is_plain, is_scalar, is_text
from torc_nb.values.spill import Bytes, Spill

_TAG = TAG.encode()
_SORTED = orjson.OPT_SORT_KEYS


class Encoded(NamedTuple):
    """A value ready for the database.

    Parameters
    ----------
    text
        Valid JSON; `decode` gives the value back.
    digest
        16 bytes, the same for equal values in every process; 1, 1.0 and True differ.
    stable
        False where the digest rests on something pickled that may look different next time.
    """

    text: str
    digest: bytes
    stable: bool


def encode(
    value: object,
    *,
    spill: Spill | None = None,
    classes: set[type] | None = None,
    paths: list[str] | None = None,
    name: str = "value",
) -> Encoded:
    """Write a value as JSON text, with its digest.

    Parameters
    ----------
    value
        Anything that JSON holds, that `torc_nb.values` has a kind for, or that cloudpickle takes.
    spill
        Where large values go; without it everything stays in the text.
    classes
        Collects the classes met that another process cannot import (those of notebook cells).
    paths
        Collects the texts of the `pathlib.Path` met, wherever in the value they are; one may come more than once.
    name
        What to call the value in an error, e.g. ``"params[17]"``.

    Raises
    ------
    CannotStore
        Names what cannot be stored and where in the value it is.
    """
    if is_plain(value):
        try:
            raw = orjson.dumps(value)
            if _TAG not in raw:
                digest = blake2b(orjson.dumps(value, option=_SORTED), digest_size=SIZE).digest()
                return Encoded(_text(raw, spill), digest, True)
        except TypeError:  # an int beyond 64 bit or half a surrogate pair: both have a kind
            pass
    writer = _Writer(spill, set() if classes is None else classes, [] if paths is None else paths)
    try:
        raw = orjson.dumps(writer.write(value))
    except Refused as no:
        raise CannotStore(f"{name}{_shortened(no.where)} is {no.what}") from no
    except RecursionError as error:
        raise CannotStore(f"{name} is nested too deeply to be stored") from error
    return Encoded(_text(raw, spill), *digest_of(value))


def _text(raw: bytes, spill: Spill | None) -> str:
    if spill is None or len(raw) <= spill.limit:
        return raw.decode()
    return orjson.dumps({TAG: "file", **spill.keep(raw)}).decode()


def _shortened(where: str) -> str:
    return where if len(where) <= 80 else f"{where[:40]}…{where[-30:]}"


class _Writer:
    """Turns one value into nodes; remembers the containers it stands in, to notice one that holds itself."""

    def __init__(self, spill: Spill | None, classes: set[type], paths: list[str]) -> None:
        self._spill = spill
        self._classes = classes
        self._paths = paths
        self._open: dict[int, int] = {}

    def write(self, value: object) -> object:
        if is_scalar(value):
            return value
        level = len(self._open)
        if id(value) in self._open:
            raise Cyclic(self._open[id(value)])
        if level >= MAX_DEPTH:
            raise Refused(f"nested more than {MAX_DEPTH} levels deep")
        self._open[id(value)] = level
        try:
            return self._compound(value, level)
        finally:
            del self._open[id(value)]

    def _compound(self, value: object, level: int) -> object:
        if type(value) is list:
            return self._items(value)
        if type(value) is dict:
            return self._dict(value)
        kind = kind_of(value)
        if kind is None:
            return self._pickled(value)
        if kind is PATH:
            self._paths.append(str(value))
        try:
            return {TAG: kind.name, **self._parts(kind.take(value))}
        except Cyclic as no:
            if no.level < level:
                raise
            return self._pickled(value)  # the whole circle lies inside, and pickle can draw circles

    def _items(self, items: Iterable[object], steps: Iterable[object] | None = None) -> list[object]:
        written = []
        for step, item in enumerate(items) if steps is None else zip(steps, items, strict=True):
            try:
                written.append(self.write(item))
            except Refused as no:
                no.step_into(f"[{step!r}]")
                raise
        return written

    def _dict(self, value: dict[Any, Any]) -> object:
        if all(type(key) is str and key != TAG and is_text(key) for key in value):
            return dict(zip(value, self._items(value.values(), value), strict=True))
        return {TAG: "dict", **self._mapping(value, value.values())}

    def _mapping(self, keys: Iterable[object], values: Iterable[object]) -> dict[str, object]:
        keys = list(keys)
        return {"keys": self._items(keys), "values": self._items(values, keys)}

    def _fields(self, fields: dict[str, object]) -> dict[str, object]:
        written = {}
        for name, item in fields.items():
            try:
                written[name] = self.write(item)
            except Refused as no:
                no.step_into(f".{name}")
                raise
        return written

    def _parts(self, parts: Parts) -> dict[str, object]:
        if "keys" in parts:
            return self._mapping(parts["keys"], parts["values"])
        return {name: self._part(name, part) for name, part in parts.items()}

    def _part(self, name: str, part: Any) -> object:
        match name:
            case "class":
                return self._class(part)
            case "data":
                return self._data(part)
            case "items":
                return self._items(part)
            case "fields":
                return self._fields(part)
        return self.write(part)

    def _class(self, cls: type) -> str:
        if must_travel(cls):
            self._classes.add(cls)
        return class_name(cls)

    def _data(self, data: Bytes) -> object:
        if self._spill is not None and len(data) > self._spill.limit:
            return self._spill.keep(data)
        return b2a_base64(data, newline=False).decode()

    def _pickled(self, value: object) -> object:
        data = pickles.dump(value, self._classes.add, self._paths.append)
        code = {"python": pickles.PYTHON} if pickles.holds_code(data) else {}
        return {TAG: "pickle", "type": pickles.type_name(value), **code, "data": self._data(data)}
