"""Classes of an importable module, and values of every kind."""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, PrivateAttr


class Color(enum.Enum):
    RED = "red"
    BLUE = ("b", 1)


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: float
    y: Any = None
    seen: list[int] = field(default_factory=list, compare=False)
    made: int = 0

    def __post_init__(self) -> None:
        self.made += 1

    @cached_property
    def norm(self) -> float:
        return math.hypot(self.x, 1.0)


@dataclass(frozen=True, slots=True)
class Fixed:
    name: str
    inner: Any = None


@dataclass
class Careful:
    """Says itself how it is pickled."""

    x: int

    def __getstate__(self) -> dict[str, int]:
        return {"x": self.x + 100}


class Pair(NamedTuple):
    left: Any
    right: Any = 2


Old = namedtuple("Old", "a b")


class Model(BaseModel):
    x: int = 1
    tags: list[str] = []
    when: dt.date | None = None
    inner: Any = None
    _secret: int = PrivateAttr(default=0)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    x: int


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ("note",)


class MyDict(dict[str, Any]):
    pass


class MySet(set[Any]):
    pass


class Thing:
    """An ordinary class: pickled."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return type(other) is Thing and other.x == self.x

    def __hash__(self) -> int:
        return 1


class Nasty:
    """Whose unpickling runs code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("import os; os.environ['TORC_NASTY'] = 'ran'",)


def double(x: int) -> int:
    """Twice `x`."""
    return 2 * x


BERLIN = ZoneInfo("Europe/Berlin")

VALUES: dict[str, Any] = {
    "plain": {"a": 1, "b": [2.5, None, True, "ü\0"], "c": {}},
    "edge ints": [2**63, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1],
    "floats": [-0.0, 1e308, 5e-324, math.inf, -math.inf],
    "tuple": (1, (2, []), ()),
    "sets": [{1, "a", (2, 3)}, set(), frozenset({frozenset({1})})],
    "bytes": [b"", b"\x00\xff", bytearray(b"ab")],
    "complex": [complex(1, -0.0), complex(math.inf, 2)],
    "int keys": {2: "b", 1: "a", (1, 2): None, None: 1},
    "tag key": {"$torc": ["tuple", [1]], "x": {"$torc": 1}},
    "tag text": "see $torc",
    "surrogates": {"\udc80x": "\ud83d\\u0041\n\udc00é😀"},
    "dicts": [OrderedDict(b=1, a=2), Counter("aab"), defaultdict(list, a=[1])],
    "deque": deque([1, (2,)], 3),
    "datetime": [
        dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
        dt.datetime(1, 1, 1),  # noqa: DTZ001
        dt.datetime.max.replace(tzinfo=dt.UTC),
        dt.time(1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=-5), "home")),
        dt.date(2024, 2, 29),
        dt.timedelta(-1, 5, 7),
    ],
    "zones": [BERLIN, dt.UTC, dt.timezone(dt.timedelta(seconds=30))],
    "decimal": [Decimal("1.00"), Decimal("-Infinity"), Decimal("1e-999")],
    "fraction": Fraction(1, 3),
    "uuid": UUID(int=7),
    "paths": [Path("/a/b c"), Path("x\udc80"), PurePosixPath("."), PureWindowsPath("C:/x")],
    "enums": [Color.RED, Color.BLUE, Level.LOW, Word.YES, Access.READ, Access.READ | Access.WRITE, Access(0)],
    "dataclass": [Point(1.5, (1, Point(2)), [3]), Fixed("a", {1})],
    "named tuples": [Pair(1), Pair((1,), Pair(None)), Old(1, [2])],
    "pydantic": [Model(), Model(x=3, when=dt.date(2024, 1, 1), inner=(1, {2})), Open(x=1, more=(2,))],
    "subclasses": [MyInt(3), MyStr("s"), MyDict(a=(1,)), MySet({1})],
    "thing": [Thing((1, 2)), {"t": Thing(Thing(None))}],
    "functions": [math.sin, double, partial(double, 3), dict, Thing, np.sin],
    "odd": [range(3), slice(1, 2), ..., type(None)],
    "numpy scalars": [
        np.float64(1.5), np.float32(0.1), np.float16(2), np.int8(-1), np.uint64(2**64 - 1), np.bool(True),
        np.complex64(1 + 2j), np.longdouble("0.1"), np.datetime64("2024-01-01T00", "h"), np.timedelta64(3, "D"),
        np.str_("ü\0"), np.str_(""), np.bytes_(b"a\0"), np.datetime64("NaT"),
        np.array([(1, 2.0)], "i4,f8")[0],
    ],
    "timestamps": [
        pd.Timestamp("2024-01-01T00:00:00.123456789"), pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(BERLIN),
        pd.Timestamp("1500-01-01").as_unit("s"), pd.Timedelta("1 day 3 ns"), pd.Timestamp("2024-01-01", tz="UTC"),
    ],
    "singletons": [pd.NaT, pd.NA, None],
}  # fmt: skip

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "float": np.linspace(0, 1, 7),
    "nan": np.array([np.nan, np.inf, -0.0]),
    "0-d": np.array(3),
    "empty": np.empty((0, 3), "f4"),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "sliced": np.arange(20).reshape(4, 5)[::2, ::-1],
    "broadcast": np.broadcast_to(np.arange(3), (2, 3)),
    "big endian": np.arange(3, dtype=">i2"),
    "bool": np.array([True, False]),
    "text": np.array(["a", "üü"]),
    "bytes": np.array([b"a", b"bc"]),
    "nothing": np.array([b"", b""], "S0"),
    "dates": np.array(["2024-01-01", "NaT"], "M8[us]"),
    "complex": np.array([1j, np.nan]),
    "long": np.array(["0.1"], np.longdouble),
    "structured": np.array([(1, (2.0, [b"x", b"y"]))], [("a", "i4"), ("b", [("c", "f8"), ("d", "S1", (2,))])]),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "titled": np.zeros(2, [(("title", "a"), "i4")]),
    "objects": np.array([1, "a", None, (2,)], dtype=object),
    "variable text": np.array(["a", "long " * 20], np.dtypes.StringDType()),
    "masked": np.ma.array([1, 2], mask=[True, False]),
    "record": np.rec.array([(1, 2.0)], dtype="i4,f8"),
}

FRAMES: dict[str, Any] = {
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=[5, 6]),
    "mixed": pd.DataFrame({"t": pd.date_range("2024", periods=2, tz="UTC"), "n": pd.array([1, None], "Int64")}),
    "columns": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", None])),
    "same names": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "empty": pd.DataFrame(),
    "series": pd.Series([1.5, np.nan], name="s", index=pd.Index(["a", "b"], name="i")),
    "index": pd.RangeIndex(3, name="r"),
    "times": pd.DatetimeIndex(["2024-01-01", "NaT"]),
    "multi": pd.MultiIndex.from_product([[1, 2], ["a"]]),
    "objects": pd.Series([(1, 2), {"a": 1}, None], dtype=object),
}
