"""An edited table of parameters: matched by its index, compared cell by cell, written whole or not at all."""

from __future__ import annotations

import datetime as dt
import math
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from torc_nb.errors import Conflict, InvalidRequest
from torc_nb.workflow import Workflow, modifying

DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def run(params: Any) -> Any:
    """Give it back."""
    return params


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def _values(wf: Workflow) -> list[Any]:
    """What the jobs will be given, with the very types."""
    return [one.data["params"] for one in map(wf.api.get_user_data, _keys(wf))]


def _keys(wf: Workflow) -> list[int]:
    return [2 * job.id for job in wf.api.list_jobs(wf.id)]


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Parameters of several types."""
    return [{"mesh": 0.1, "n": n, "when": DAY, "größe": "x", "t": (1, n), "on": True} for n in range(10)]


def test_only_changed_cells_are_written(wf: Workflow, rows: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what differed; what was not touched keeps its revision, and each value its type."""
    m = wf.map(run, rows)
    df = m.params()
    df.loc[[1, 4, 7], "mesh"] = 0.05
    assert m.modify(df) == 3
    assert _said(capsys) == "3 of 10 rows of run: mesh 0.1 → 0.05"
    assert [one.rev for one in map(wf.api.get_user_data, _keys(wf))] == [1, 2, 1, 1, 2, 1, 1, 2, 1, 1]
    assert _values(wf) == [row | {"mesh": 0.05} if row["n"] in (1, 4, 7) else row for row in rows]
    df.loc[1, "mesh"] = 0.04  # the table knows its own changes
    assert wf.modify(df) == 1
    assert wf.modify(m.params()) == 0
    assert "nothing differs" in _said(capsys)


def test_each_type_stays_what_it_was(wf: Workflow, rows: list[Any]) -> None:
    """Whole numbers in a column that pandas made one of floats, times, tuples, empty cells."""
    m = wf.map(run, rows)
    df = m.params()
    df["n"] = df["n"].astype(float)
    df.loc[0, "n"] = 100.0
    df.loc[1, "n"] = np.nan
    df.loc[2, "when"] = pd.Timestamp("2025-05-05", tz="UTC")
    df.loc[3, "mesh"] = np.inf
    df.loc[4, "größe"] = None
    df.at[5, "t"] = [7, 8]
    df.loc[6, "on"] = False
    assert m.modify(df) == 7
    found = _values(wf)
    assert (found[0]["n"], type(found[0]["n"])) == (100, int)
    assert math.isnan(found[1]["n"])
    assert (found[2]["when"], type(found[2]["when"])) == (dt.datetime(2025, 5, 5, tzinfo=dt.UTC), dt.datetime)
    assert found[3]["mesh"] == math.inf
    assert found[4]["größe"] is None
    assert found[5]["t"] == (7, 8)
    assert found[6]["on"] is False
    assert found[7:] == rows[7:]
    assert m.modify(m.params()) == 0


def test_tables_that_were_sorted_filtered_cut_and_pasted(wf: Workflow, rows: list[Any]) -> None:
    """Rows are found by the index, whatever else was done to the table."""
    m = wf.map(run, rows)
    for number, do in enumerate(
        [
            lambda df: df[df["n"] > 6].sort_values("n", ascending=False),
            lambda df: pd.concat([df.iloc[8:], df.iloc[2:4]]),
            lambda df: df[["on", "t", "größe", "when", "n", "mesh"]].sample(frac=1, random_state=1),
            lambda df: pickle.loads(pickle.dumps(df.query("n == 8"))),
            lambda df: df.copy(deep=True).tail(2).astype({"n": float}),
            lambda df: df.drop(index=[0, 1]).assign(n=df["n"]),
        ]
    ):
        table = do(m.params())
        table.loc[8, "mesh"] = number + 10.0
        assert wf.modify(table) == 1
        assert [row["mesh"] for row in _values(wf)] == [0.1] * 8 + [number + 10.0, 0.1]


def test_rows_that_have_labels(wf: Workflow) -> None:
    """A named index, two levels of it, and a map whose rows stand in another order than their jobs."""
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("b", 2)]))
    wf.map(run, frame, name="m")
    m = wf.map(run, frame.iloc[::-1], name="m")
    df = m.params()
    df.loc[("b", 1), "x"] = 20
    assert m.modify(df.sort_index().iloc[1:]) == 1
    assert m.params()["x"].to_dict() == {("b", 2): 3, ("b", 1): 20, ("a", 1): 1}
    with pytest.raises(InvalidRequest, match=r"none of the map's.*'c'"):
        m.modify(df.rename(index={"b": "c"}))
    assert wf.map(run, frame, name="m").params()["x"].tolist() == [1, 20, 3]  # the original repeated


