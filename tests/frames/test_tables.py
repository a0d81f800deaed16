"""Results and parameters of maps as DataFrames, from texts as the store keeps them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_index_equal

from torc_nb.errors import CannotLoad
from torc_nb.frames import params, results
from torc_nb.frames.tables import PIECE
from torc_nb.models import JobStatus
from torc_nb.values import decode, encode

VALUES = {"kind": "values"}
NOT_YET = object()


def row(
    job_id: int, parameters: Any, value: Any = NOT_YET, *, key: Any = NOT_YET, status: int | None = None
) -> tuple[Any, ...]:
    """A row as the store yields it; completed where it has a value."""
    done = value is not NOT_YET
    return (
        job_id,
        None if key is NOT_YET else encode(key).text,
        int(status if status is not None else JobStatus.COMPLETED if done else JobStatus.READY),
        encode(parameters).text,
        encode(value).text if done else None,
    )


def of(*rows: tuple[Any, ...], order: list[int] | None = None, shape: dict[str, Any] = VALUES) -> pd.DataFrame:
    """The results of these rows."""
    return results(rows, shape, order, decode)


def mapped(
    frame: pd.DataFrame, function: Callable[[dict[str, Any]], Any]
) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """The rows and the shape of a completed map over a DataFrame that has labels."""
    columns = [frame[name].tolist() for name in frame.columns]
    dicts = [dict(zip(frame.columns, values, strict=True)) for values in zip(*columns, strict=True)]
    rows = [
        row(10 + i, one, function(one), key=label)
        for i, (one, label) in enumerate(zip(dicts, frame.index, strict=True))
    ]
    shape = {"kind": "frame", "columns": list(frame.columns), "index": list(frame.index.names), "labelled": True}
    return rows, shape


def test_parameters_and_results_stand_side_by_side() -> None:
    """Dicts become a column for each key, with plain dtypes where all jobs completed."""
    frame = of(
        row(1, {"n": 1, "x": 0.5, "name": "ä"}, {"y": 2, "ok": True}),
        row(2, {"n": 2, "x": 1.5, "name": "<b>"}, {"y": 3, "ok": False}),
    )
    assert list(frame.columns) == ["n", "x", "name", "result.y", "result.ok"]
    assert frame.drop(columns="name").dtypes.astype(str).to_dict() == {
        "n": "int64",
        "x": "float64",
        "result.y": "int64",
        "result.ok": "bool",
    }
    assert frame["name"].tolist() == ["ä", "<b>"]
    assert_index_equal(frame.index, pd.RangeIndex(2))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "Int64"),
        (1.5, "Float64"),
        (True, "boolean"),
        ("é", "string"),
        (np.float32(1.5), "Float32"),
        (np.int16(3), "Int16"),
    ],
)
def test_what_has_not_completed_is_missing_in_a_nullable_column(value: Any, dtype: str) -> None:
    """A frame in mid-run keeps the type of the results there are, beside NA."""
    frame = of(row(1, 1, value), row(2, 2), row(3, 3, status=JobStatus.FAILED))
    assert str(frame["result"].dtype) == dtype
    assert frame["result"].isna().tolist() == [False, True, True]
    assert frame["result"].iloc[0] == value
    assert frame["params"].dtype == np.int64


def test_times_keep_being_times_in_mid_run() -> None:
    """Datetimes become a datetime column, with NaT for what is missing."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    frame = of(row(1, 1, moment), row(2, 2))
    assert isinstance(frame["result"].dtype, pd.DatetimeTZDtype)
    assert frame["result"].iloc[0] == moment
    assert frame["result"].iloc[1] is pd.NaT


def test_a_map_of_which_nothing_completed_has_a_result_column() -> None:
    """Code that looks at ``result`` in mid-run finds it from the start."""
    frame = of(row(1, {"a": 1}), row(2, {"a": 2}))
    assert list(frame.columns) == ["a", "result"]
    assert frame["result"].isna().all()


