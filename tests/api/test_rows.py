"""What ``map`` takes for parameters, and how it decides to call the function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from torc_nb.api.rows import PEEKED, Rows
from torc_nb.errors import CannotStore, InvalidRequest
from torc_nb.functions import capture
from torc_nb.values import Spill, decode


@pytest.fixture
def spill(tmp_path: Path) -> Spill:
    """Where large values go."""
    return Spill(tmp_path / "values")


def values(rows: Rows, spill: Spill) -> list[Any]:
    """The rows as they will come back."""
    return [decode(row.text, spill_folder=spill.folder) for row in rows.encoded()]


def labels(rows: Rows) -> list[Any]:
    """The rows' keys as they will come back."""
    return [None if row.key is None else decode(row.key) for row in rows.encoded()]


def test_any_iterable_is_taken(spill: Spill) -> None:
    """Lists, generators, ranges, arrays and tuples give one row for each item, of the type that it has."""
    for given, expected in [
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        ((x * x for x in range(4)), [0, 1, 4, 9]),
        (range(3), [0, 1, 2]),
        ([(1, "a"), (2, "b")], [(1, "a"), (2, "b")]),
        (np.arange(2.0), [0.0, 1.0]),
        (pd.Series([1, 2], index=["a", "b"]), [1, 2]),
        ([], []),
    ]:
        assert values(Rows.read([given], None, spill), spill) == expected


def test_several_iterables_go_in_step(spill: Spill) -> None:
    """Like Executor.map: the shortest ends it."""
    assert values(Rows.read([[1, 2, 3], ["a", "b"]], None, spill), spill) == [(1, "a"), (2, "b")]


def test_generator_that_yields_one_dict_again_and_again(spill: Spill) -> None:
    """Each row is what the dict held when it was yielded."""

    def rows() -> Iterator[dict[str, int]]:
        row = {}
        for number in range(PEEKED + 5):
            row["x"] = number
            yield row

    found = values(Rows.read([rows()], None, spill), spill)
    assert found == [{"x": number} for number in range(PEEKED + 5)]


@pytest.mark.parametrize("given", [None, 7, "abc", b"abc", {"x": 1}])
def test_what_is_no_list_of_parameters_is_refused(given: Any, spill: Spill) -> None:
    """A string or a dict is iterable, and surely not meant so."""
    with pytest.raises(InvalidRequest, match="takes an iterable of parameters, not a"):
        Rows.read([given], None, spill)
    with pytest.raises(InvalidRequest, match="needs parameters"):
        Rows.read([], None, spill)


def test_refused_parameters_are_named_by_their_index(spill: Spill) -> None:
    """Also far behind the first ones, which are encoded before the function is captured."""
    opened = (Path(spill.folder).parent / "open").open("w")
    with opened, pytest.raises(CannotStore, match=r"params\[2\]\['file'\] is .*(open|file)"):
        Rows.read([[{"file": 1}, {"file": 2}, {"file": opened}]], None, spill)
    far = Rows.read([(opened if number == PEEKED + 3 else number for number in range(PEEKED + 9))], None, spill)
    with pytest.raises(CannotStore, match=rf"params\[{PEEKED + 3}\]"):
        list(far.encoded())


class TestFrames:
    """DataFrames: rows of Python's own values, matched by an index that says something."""

    frame = pd.DataFrame({"x": [1, 2], "name": ["a", "b"]})

    def test_default_index_labels_nothing(self, spill: Spill) -> None:
        """A running number is no key: the rows are matched by value."""
        rows = Rows.read([self.frame], None, spill)
        assert labels(rows) == [None, None]
        assert rows.shape == {"kind": "frame", "columns": ["x", "name"], "index": [None], "key": []}

    def test_rows_are_dicts_of_pythons_own_values(self, spill: Spill) -> None:
        """As a function of a scientist expects them, not numpy's scalars."""
        found = values(Rows.read([self.frame], None, spill), spill)
        assert found == [{"x": 1, "name": "a"}, {"x": 2, "name": "b"}]
        assert type(found[0]["x"]) is int

    @pytest.mark.parametrize(
        ("index", "expected"),
        [
            (pd.RangeIndex(0, 4, 2), [0, 2]),
            (pd.RangeIndex(5, 7), [5, 6]),
            (pd.RangeIndex(2, name="run"), [0, 1]),
            (pd.Index(["a", "b"]), ["a", "b"]),
            (pd.Index([1.5, 2.5], name="t"), [1.5, 2.5]),
            (pd.MultiIndex.from_tuples([(1, "a"), (1, "b")], names=["i", "j"]), [(1, "a"), (1, "b")]),
            (pd.DatetimeIndex(["2024-01-01", "2024-01-02"]), list(pd.DatetimeIndex(["2024-01-01", "2024-01-02"]))),
        ],
    )
    def test_other_indexes_are_keys(self, index: pd.Index[Any], expected: list[Any], spill: Spill) -> None:
        """Named, filtered, of strings, times or several levels: each label comes back as it was."""
        rows = Rows.read([self.frame.set_axis(index)], None, spill)
        assert labels(rows) == expected
        assert rows.shape["labelled"] is True
        assert rows.shape["index"] == list(index.names)

    def test_key_columns(self, spill: Spill) -> None:
        """They identify a row in place of the index, alone or together."""
        named = self.frame.set_axis(["p", "q"])
        assert labels(Rows.read([named], "name", spill)) == ["a", "b"]
        assert labels(Rows.read([named], ["x", "name"], spill)) == [[1, "a"], [2, "b"]]

    def test_what_cannot_identify_is_refused(self, spill: Spill) -> None:
        """Missing key columns, equal keys, equal labels, columns that are no names."""
        with pytest.raises(InvalidRequest, match=r"no column y to key by; it has \['x', 'name'\]"):
            Rows.read([self.frame], "y", spill)
        with pytest.raises(InvalidRequest, match=r"params\[1\] has the key 7, as an earlier row has"):
            Rows.read([pd.DataFrame({"x": [7, 7]})], "x", spill)
        with pytest.raises(InvalidRequest, match="index has equal labels"):
            Rows.read([self.frame.set_axis(["a", "a"])], None, spill)
        with pytest.raises(InvalidRequest, match="must be different strings"):
            Rows.read([pd.DataFrame([[1, 2]])], None, spill)

    def test_missing_values_and_times(self, spill: Spill) -> None:
        """Nullable columns, categories and times keep what they are."""
        frame = pd.DataFrame(
            {
                "n": pd.array([1, None], dtype="Int64"),
                "c": pd.Categorical(["u", "v"]),
                "t": pd.to_datetime(["2024-05-01", None], format="%Y-%m-%d"),
            }
        )
        first, second = values(Rows.read([frame], None, spill), spill)
        assert first == {"n": 1, "c": "u", "t": pd.Timestamp("2024-05-01")}
        assert second["n"] is pd.NA
        assert second["t"] is pd.NaT

    def test_empty_frames(self, spill: Spill) -> None:
        """No rows are no rows; no columns are rows that say nothing."""
        assert values(Rows.read([self.frame[:0]], None, spill), spill) == []
        assert values(Rows.read([pd.DataFrame(index=range(2))], None, spill), spill) == [{}, {}]


