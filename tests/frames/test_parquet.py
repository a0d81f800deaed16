"""Rows of maps as Parquet files, read again by pyarrow and by pandas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as reading

from torc_nb.errors import MissingPackage
from torc_nb.frames import parquet
from torc_nb.frames.arrow import words
from torc_nb.models import JobStatus
from torc_nb.values import brief, encode

NOT_YET = object()


def row(job_id: int, params: Any, value: Any = NOT_YET, key: Any = None) -> tuple[Any, ...]:
    """A row as the store yields it, with its attempt where it has a value."""
    done = value is not NOT_YET
    attempt = (1, 1, 0, 7, 1, 1000.5, 2.0, 1.0, 2**30, None, None, "node") if done else (None,) * 12
    return (
        job_id,
        None if key is None else encode(key).text,
        int(JobStatus.COMPLETED if done else JobStatus.READY),
        encode(params).text,
        encode(value).text if done else None,
        *attempt,
    )


def written(path: Path, rows: Sequence[tuple[Any, ...]], shape: dict[str, Any] | None = None) -> pa.Table:
    """The file of these rows."""
    columns = parquet.write(
        path / "m.parquet", lambda: iter(rows), shape or {}, brief, versions={7: "v3"}, shown=JobStatus
    )
    table = reading.read_table(path / "m.parquet")
    assert [column.name for column in columns] == table.column_names
    assert [column.type for column in columns] == [words(field.type) for field in table.schema]
    return table


def column_of(path: Path, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """What became of values, each the result of a row: their type, and what is read again."""
    column = written(path, [row(i, i, value) for i, value in enumerate(values)])["result"]
    return words(column.type), column.to_pylist()


def test_parameters_results_and_provenance(tmp_path: Path) -> None:
    """A value within dicts has its column; what has not completed is missing."""
    table = written(
        tmp_path,
        [row(5, {"x": 1, "deep": {"a": "é"}}, {"y": 1.5, "fit": {"slope": 2}}), row(6, {"x": 2, "deep": {"a": ""}})],
        {"columns": ["deep", "x"]},
    )
    names = [name for name in table.column_names if not name.startswith("job.")]
    assert names == ["deep.a", "x", "result.y", "result.fit.slope"]
    first, second = table.to_pylist()
    assert [first[name] for name in names] == ["é", 1, 1.5, 2]
    assert [second[name] for name in names] == ["", 2, None, None]
    assert [first[f"job.{name}"] for name in ("id", "status", "code", "host")] == [5, "completed", "v3", "node"]
    assert first["job.started"] == datetime.fromtimestamp(1000.5, UTC)
    assert (second["job.status"], second["job.seconds"]) == ("ready", None)


def test_nan_is_no_missing_value(tmp_path: Path) -> None:
    """A number that was computed, beside one that was not."""
    rows = [row(1, 0, {"y": math.nan}), row(2, 0, {"y": math.inf}), row(3, 0), row(4, 0, {"y": None})]
    found = written(tmp_path, rows)["result.y"].to_pylist()
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, None, None]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2.5, None], "double", [1.0, 2.5, None]),
        ([2**60, 0.5], "string", [str(2**60), "0.5"]),
        ([2**70, 1], "string", [str(2**70), "1"]),
        ([1, "a", [1]], "string", ["1", "a", "[1]"]),
        (["\ud800", "ü\x00"], "string", ["\\ud800", "ü\x00"]),
        ([[1, 2], [], None], "list of int64", [[1, 2], [], None]),
        ([[1, "a"], [2, "b"]], "string", ['[1, "a"]', '[2, "b"]']),
        ([[{"a": 1}], []], "string", ['[{"a": 1}]', "[]"]),
        ([{1, 2}, {(1, 2)}], "string", ["[1, 2]", "[[1, 2]]"]),
        ([np.arange(3), np.arange(2) / 2], "list of double", [[0, 1, 2], [0, 0.5]]),
        ([np.arange(2.0), np.arange(1.0)], "list of double", [[0, 1], [0]]),
        ([np.ones((1, 2))], "string", ["[[1.0, 1.0]]"]),
        ([True, False], "bool", [True, False]),
        ([True, 1], "string", ["true", "1"]),
        ([b"a\x00"], "binary", [b"a\x00"]),
        ([1 + 2j, Path("/a")], "string", ["(1+2j)", "/a"]),
        ([datetime(2026, 1, 2, tzinfo=UTC)], "timestamp[us, tz=UTC]", [datetime(2026, 1, 2, tzinfo=UTC)]),
    ],
    ids=str,
)  # fmt: skip
def test_values_of_each_kind(tmp_path: Path, values: list[Any], kind: str, expected: list[Any]) -> None:
    """Of one type they have it; of several they are texts."""
    assert column_of(tmp_path, values) == (kind, expected)


@pytest.mark.parametrize(
    ("first", "second", "kind", "expected"),
    [
        (1, 2.5, "double", [1.0, 2.5]),
        (2**60 + 1, 0.5, "double", [float(2**60 + 1), 0.5]),
        (None, 1, "int64", [None, 1]),
        (1, "a", "string", ["1", "a"]),
        ([], [1.5], "list of double", [[], [1.5]]),
        ([2**60], [1.5], "list of double", [[float(2**60)], [1.5]]),
        (1, [1], "string", ["1", "[1]"]),
        ("a", b"a", "string", ["a", "b'a'"]),
        ("a", {"b": 1}, "string", ["a", None]),
    ],
    ids=str,
)
def test_what_changes_from_piece_to_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Any, second: Any, kind: str, expected: list[Any]
) -> None:
    """The type of a column fits all rows, though only some are in memory at a time."""
    monkeypatch.setattr(parquet, "PIECE", 1)
    assert column_of(tmp_path, [first, second]) == (kind, expected)


def test_a_column_that_comes_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is missing in the rows before; the rows keep their order, each piece is a row group."""
    monkeypatch.setattr(parquet, "PIECE", 2)
    rows = [row(i, {"x": i}, {"y": i} if i < 3 else {"z": i}) for i in range(5)]
    table = written(tmp_path, rows)
    assert table["result.y"].to_pylist() == [0, 1, 2, None, None]
    assert table["result.z"].to_pylist() == [None, None, None, 3, 4]
    assert reading.ParquetFile(tmp_path / "m.parquet").num_row_groups == 3


