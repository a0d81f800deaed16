"""Tables as text, and records as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from torc_nb.commands.answers import Listing, Said, as_json, cut
from torc_nb.commands.tables import as_text, table


def test_numbers_stand_right_and_texts_left() -> None:
    """Columns line up; missing values are blank."""
    frame = pd.DataFrame({"n": [1, None], "s": ["a", None]}, index=pd.Index([7, 10], name="job")).convert_dtypes()
    assert table(frame, None) == ["job  n  s", "---  -  -", "  7  1  a", " 10"]


def test_only_texts_are_cut_to_the_width() -> None:
    """The widest text gives way, down to a limit; a number or a time is never cut."""
    frame = pd.DataFrame({"n": [10**30], "s": ["x" * 100], "t": ["y" * 10]})
    lines = table(frame, 70)
    assert max(map(len, lines)) == 70
    assert str(10**30) in lines[2]
    assert lines[2].endswith("y" * 10)
    assert "…" in lines[2]
    narrow = table(frame, 10)[2]
    assert str(10**30) in narrow
    assert "x" * 12 + "…" in narrow
    assert "…" not in table(frame, None)[2]


def test_a_cell_is_one_line() -> None:
    """Line breaks and nested values do not break the table."""
    frame = pd.DataFrame({"a": ["one\n  two"], "b": [{"x": [1, None]}]})
    assert table(frame, None)[2] == 'one two  {"x": [1, null]}'


def test_a_time_is_shown_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database has UTC; the terminal shows the clock on the wall."""
    import time

    monkeypatch.setenv("TZ", "UTC-3")
    time.tzset()
    try:
        frame = pd.DataFrame({"t": pd.to_datetime([datetime(2026, 1, 1, 12, tzinfo=UTC), None])})
        assert table(frame, None)[2:] == ["2026-01-01 15:00:00", ""]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_nothing_is_said_to_be_nothing() -> None:
    """An empty listing has its title and `(none)`, with or without columns."""
    for frame in (pd.DataFrame(), pd.DataFrame({"a": []})):
        assert as_text(Listing("Jobs", frame), None) == "Jobs\n(none)"
        assert json.loads(as_json(Listing("Jobs", frame))) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2026-01-01T12:00:00Z"), "2026-01-01T12:00:00+00:00"),
        (2**80, 2**80),
        (True, True),
        ({1: (1, {2})}, {"1": [1, [2]]}),
        (np.float64(0.5), 0.5),
        ("é\u2028", "é\u2028"),
        (1j, "1j"),
    ],
)
def test_json_has_every_value(value: Any, expected: Any) -> None:
    """One document that every parser reads: no NaN, no unknown type."""
    document = as_json(Said("", {"value": value}))
    assert json.loads(document, parse_constant=pytest.fail) == {"value": expected}
    frame = pd.DataFrame({"value": pd.Series([value, "other"], dtype=object)})
    assert json.loads(as_json(Listing("", frame)))[0] == {"value": expected}


def test_a_limit_is_told_only_where_it_cuts() -> None:
    """One row more than the limit was fetched to know."""
    frame = pd.DataFrame({"a": range(3)})
    assert len(cut(frame, 3)[0]) == 3
    assert cut(frame, 3)[1] == cut(frame, None)[1] == []
    shown, notes = cut(frame, 2)
    assert len(shown) == 2
    assert "first 2" in notes[0]