def test_an_old_result_of_a_job_that_runs_again_is_not_shown() -> None:
    """A rerun job's previous value is no result of what is asked now."""
    old = row(1, 1, 7, status=JobStatus.READY)
    assert of(old, row(2, 2, 8))["result"].isna().tolist() == [True, False]


def test_nan_and_infinities_survive() -> None:
    """Floats that JSON does not have arrive as floats."""
    frame = of(row(1, math.inf, math.nan), row(2, -math.inf, 1.0))
    assert frame["params"].tolist() == [math.inf, -math.inf]
    assert frame["result"].dtype == np.float64
    assert math.isnan(frame["result"].iloc[0])


def test_a_function_that_returns_none() -> None:
    """None stays None where the job completed, and is NA where it did not."""
    values = of(row(1, 1, None), row(2, 2, None), row(3, 3))["result"].tolist()
    assert values[:2] == [None, None]
    assert values[2] is pd.NA


def test_dicts_and_none_mixed_keep_their_columns() -> None:
    """A function that returns nothing for some rows leaves NA there."""
    frame = of(row(1, 1, {"y": 1}), row(2, 2, None))
    assert list(frame.columns) == ["params", "result.y"]
    assert frame["result.y"].isna().tolist() == [False, True]


def test_keys_that_differ_from_row_to_row() -> None:
    """Each key has a column; rows without it have NA there, in the order in which keys appear."""
    frame = of(row(1, {"a": 1}, {"x": 1}), row(2, {"b": "t", "a": 2}, {"y": 2.5}))
    assert list(frame.columns) == ["a", "b", "result.x", "result.y"]
    assert frame["a"].dtype == np.int64
    assert frame["b"].isna().tolist() == [True, False]
    assert [str(dtype) for dtype in frame.dtypes[["result.x", "result.y"]]] == ["Int64", "Float64"]


def test_dicts_of_ever_new_keys_do_not_become_a_column_each() -> None:
    """A result keyed by the row's name would be a table of holes: the dicts stay what they are."""
    n = 2 * PIECE + 5
    frame = results((row(i, i, {f"key{i}": i}) for i in range(n)), VALUES, None, decode)
    assert list(frame.columns) == ["params", "result"]
    assert frame["result"].iloc[n - 1] == {f"key{n - 1}": n - 1}
    assert frame["result"].iloc[0] == {"key0": 0}


def test_values_turn_out_not_to_be_dicts_late() -> None:
    """One row of another kind, pieces later, gives back every earlier dict whole."""
    first = [row(i, i, {"x": i, "y": [i]}) if i % 3 else row(i, i, None if i % 2 else {}) for i in range(PIECE + 10)]
    frame = of(*first, row(PIECE + 10, 0, 5))
    assert list(frame.columns) == ["params", "result"]
    assert frame["result"].tolist()[:4] == [{}, {"x": 1, "y": [1]}, {"x": 2, "y": [2]}, None]
    assert frame["result"].iloc[-1] == 5


def test_types_that_change_between_pieces() -> None:
    """Ints, then floats, then nothing: one column that holds them all."""
    n = PIECE
    rows = [row(i, i, {"x": i}) for i in range(n)] + [row(n + i, i, {"x": i + 0.5}) for i in range(n)]
    assert of(*rows)["result.x"].dtype == np.float64
    late = of(*rows, row(2 * n, 0))
    assert str(late["result.x"].dtype) == "Float64"
    assert late["result.x"].iloc[n] == 0.5
    assert late["params"].iloc[n - 1] == n - 1


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        [[1, 2], [3, 4]],
        (1, 2),
        np.arange(3),
        {"deep": {"er": 1}},
        date(2026, 1, 2),
        Point(3),
        2**70,
        "\x00\u202e",
        {1},
    ],
    ids=str,
)
def test_other_values_stay_the_objects_they_are(value: Any) -> None:
    """What is no number, string or time is not taken apart, two equal-sized lists included."""
    frame = of(row(1, {"p": value}, {"v": value}), row(2, {"p": value}, {"v": value}))
    assert list(frame.columns) == ["p", "result.v"]
    for column in frame:
        assert type(frame[column].iloc[1]) is type(value)
        np.testing.assert_array_equal(frame[column].iloc[1], value)


