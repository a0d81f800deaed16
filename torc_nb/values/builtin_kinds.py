"""Kinds of Python itself and its standard library, found by their exact type."""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from functools import partial
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from torc_nb.values.kind import Kind, Parts, Unordered


def _dict_parts(value: dict[Any, Any]) -> Parts:
    return {"keys": list(value), "values": list(value.values())}


def _dict_content(value: dict[Any, Any]) -> Parts:
    return {"pairs": value.items()}


def _make_dict(parts: Parts) -> dict[Any, Any]:
    return dict(zip(parts["keys"], parts["values"], strict=True))


def _items(value: Any) -> Parts:
    return {"items": list(value)}


def _unordered(value: Any) -> Parts:
    return {"members": Unordered(value)}


def _text(value: object) -> Parts:
    return {"text": str(value)}


def _escape(value: str) -> Parts:
    return {"text": value.encode("unicode_escape").decode("ascii")}


def _unescape(parts: Parts) -> str:
    return str(parts["text"].encode("ascii").decode("unicode_escape"))


def _wall_clock(value: dt.datetime | dt.time) -> Parts:
    return {"iso": value.replace(tzinfo=None).isoformat(), "fold": value.fold, "tz": value.tzinfo}


def _make_datetime(parts: Parts) -> dt.datetime:
    return dt.datetime.fromisoformat(parts["iso"]).replace(tzinfo=parts["tz"], fold=parts["fold"])


def _make_time(parts: Parts) -> dt.time:
    return dt.time.fromisoformat(parts["iso"]).replace(tzinfo=parts["tz"], fold=parts["fold"])


def _span(value: dt.timedelta) -> Parts:
    return {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}


def _offset(value: dt.timezone) -> Parts:
    offset, *name = value.__getinitargs__()  # type: ignore[attr-defined]  # the only way to tell a given name from a made one
    return {"offset": offset, "name": name[0] if name else None}


def _make_timezone(parts: Parts) -> dt.timezone:
    if parts["name"] is None:
        return dt.timezone(parts["offset"]) if parts["offset"] else dt.UTC
    return dt.timezone(parts["offset"], parts["name"])


PATH = Kind("Path", _text, lambda parts: Path(parts["text"]))

BY_TYPE: dict[type, Kind] = {
    tuple: Kind("tuple", _items, lambda parts: tuple(parts["items"])),
    set: Kind("set", _items, lambda parts: set(parts["items"]), _unordered),
    frozenset: Kind("frozenset", _items, lambda parts: frozenset(parts["items"]), _unordered),
    # Dicts that JSON cannot hold: other keys than strings, or our own tag as a key.
    dict: Kind("dict", _dict_parts, _make_dict, _dict_content),
    OrderedDict: Kind("OrderedDict", _dict_parts, lambda parts: OrderedDict(_make_dict(parts))),
    Counter: Kind("Counter", _dict_parts, lambda parts: Counter(_make_dict(parts)), _dict_content),
    deque: Kind(
        "deque",
        lambda value: {"items": list(value), "maxlen": value.maxlen},
        lambda parts: deque(parts["items"], parts["maxlen"]),
    ),
    bytes: Kind("bytes", lambda value: {"data": value}, lambda parts: bytes(parts["data"])),
    bytearray: Kind("bytearray", lambda value: {"data": value}, lambda parts: bytearray(parts["data"])),
    complex: Kind(
        "complex",
        lambda value: {"real": value.real, "imag": value.imag},
        lambda parts: complex(parts["real"], parts["imag"]),
    ),
    # Beyond 64 bit. Not decimal: Python limits how many digits it converts.
    int: Kind("int", lambda value: {"hex": hex(value)}, lambda parts: int(parts["hex"], 16)),
    # NaN and the infinities.
    float: Kind("float", _text, lambda parts: float(parts["text"])),
    # Halves of surrogate pairs.
    str: Kind("str", _escape, _unescape),
    dt.datetime: Kind("datetime", _wall_clock, _make_datetime),
    dt.time: Kind("time", _wall_clock, _make_time),
    dt.date: Kind("date", _text, lambda parts: dt.date.fromisoformat(parts["text"])),
    dt.timedelta: Kind("timedelta", _span, lambda parts: dt.timedelta(**parts)),
    dt.timezone: Kind("timezone", _offset, _make_timezone),
    Decimal: Kind("Decimal", _text, lambda parts: Decimal(parts["text"])),
    UUID: Kind("UUID", _text, lambda parts: UUID(parts["text"])),
    PosixPath: PATH,
    PurePosixPath: Kind("PurePosixPath", _text, lambda parts: PurePosixPath(parts["text"])),
    PureWindowsPath: Kind("PureWindowsPath", _text, lambda parts: PureWindowsPath(parts["text"])),
}

ZONE = Kind("zoneinfo", lambda value: {"key": value.key}, lambda parts: ZoneInfo(parts["key"]))


def named_zone(value: object) -> Kind | None:
    """The kind of a time zone that has a name to find it by; one read from a file has none."""
    return ZONE if type(value) is ZoneInfo and value.key else None


def content(value: object) -> Parts | None:
    """The parts that make two partial functions equal: their pickles differ once they have been unpickled."""
    if type(value) is not partial:
        return None
    return {
        "class": partial,
        "function": value.func,
        "items": value.args,
        "keywords": value.keywords,
        "attributes": vars(value),
    }
