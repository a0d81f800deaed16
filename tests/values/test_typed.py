"""Values as text in a cell, and back: each stays what it was, and what it cannot be is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import pathlib
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from torc_nb.errors import InvalidRequest
from torc_nb.values import encode, equal, shown, text_of, typed


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        1,
        10**30,
        -0.5,
        math.nan,
        -math.inf,
        True,
        "ünïcode\n\t<b>",
        "None",
        "",
        None,
        (1, 2),
        [1, {"a": 2}],
        {"a": (1, 2), "b": math.nan},
        {1: 2},
        {3, 1},
        np.float64(0.5),
        np.int32(3),
        np.True_,
        np.datetime64("2024-01-01"),
        np.arange(3),
        dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
        dt.date(2024, 1, 1),
        dt.time(1, 30),
        dt.timedelta(days=1, hours=2),
        pathlib.Path("/a b"),
        decimal.Decimal("1.10"),
        uuid.UUID(int=7),
        Colour.RED,
        pd.Timestamp("2024-01-01 10:00"),
        pd.Timedelta("90min"),
    ],
    ids=repr,
)
def test_what_a_cell_shows_is_read_as_what_it_was(value: Any) -> None:
    """A view decodes nothing that has to be unpickled; its text gives the very value back."""
    text = text_of(shown(encode(value).text))
    assert text is not None
    read = typed(text, [value], "x")
    assert equal(read, value)
    assert type(read) is type(value)


@pytest.mark.parametrize("value", [b"ab", 1 + 2j, range(3), {b"a": 1}.keys], ids=repr)
def test_some_values_have_no_text(value: Any) -> None:
    """They are shown, but not typed over."""
    assert text_of(shown(encode(value).text)) is None


@pytest.mark.parametrize(
    ("text", "old", "expected"),
    [
        (" 7 ", 1, 7),
        ("1e3", 1, 1000),
        ("7", 0.5, 7.0),
        ("NaN", 0.5, math.nan),
        ("TRUE", False, True),
        ("5", "x", "5"),
        ("None", 0.5, None),
        ("None", "x", "None"),
        ("0.5", None, 0.5),
        ("abc", None, "abc"),
        ("[3]", (1, 2), (3,)),
    ],
)
def test_a_text_is_read_by_the_type_that_was_there(text: str, old: Any, expected: Any) -> None:
    """A front end sends texts; the stored value says what they are."""
    read = typed(text, [old], "x")
    assert equal(read, expected)
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("text", "old", "complaint"),
    [
        ("abc", 0.1, "x is a float, and 'abc' is none"),
        ("0,05", 0.1, "x is a float"),
        ("", 0.1, "x is a float"),
        ("1.5", 2, "x is an int, and '1.5' is none"),
        ("inf", 2, "x is an int"),
        ("yes", True, "type True or False"),
        ("[1", [1], "typed as JSON"),
        ("[1]", {"a": 1}, "x is a dict"),
        ("someday", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "x is a datetime"),
        ("BLUE", Colour.RED, "Colour"),
        ("1.5", np.int32(1), "x is a numpy.int32"),
        ("x" * 10_000, 1, "x…|xxx'…"),
    ],
)
def test_what_it_cannot_be_is_refused(text: str, old: Any, complaint: str) -> None:
    """The message names the parameter and what can be typed, and is short."""
    with pytest.raises(InvalidRequest, match=complaint) as refused:
        typed(text, [old], "x")
    assert len(str(refused.value)) < 400


def test_other_types_of_the_column_count_too() -> None:
    """Where some rows have fractions, or words, the others may have them as well; the row's own type comes first."""
    assert typed("1.5", [2, 0.5], "x") == 1.5
    assert typed("7", [2, 0.5], "x") == 7
    assert typed("auto", [2, "x"], "x") == "auto"
    assert type(typed("7", [0.5, 2], "x")) is float
    with pytest.raises(InvalidRequest, match="x is an int"):
        typed("auto", [2, 0.5], "x")