def test_numbers_beyond_64_bit_beside_missing_ones() -> None:
    """Nothing overflows."""
    assert of(row(1, 1, 2**64), row(2, 2))["result"].iloc[0] == 2**64


def test_names_that_are_taken() -> None:
    """A parameter called like a result keeps its name, and no column is lost."""
    frame = of(row(1, {"result.x": 1, "job.id": 2, "result.x.1": 3}, {"x": 4}))
    assert list(frame.columns) == ["result.x", "job.id", "result.x.1", "result.x.2"]
    assert frame.iloc[0].tolist() == [1, 2, 3, 4]


def test_keys_that_are_no_strings() -> None:
    """Tuples as names make no MultiIndex, and numbers stay numbers."""
    frame = of(row(1, {("a", 1): 1, ("b", 2): 2}, {1: "one", "1": "uno"}))
    assert frame.columns.nlevels == 1
    assert list(frame.columns) == [("a", 1), ("b", 2), "result.1", "result.1.1"]


def test_several_iterables() -> None:
    """What was mapped over in step is shown by number."""
    frame = of(row(1, (1, "a"), 5), row(2, (2, "b"), 6), shape={"kind": "positional"})
    assert list(frame.columns) == ["params.0", "params.1", "result"]
    assert frame["params.0"].dtype == np.int64


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (pd.Index(["a", "b", "c"], name="site"), ["site"]),
        (pd.Index([7, 3, 5]), [None]),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["site", None]), ["site", None]),
        (pd.DatetimeIndex(["2026-01-01", "2026-01-02", "2026-01-04"], name="day"), ["day"]),
    ],
    ids=["named", "numbers", "multi", "days"],
)
def test_the_index_of_a_dataframe_is_kept(index: pd.Index, names: list[Any]) -> None:
    """Results join the frame that was mapped, by its own labels, in any order."""
    frame = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, np.nan, 2.0]}, index=index)
    rows, shape = mapped(frame, lambda one: {"y": one["n"] * 10})
    found = results(rows, shape, [12, 10, 11], decode)
    assert list(found.index.names) == names
    joined = frame.join(found[["result.y"]])
    assert joined["result.y"].tolist() == [10, 20, 30]
    assert_frame_equal(params(rows, shape, None, decode), frame, check_freq=False)


def test_dtypes_of_a_dataframe_come_back() -> None:
    """Numbers, strings, booleans, times and nullable columns have the dtypes that they had."""
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [1.0, np.nan],
            "b": [True, False],
            "s": ["x", "y"],
            "t": pd.to_datetime(["2026-01-01", "2026-06-01"]),
            "z": pd.to_datetime(["2026-01-01", "2026-06-01"]).tz_localize("Europe/Berlin"),
            "d": pd.to_timedelta([1, 2], unit="s"),
            "n": pd.array([1, None], dtype="Int64"),
        },
        index=pd.Index(["a", "b"], name="k"),
    )
    rows, shape = mapped(frame, lambda one: None)
    assert_frame_equal(params(rows, shape, None, decode), frame)


def test_an_empty_map_has_the_columns_of_its_dataframe() -> None:
    """Nothing mapped is an empty table of the right shape, labelled or not."""
    shape = {"kind": "frame", "columns": ["a", "b"], "index": ["k", "l"], "labelled": True}
    frame = of(shape=shape)
    assert list(frame.columns) == ["a", "b", "result"]
    assert list(frame.index.names) == ["k", "l"]
    assert list(params([], {"kind": "frame", "columns": ["a"], "index": [None]}, [], decode).columns) == ["a"]
    assert list(of().columns) == ["params", "result"]
    assert of(shape={"kind": "positional"}).empty


def test_a_dataframe_without_columns() -> None:
    """Rows that say nothing are still rows."""
    frame = of(row(1, {}, 1), row(2, {}, 2), shape={"kind": "frame", "columns": [], "index": [None]})
    assert list(frame.columns) == ["result"]
    assert len(frame) == 2