def test_scalars_tuples_and_dicts_of_different_keys(wf: Workflow) -> None:
    """Whatever a map is over can be edited."""
    scalars = wf.map(run, [1.5, 2.5], name="scalars")
    df = scalars.params()
    df.loc[1, "params"] = 9.0
    scalars.modify(df)
    pairs = wf.map(add, [1, 2], [3, 4], name="pairs")
    df = pairs.params()
    df.loc[0, "params.1"] = 30
    pairs.modify(df)
    ragged = wf.map(run, [{"a": 1}, {"b": 2}], name="ragged")
    df = ragged.params()
    df.loc[0, "b"] = 5
    ragged.modify(df)
    assert _values(wf) == [1.5, 9.0, (1, 30), (2, 4), {"a": 1, "b": 5}, {"b": 2}]


def test_tables_that_are_refused(wf: Workflow, rows: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Other rows and columns, tables numbered anew, of other maps, or without memory; nothing is written."""
    m = wf.map(run, rows)
    other = wf.map(run, [{"a": 1}], name="other")
    df = m.params()
    for table, complaint in [
        (df.drop(columns="mesh"), "lacks mesh"),
        (df.rename(columns={"mesh": "Mesh"}), "lacks mesh and has Mesh"),
        (df.assign(new=1), "has new"),
        (pd.concat([df, df.iloc[:1]]), "twice"),
        (df.rename(index={3: 33}), "none of the map's: 33"),
        (df[df["n"] > 4].reset_index(drop=True), "numbered anew"),
        (df.sort_values("n", ascending=False).reset_index(drop=True), "numbered anew"),
        (other.params(), "another map, other"),
        (pd.DataFrame(df.to_dict("records")), r"new\.update\(df\)"),
        (df.assign(when="someday"), "when is a datetime"),
        ([1], "not a list"),
    ]:
        with pytest.raises(InvalidRequest, match=complaint):
            m.modify(table)  # type: ignore[arg-type]
    assert _values(wf)[:10] == rows
    elsewhere = Workflow("elsewhere", db=wf.api.database.url, files=Path.cwd() / "elsewhere")
    with pytest.raises(InvalidRequest, match="another workflow"):
        elsewhere.modify(df)
    elsewhere.api.database.close()


def test_a_row_may_get_what_another_row_has(wf: Workflow) -> None:
    """It is no sign of a table numbered anew where that other row is as it was."""
    m = wf.map(run, [{"x": x} for x in range(5)])
    df = m.params()
    df.loc[[1, 2], "x"] = 4
    assert m.modify(df) == 2


def test_a_change_of_somebody_else_is_refused(wf: Workflow, rows: list[Any]) -> None:
    """Both values are shown and nothing is written; rows that others changed alone may be left out."""
    m = wf.map(run, rows)
    df, theirs = m.params(), m.params()
    theirs.loc[3, "mesh"] = 0.2
    m.modify(theirs)
    df.loc[[2, 3], "mesh"] = 0.3
    with pytest.raises(
        Conflict, match=r"row 3 \(job 4, rev 2, you saw 1\): mesh is 0.2 there and 0.3 in yours.*Nothing"
    ):
        m.modify(df)
    assert [row["mesh"] for row in _values(wf)[2:4]] == [0.1, 0.2]
    assert m.modify(df.loc[[2]]) == 1
    fresh = m.params()
    fresh.loc[3, "mesh"] = 0.3
    assert m.modify(fresh) == 1


def test_two_kernels_that_edit_at_once(wf: Workflow, rows: list[Any]) -> None:
    """Of two tables with one row in common exactly one is written, whole."""
    m = wf.map(run, rows)
    tables = {low: m.params() for low in (0, 4)}
    for low, df in tables.items():
        df.loc[low : low + 5, "mesh"] = low + 1.0
    outcomes: dict[int, str] = {}

    def modify(low: int) -> None:
        try:
            outcomes[low] = f"wrote {modifying.modify(wf.api, wf.id, tables[low], None)}"
        except Conflict:
            outcomes[low] = "refused"

    threads = [threading.Thread(target=modify, args=(low,)) for low in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["refused", "wrote 6"]
    winner = next(low for low, outcome in outcomes.items() if outcome != "refused")
    assert [row["mesh"] == winner + 1.0 for row in _values(wf)] == [winner <= n < winner + 6 for n in range(10)]


def test_many_rows_are_compared_in_pieces(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece is looked at, whichever way the rows are sorted; files carry what a table remembers."""
    monkeypatch.setattr(modifying, "_PIECE", 7)
    m = wf.map(run, [{"x": x, "y": -x} for x in range(100)])
    df = m.params().sort_values("y")
    df.loc[::9, "x"] += 1000
    assert m.modify(df) == 12
    assert sorted(row["x"] for row in _values(wf)) == sorted(df["x"])
    assert len(str(df.attrs)) < 500