def test_key_of_rows_that_are_objects_or_lack_it(spill: Spill) -> None:
    """Attributes serve as well as keys of a dict; a row without is named."""
    rows = Rows.read([[complex(1, 2), complex(3, 4)]], "imag", spill)
    assert labels(rows) == [2.0, 4.0]
    with pytest.raises(InvalidRequest, match=r"params\[1\] has no name, by which rows are keyed"):
        Rows.read([[{"name": 1}, {"nam": 2}]], "name", spill)


class TestCalls:
    """One argument, keywords, or positional arguments."""

    rows = ([{"x": 1, "y": 2}],)

    def call(self, function: Any, spill: Spill, unpack: bool | None = None, rows: Any = None) -> str:
        """The decision for a function."""
        return Rows.read(rows or self.rows, None, spill).how_to_call(capture(function), unpack)

    def test_a_function_of_one_parameter_gets_the_row(self, spill: Spill) -> None:
        """Whatever the parameter's name, and however many others have defaults."""
        assert self.call(lambda params: 0, spill) == "argument"
        assert self.call(lambda params, verbose=False: 0, spill) == "argument"
        assert self.call(lambda *args: 0, spill) == "argument"

    def test_a_function_of_the_rows_names_gets_keywords(self, spill: Spill) -> None:
        """Also where a default leaves it callable with one argument."""
        assert self.call(lambda x, y: 0, spill) == "keywords"
        assert self.call(lambda x, y=3, z=4: 0, spill) == "keywords"
        assert self.call(lambda *, x, y: 0, spill) == "keywords"
        assert self.call(lambda **names: 0, spill) == "keywords"

    def test_where_both_could_be_meant_it_asks(self, spill: Spill) -> None:
        """And takes the answer."""
        one = ([{"x": {"x": 2}}],)
        with pytest.raises(InvalidRequest, match=r"unpack=False \(one argument\) or unpack=True \(keywords\)"):
            self.call(lambda x: 0, spill, rows=one)
        assert self.call(lambda x: 0, spill, True, one) == "keywords"
        assert self.call(lambda x: 0, spill, False, one) == "argument"

    def test_what_fits_neither_is_refused(self, spill: Spill) -> None:
        """Before anything is queued."""
        with pytest.raises(InvalidRequest, match=r"lambda\(a, b\) can take a row neither .* keywords x, y"):
            self.call(lambda a, b: 0, spill)
        with pytest.raises(InvalidRequest, match="as its one argument"):
            self.call(lambda a, b: 0, spill, rows=([5],))
        with pytest.raises(InvalidRequest, match="with 2 positional arguments"):
            self.call(lambda a: 0, spill, rows=([1], [2]))
        with pytest.raises(InvalidRequest, match="as keywords"):
            self.call(lambda a, b: 0, spill, True)

    def test_tuples(self, spill: Spill) -> None:
        """One argument each, unless asked to unpack; several iterables are several arguments."""
        assert self.call(lambda pair: 0, spill, rows=([(1, 2)],)) == "argument"
        assert self.call(lambda a, b: 0, spill, True, ([(1, 2)],)) == "positional"
        assert self.call(lambda a, b: 0, spill, rows=([1], [2])) == "positional"

    def test_no_rows_and_no_signature(self, spill: Spill) -> None:
        """Nothing to decide by is no error."""
        assert self.call(lambda a, b: 0, spill, rows=([],)) == "argument"
        assert self.call(dict, spill) == "argument"