def test_the_order_of_the_last_call() -> None:
    """Jobs stand in the order given; others are left out, and have no say in the dtypes either."""
    rows = [row(1, 1, 10), row(2, "absent"), row(3, 3, 30)]
    frame = of(*rows, order=[3, 1])
    assert frame["params"].tolist() == [3, 1]
    assert frame["result"].dtype == np.int64
    assert_index_equal(frame.index, pd.RangeIndex(2))
    assert_frame_equal(params(rows, VALUES, [3, 1], decode), frame[["params"]])


def test_rows_that_were_filtered_keep_their_places() -> None:
    """Failed rows alone still join the list that was mapped, by place."""
    rows = [row(5, "e", 1), row(8, "h", 2)]
    assert of(*rows, order=[8, 6, 5]).index.tolist() == [0, 2]
    assert results(rows, VALUES, None, decode, first=40).index.tolist() == [40, 41]


def test_without_an_order_it_is_that_of_the_ids() -> None:
    """Rows that arrive otherwise are sorted, with everything that belongs to them."""
    frame = of(row(9, "late", 9), row(2, "early", 2))
    assert frame["params"].tolist() == ["early", "late"]
    assert frame["result"].tolist() == [2, 9]


def test_provenance() -> None:
    """Every attempt's facts stand under ``job.*`` with dtypes that do not depend on what has run."""
    attempt = (2, 3, 0, 77, 5, 1_700_000_000.25, 1.5, 1.25, 2**33, None, None, "n1")
    failed = (2, 1, 1, 78, 5, 1_700_000_001.0, 0.5, 0.5, 100, "ValueError", "no <b>", "n2")
    rows = [
        (*row(1, 1, 10), *attempt),
        (*row(2, 2, status=JobStatus.FAILED), *failed),
        (*row(3, 3), *[None] * 12),
    ]
    frame = results(rows, VALUES, None, decode, provenance=True, versions={77: "v1"})
    assert frame["job.id"].tolist() == [1, 2, 3]
    assert frame["job.status"].tolist() == ["completed", "failed", "ready"]
    assert frame["job.code"].tolist()[0] == "v1"
    assert frame["job.code"].isna().tolist() == [False, True, True]
    assert frame["job.started"].iloc[0] == pd.Timestamp("2023-11-14 22:13:20.25", tz="UTC")
    assert frame["job.peak_memory"].iloc[0] == 2**33
    assert frame["job.error_type"].tolist()[1] == "ValueError"
    waiting = results(rows[2:], VALUES, None, decode, provenance=True)
    assert_frame_equal(frame.iloc[:0], waiting.iloc[:0].astype({"result": "Int64"}), check_index_type=False)
    assert str(frame["job.started"].dtype) == "datetime64[ns, UTC]"
    assert frame["job.run_id"].dtype == "Int64"


def test_a_tag_in_a_users_own_text() -> None:
    """A string that looks like the store's own mark is only a string."""
    frame = of(row(1, {"s": '"$torc"'}, {"$torc": "pickle"}), row(2, {"s": "$torc"}, {"$torc": "x"}))
    assert frame["s"].tolist() == ['"$torc"', "$torc"]
    assert frame["result.$torc"].tolist() == ["pickle", "x"]


def test_a_damaged_text_is_named_by_the_decoder() -> None:
    """A text that is no JSON among thousands raises what decode raises, and shifts no other row."""
    good = row(1, 1, 1)
    for text in ("1,2", "[", ""):
        with pytest.raises(CannotLoad):
            of(good, (2, None, int(JobStatus.COMPLETED), "2", text))


def test_decode_is_asked_for_nothing_that_is_plain() -> None:
    """Views that may not unpickle decide through ``decode``; plain JSON never bothers it."""
    asked: list[str] = []

    def shown(text: str) -> str:
        asked.append(text)
        return "(kept)"

    frame = results([row(1, {"a": 1}, np.arange(2)), row(2, {"a": 2}, 3)], VALUES, None, shown)
    assert frame["result"].tolist() == ["(kept)", 3]
    assert len(asked) == 1