def test_long_rows_make_small_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory is bounded by the length of the texts too."""
    monkeypatch.setattr(parquet, "LONGEST", 1000)
    assert written(tmp_path, [row(i, "x" * 600) for i in range(6)]).num_rows == 6
    assert reading.ParquetFile(tmp_path / "m.parquet").num_row_groups == 3


def test_dicts_of_ever_new_keys_are_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be a column each."""
    monkeypatch.setattr(parquet, "PIECE", 2)
    monkeypatch.setattr(parquet, "MOST_COLUMNS", 3)
    table = written(tmp_path, [row(i, i, {f"k{i}": i}) for i in range(6)])
    assert [name for name in table.column_names if name.startswith("result")] == ["result"]
    assert table["result"].to_pylist() == [f'{{"k{i}": {i}}}' for i in range(6)]


@pytest.mark.parametrize(
    ("shape", "keys", "names"),
    [
        ({"labelled": True, "index": ["case"]}, ["a", "b"], ["case"]),
        ({"labelled": True}, ["a", "b"], ["index"]),
        ({"labelled": True, "index": ["n", "m"]}, [("a", 1), ("b", 2)], ["n", "m"]),
        ({}, [None, None], []),
    ],
)
def test_labels_of_rows(tmp_path: Path, shape: dict[str, Any], keys: list[Any], names: list[str]) -> None:
    """They are columns in front."""
    table = written(tmp_path, [row(i, {"x": i}, i, key) for i, key in enumerate(keys)], shape)
    assert table.column_names[: len(names) + 1] == [*names, "x"]


def test_a_label_that_is_taken(tmp_path: Path) -> None:
    """Gets a number, as in tables."""
    table = written(tmp_path, [row(1, {"result.x": 1, "job.id": 2}, {"x": 3})])
    assert table.column_names[:3] == ["result.x", "job.id", "result.x.1"]
    assert table["job.id.1"].to_pylist() == [1]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A key may be anything that a dict takes."""
    table = written(tmp_path, [row(1, {"\ud800": 1, "": 2}, {1: 3, ("a", 1): 4})])
    assert table.column_names[:4] == ["\\ud800", "", "result.1", "result.('a', 1)"]


def test_ints_of_all_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is exact, whatever those before and behind it are."""
    monkeypatch.setattr(parquet, "PIECE", 1)
    values = [2**63, -1, 2**64 - 1, 2**70, 5]
    assert [int(value) for value in column_of(tmp_path, values)[1]] == values
    assert [int(value) for value in column_of(tmp_path, values[:2])[1]] == values[:2]


def test_rows_of_each_form(tmp_path: Path) -> None:
    """Several iterables in step, and plain values."""
    table = written(tmp_path, [row(1, (1, "a"))], {"kind": "positional"})
    assert table.column_names[:2] == ["params.0", "params.1"]
    assert written(tmp_path, [row(1, 7)], {"kind": "values"})["params"].to_pylist() == [7]


def test_an_empty_map(tmp_path: Path) -> None:
    """All columns are there, of the types that they have."""
    table = written(tmp_path, [])
    assert table.num_rows == 0
    assert table.column_names[:3] == ["params", "result", "job.id"]
    assert str(table.schema.field("job.started").type) == "timestamp[us, tz=UTC]"


def test_pandas_reads_it(tmp_path: Path) -> None:
    """As anybody would."""
    written(tmp_path, [row(1, {"x": 1}, 2.5), row(2, {"x": 2}, 3.5)])
    frame = pd.read_parquet(tmp_path / "m.parquet")
    assert frame["result"].tolist() == [2.5, 3.5]


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to type."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pip install 'torc-nb\[parquet\]'"):
        written(tmp_path, [])
