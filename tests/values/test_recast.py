"""Plain data given for stored values, parts of values replaced, and values shown without their classes."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, field_validator

from torc_nb.errors import InvalidRequest
from torc_nb.values import Opaque, Spill, encode, equal, recast, shown, with_part

Pair = namedtuple("Pair", ["low", "high"])
UTC = dt.UTC
NAIVE = dt.datetime.fromisoformat("2024-01-01")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Mesh:
    size: float
    levels: tuple[int, ...] = (1, 2)


class Solver(BaseModel):
    name: str
    tolerance: float = 1e-6
    mesh: Mesh | None = None

    @field_validator("tolerance")
    @classmethod
    def _positive(cls, value: float) -> float:
        if value <= 0:
            raise ValueError("must be positive")
        return value


@pytest.mark.parametrize(
    ("old", "given", "expected"),
    [
        (1, 2.5, 2.5),
        (0.5, 2, 2.0),
        ("a", 3, 3),
        (0.5, "-inf", -math.inf),
        (True, 1, 1),
        ((1, 2), [3, 4], (3, 4)),
        ((dt.date(2024, 1, 1),), ["2024-02-03", "2024-02-04"], (dt.date(2024, 2, 3), dt.date(2024, 2, 4))),
        ({1, 2}, [2, 3], {2, 3}),
        (NAIVE, "2024-02-03T04:05", dt.datetime.fromisoformat("2024-02-03T04:05")),
        (dt.datetime(2024, 1, 1, tzinfo=UTC), "2024-02-03", dt.datetime(2024, 2, 3, tzinfo=UTC)),
        (dt.timedelta(1), 90, dt.timedelta(seconds=90)),
        (Decimal("1.5"), "2.50", Decimal("2.50")),
        (Path("/a"), "/b/é", Path("/b/é")),
        (UUID(int=1), str(UUID(int=2)), UUID(int=2)),
        (b"a", "b", b"b"),
        (Color.RED, "BLUE", Color.BLUE),
        (Color.RED, 2, Color.BLUE),
        (Pair(1, 2), {"high": 3, "low": 0}, Pair(0, 3)),
        (Mesh(1.0), {"size": 2, "levels": [3]}, Mesh(2.0, (3,))),
        (Solver(name="a"), {"name": "b", "mesh": {"size": 1}}, Solver(name="b", mesh=Mesh(1.0))),
        (np.float32(1), 2, np.float32(2)),
        (np.arange(3), [4, 5], np.array([4, 5])),
        (pd.Timestamp("2024-01-01", tz="UTC"), "2024-02-03", pd.Timestamp("2024-02-03", tz="UTC")),
        ({"a": (1,), "b": 1}, {"a": [2], "c": None}, {"a": (2,), "c": None}),
        (Mesh(1.0), None, None),
        (1, Mesh(1.0), Mesh(1.0)),
    ],
)
def test_plain_data_become_what_was_stored(old: Any, given: Any, expected: Any) -> None:
    """Each type is read back as itself, exactly: digests tell 1 from 1.0 and a tuple from a list."""
    found = recast(old, given)
    assert type(found) is type(expected)
    assert equal(found, expected)


@pytest.mark.parametrize(
    ("old", "given", "complaint"),
    [
        (NAIVE, {"year": 2024}, "datetime"),
        (NAIVE, 1706, "datetime"),
        (Solver(name="a"), {"nam": "b"}, "Solver"),
        (Solver(name="a"), {"name": "b", "tolerance": -1}, "must be positive"),
        (Mesh(1.0), "big", "Mesh"),
        ((1, 2), {"a": 1}, "tuple"),
        (np.arange(3), [[1, 2]], "dimension"),
        (np.int8(3), 300, "int8"),
        (np.int8(3), 1.5, "become"),
        (pd.Series([1]), [2], "no form to type in"),
        (Pair(1, 2), [1], "Pair"),
        (Color.RED, "GREEN", "Color"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(old: Any, given: Any, complaint: str) -> None:
    """An object is never replaced by the dict, list or text that was typed."""
    with pytest.raises(InvalidRequest, match=r"grid\.mesh") as info:
        recast({"grid": {"mesh": old}}, {"grid": {"mesh": given}}, "value")
    assert complaint in str(info.value)


@pytest.mark.parametrize(
    ("whole", "name", "given", "expected"),
    [
        ({"a": 1, "b": 2}, "a", 5, {"a": 5, "b": 2}),
        ({"a": {"b": [1, {"c": 2}]}}, "a.b.1.c", 5, {"a": {"b": [1, {"c": 5}]}}),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 5, {"a.b": 5, "a": {"b": 2}}),
        ((1, 2.5), "1", 3, (1, 3.0)),
        (Pair(1, 2), "high", 3, Pair(1, 3)),
        ({"s": Solver(name="a", mesh=Mesh(1.0))}, "s.mesh.size", 3, {"s": Solver(name="a", mesh=Mesh(3.0))}),
        ({1: "x"}, "1", "y", {1: "y"}),
        ({"größe": 1}, "größe", 2, {"größe": 2}),
    ],
)
def test_one_part_is_replaced(whole: Any, name: str, given: Any, expected: Any) -> None:
    """By its key, field or place, however deep; the original stays as it was."""
    before = encode(whole).text
    assert equal(with_part(whole, name, given), expected)
    assert encode(whole).text == before


def test_an_unknown_part_is_refused_with_the_nearest() -> None:
    """A typing error does not become a parameter, unless it is said to be one."""
    with pytest.raises(InvalidRequest, match="Do you mean mesh"):
        with_part({"mesh": 1, "n": 2}, "mseh", 5)
    with pytest.raises(InvalidRequest, match=r"in a\.b"):
        with_part({"a": {"b": {"c": 1}}}, "a.b.d", 5)
    with pytest.raises(InvalidRequest, match="is a int"):
        with_part({"a": 1}, "a.b", 5)
    with pytest.raises(InvalidRequest, match="There are: 0, 1"):
        with_part([1, 2], "2", 5)
    with pytest.raises(InvalidRequest, match="must be positive"):
        with_part(Solver(name="a"), "tolerance", -1.0)
    assert with_part({"mesh": 1}, "new", 5, add=True) == {"mesh": 1, "new": 5}
    assert with_part({"a": {}}, "a.new", 5, add=True) == {"a": {"new": 5}}


def test_values_are_shown_without_their_classes(tmp_path: Path) -> None:
    """What a view shows of an object can be typed back; what is pickled or in a file is named, not read."""
    value = {
        "s": Solver(name="é", mesh=Mesh(1.0)),
        "p": Pair(1, 2),
        "c": Color.RED,
        "t": (1, {2}),
        "d": dt.date(2024, 1, 1),
        "k": {1: "x"},
        "a": np.arange(3),
        "n": math.nan,
        "f": pd.Series([1]),
        "l": lambda: 1,
    }
    view = shown(encode(value).text)
    assert view["s"] == {"name": "é", "tolerance": 1e-6, "mesh": {"size": 1.0, "levels": [1, 2]}}
    assert [view[name] for name in "pctdka"] == [[1, 2], "RED", [1, [2]], dt.date(2024, 1, 1), {"1": "x"}, [0, 1, 2]]
    assert math.isnan(view["n"])
    assert isinstance(view["f"], Opaque)
    assert isinstance(view["l"], Opaque)
    assert equal(recast(value["s"], json.loads(json.dumps(view["s"]))), value["s"])


def test_large_values_are_shown_by_their_size(tmp_path: Path) -> None:
    """Whole values and single arrays that lie in files are not read for a view."""
    spill = Spill(tmp_path, limit=1000)
    assert shown(encode("x" * 2000, spill=spill).text).size == 2002
    view = shown(encode({"a": np.zeros(1000), "b": 1}, spill=spill).text)
    assert (view["a"].size, view["b"]) == (8000, 1)
    assert shown(encode(np.zeros(2000)).text).type == "array (2000,) of float64"
