"""Values without classes and without unpickling."""

from __future__ import annotations

import pickle
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from torc_nb.errors import CannotLoad
from torc_nb.values import Spill, bare, brief, encode
from torc_nb.values.bare import LONGEST
from values import samples

WHAT_THEY_WERE: list[Any] = [
    None, True, 1.5, 2**70, float("inf"), "ünï ☃ \x00", "\ud800", b"\x00\xff", 1 + 2j, (1, (2,)), {1, 2}, {1: {"a": 2}},
    datetime(2026, 1, 2, tzinfo=UTC), Path("/a"), np.float32(1.5), pd.Timestamp("2026-01-02"), {"$torc": "file"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_unpickling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is unpickled, nor is any class of the user's looked for."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("asked for a class or a pickle")

    monkeypatch.setattr(sys.modules["torc_nb.values.pickles"], "load", refuse)
    monkeypatch.setattr(sys.modules["torc_nb.values.decode"], "find_class", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)


@pytest.mark.parametrize("value", WHAT_THEY_WERE, ids=repr)
@pytest.mark.parametrize("read", [bare, brief])
def test_what_needs_no_class_is_what_it_was(value: Any, read: Any) -> None:
    """Of the same type, wherever it stands."""
    found = read(encode({"a": [value]}).text)["a"][0]
    assert (type(found), found) == (type(value), value)


def test_what_needs_a_class_is_its_parts() -> None:
    """Fields as dicts, named tuples as tuples, enums as the names of their members; within each other too."""
    fixed = samples.Fixed("a", [samples.Color.RED])
    assert bare(encode(fixed).text) == {"name": "a", "inner": ["RED"]}
    assert bare(encode({"pair": samples.Pair(1, fixed)}).text) == {"pair": (1, {"name": "a", "inner": ["RED"]})}
    assert bare(encode(samples.Model(x=2)).text)["x"] == 2


def test_a_pickle_is_told_by_its_type(tmp_path: Path) -> None:
    """And its size; in a file too, of whatever is around it nothing is lost."""
    thing = samples.Thing([1])
    assert bare(encode([thing, 1]).text)[1] == 1
    assert bare(encode([thing, 1]).text)[0].startswith("<values.samples.Thing, ")
    spill = Spill(tmp_path, limit=100)
    text = encode({"frame": pd.DataFrame({"a": range(1000)}), "n": 1}, spill=spill).text
    assert bare(text, spill_folder=tmp_path)["frame"].startswith("<pandas.DataFrame, ")
    assert bare(text, spill_folder=tmp_path)["n"] == 1


def test_a_large_value_is_read_where_its_file_is(tmp_path: Path) -> None:
    """Else a text names it; a damaged one is an error."""
    value = {"array": np.arange(10_000), "n": 1}
    text = encode(value, spill=Spill(tmp_path, limit=1000)).text
    assert np.array_equal(bare(text, spill_folder=tmp_path)["array"], value["array"])
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    for elsewhere in (None, tmp_path / "elsewhere"):
        found = bare(text, spill_folder=elsewhere)
        assert found["n"] == 1
        assert found["array"] == f"<numpy.array, 78.1 KiB> in values/{file.parent.name}/{file.name}"
    file.write_bytes(b"short")
    with pytest.raises(CannotLoad, match="damaged"):
        bare(text, spill_folder=tmp_path)


def test_of_a_large_value_what_is_short_is_told(tmp_path: Path) -> None:
    """Among long parts, at any depth; where the file is gone, its name is all that there is."""
    value = {"n": 1, "deep": {"m": 2.5, "long": "x" * (LONGEST + 1)}, "list": list(range(LONGEST)), "few": [1, 2]}
    text = encode(value, spill=Spill(tmp_path, limit=1000)).text
    found = brief(text, spill_folder=tmp_path)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert (found["n"], found["deep"]["m"], found["few"]) == (1, 2.5, [1, 2])
    assert found["deep"]["long"] == f"<str, 9.8 KiB> in values/{file.parent.name}/{file.name}"
    assert found["list"].startswith("<list, ")
    file.unlink()
    assert brief(text, spill_folder=tmp_path).startswith("<value, ")
