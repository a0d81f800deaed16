"""The tables of a workflow: filters that run in the database, flat columns, dtypes, and whatever values there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from workflow.study import halve, same

from torc_nb.errors import InvalidRequest
from torc_nb.models import JobModel
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

HOSTILE: list[Any] = [
    math.nan, None, {"a": {"b": [1, {"c": None}]}}, [1, [2, {}]], "ünï ☃ \x00 </td>", "x" * 10_000_000, 2**64, -(2**70),
    date(2026, 1, 2), datetime(1, 1, 1, tzinfo=UTC), True, 1.5, {}, "",
]  # fmt: skip


def is_same(one: Any, other: Any) -> bool:
    """Whether a value came back as what it was."""
    return type(one) is type(other) and (one == other or (one != one and other != other))


def test_hostile_values_of_all_kinds_in_one_column(wf: Workflow, finish: Finish) -> None:
    """Each comes back as what it was, as a parameter and as a result; a job that has not run has NA."""
    m = wf.map(same, HOSTILE)
    waiting = m.results(flat=True)
    assert len(waiting) == len(HOSTILE)
    assert waiting["result"].isna().all()
    finish()
    frame = m.results()
    for name in ("params", "result"):
        assert [type(one) for one, is_ in zip(frame[name], HOSTILE, strict=True) if not is_same(one, is_)] == []
    assert m.results(where=lambda value: value == 2**64)["result"].tolist() == [2**64]


def test_a_label_that_is_taken_and_ints_beyond_64_bit(wf: Workflow, finish: Finish) -> None:
    """Parameters may be called like results; large ints stay exact."""
    m = wf.map(same, [{"x": 2**63, "result.x": "é", "result.result.x": None}], unpack=False)
    finish()
    frame = m.results()
    assert list(frame.columns) == [
        "x", "result.x", "result.result.x", "result.x.1", "result.result.x.1", "result.result.result.x",
    ]  # fmt: skip
    assert frame["x"].tolist() == frame["result.x.1"].tolist() == [2**63]


def test_filters_keep_index_and_order(wf: Workflow, finish: Finish) -> None:
    """By status, by parameters, by ids, and so many of these; each row under the label that it has in the whole."""
    plain = wf.map(halve, [{"x": x} for x in (4, -1, 6, -3, 8)], name="plain")
    labelled = wf.map(halve, pd.DataFrame({"x": [4, -1, 6]}, index=["c", "a", "b"]), name="labelled")
    finish()
    whole = plain.results(provenance=True)
    failed = plain.results(status="failed", provenance=True)
    assert failed.index.tolist() == [1, 3]
    assert failed["job.error"].tolist() == ["-1 is negative", "-3 is negative"]
    assert plain.results(where={"x": 6}).index.tolist() == [2]
    assert plain.results(where=lambda row: row["x"] > 4)["x"].tolist() == [6, 8]
    assert plain.results(jobs=whole["job.id"][[4, 0]])["result.half"].tolist() == [2.0, 4.0]
    assert plain.results(limit=2, offset=2)["x"].to_dict() == {2: 6, 3: -3}
    assert plain.results(status="completed", limit=1, offset=1).index.tolist() == [2]
    assert plain.results(limit=0).columns.tolist() == ["x", "result"] or plain.results(limit=0).empty
    assert labelled.results(status="completed")["x"].to_dict() == {"c": 4, "b": 6}
    assert labelled.params(where={"x": -1}).index.tolist() == ["a"]
    # said again in another order, a row fewer: the order of the last call
    again = wf.map(halve, [{"x": x} for x in (8, 6, 4)], name="plain")
    assert again.results(offset=1)["x"].to_dict() == {1: 6, 2: 4}
    assert again.results(status="completed", limit=1)["x"].to_dict() == {0: 8}
    assert again.results(status="failed").empty
    assert plain.jobs(status="failed")["note"].tolist() == ["ValueError: -1 is negative", "ValueError: -3 is negative"]
    assert len(wf.jobs(where={"x": 4})) == 2
    assert len(wf.jobs(status="completed", limit=3, offset=1)) == 3
    with pytest.raises(InvalidRequest, match="limit and offset"):
        plain.results(limit=-1)


EQUALS = [1, 1.0, True, 0, -0.0, 0.0, False, "1", None, np.float64(1), np.int64(0), 0.1, 1e-7, 1e16, 2**53, 2**70,
          math.inf, "ä\"\\\x00", "y" * 1000, [1], {"k": 1}, date(2026, 1, 2), 123456789.0, -5]  # fmt: skip


def test_where_finds_what_is_equal_in_python(wf: Workflow) -> None:
    """What the database looks for passes over no row whose value is equal, whatever its type."""
    m = wf.map(same, [{"x": one, "n": i} for i, one in enumerate(EQUALS)], unpack=False)
    for value in EQUALS:
        expected = [i for i, one in enumerate(EQUALS) if bool(one == value)]
        assert m.params(where={"x": value})["n"].tolist() == expected, value
    assert m.params(where={"x": math.nan}).empty
    assert m.params(where={"y": 1}).empty
    assert m.params(where={"x": 1, "n": 2})["n"].tolist() == [2]


def test_flat_columns(wf: Workflow, finish: Finish) -> None:
    """Dicts within dicts, with labels that are taken, keys with dots, empty dicts and rows of another shape."""
    rows: list[Any] = [{"a": {"b": {"c": 1}, "d": [1]}, "a.d": 5}, {"a": {"b": {}, "d": [2]}, "a.d": 6}]
    m = wf.map(same, rows, unpack=False)
    finish()
    frame = m.results(flat=True)
    assert list(frame.columns) == [
        "a.b.c", "a.d", "a.b", "a.d.1", "result.a.b.c", "result.a.d", "result.a.d.1", "result.a.b",
    ]  # fmt: skip
    assert frame["result.a.b.c"].tolist() == [1, pd.NA]
    assert frame["result.a.b.c"].dtype == "Int64"
    assert frame["a.d"].tolist() == [[1], [2]]
    assert frame["a.d.1"].tolist() == [5, 6]
    assert m.results()["result.a"].tolist() == [row["a"] for row in rows]
    data = wf.user_data(flat=True)
    assert data["data.params.a.d"].tolist()[0] == [1]
    assert data["data.a.b.c"].tolist() == [pd.NA, 1, pd.NA, pd.NA]
    with pytest.raises(InvalidRequest, match="does not know from which jobs"):
        wf.modify(m.params(flat=True))


def test_a_part_of_the_parameters_is_taken_back(wf: Workflow) -> None:
    """``modify`` changes the rows that were shown and no others."""
    m = wf.map(halve, [{"x": x} for x in range(6)])
    part = m.params(limit=2, offset=3)
    assert part.index.tolist() == [3, 4]
    part["x"] = [30, 40]
    assert m.modify(part) == 2
    assert m.params()["x"].tolist() == [0, 1, 2, 30, 40, 5]
    last = m.params(where={"x": 5})
    last["x"] = 50
    m.modify(last)
    assert wf.params()["x"].tolist() == [0, 1, 2, 30, 40, 50]


def test_an_empty_workflow_has_all_columns_with_their_dtypes(wf: Workflow, finish: Finish) -> None:
    """Code that filters the tables goes on before there is anything, and the dtypes do not change when there is."""
    tables = ("jobs", "user_data", "workers", "allocations", "events")
    empty = {name: getattr(wf, name)() for name in tables if name != "events"} | {"events": wf.events(kind="none")}
    with pytest.raises(InvalidRequest, match="not one map but none"):
        wf.results()
    wf.map(same, [1, None])
    finish()
    for name in tables:
        full = getattr(wf, name)()
        assert len(empty[name]) == 0 < len(full)
        as_they_are = full.dtypes.drop("data", errors="ignore").astype(str).to_dict()
        assert empty[name].dtypes.drop("data", errors="ignore").astype(str).to_dict() == as_they_are
    assert wf.events()["job_id"].dtype == "Int64"
    assert wf.jobs()["note"].dtype == "string"


def test_events_of_a_kind_of_a_job_and_since(wf: Workflow) -> None:
    """The newest of those that are asked for, oldest first."""
    first = wf.command("true", name="a")
    wf.command("true", name="b")
    wf.cancel([first.id])
    wf.api.delete_job(first.id)
    everything = wf.events()
    assert wf.events(kind="commands created").index.tolist() == [
        id_ for id_, kind in everything["kind"].items() if kind == "commands created"
    ]
    assert wf.events(job=first.id)["kind"].tolist() == ["job deleted"]
    assert wf.events(kind=["job deleted", "jobs canceled"])["kind"].tolist() == ["jobs canceled", "job deleted"]
    last = everything["time"].iloc[-1]
    assert wf.events(since=last.to_pydatetime()).index[-1] == everything.index[-1]
    assert wf.events(since=(last + pd.Timedelta("1h")).isoformat()).empty
    assert wf.events(since=timedelta(hours=1)).equals(everything)
    assert wf.events(since="1h").equals(everything)
    assert wf.events(limit=1, offset=1).index.tolist() == [everything.index[-2]]


def test_single_jobs_are_no_maps(wf: Workflow) -> None:
    """What the user declared as maps are its maps; jobs that call a function once count among those of none."""
    single = JobModel(workflow_id=wf.id, name="single", module="workflow.study", func="same", params=3)
    job = wf.api.create_job(single)
    wf.command("true", name="mesh")
    wf.command("echo unnamed")
    m = wf.map(same, [1, 2])
    assert [one.name for one in wf.maps] == ["same"]
    assert {one.name: sum(one.statuses.values()) for one in wf.status().maps} == {"": 3, "same": 2}
    jobs = wf.jobs()
    assert jobs["name"].tolist() == ["single", "mesh", "echo unnamed", "0", "1"]
    assert jobs["command"].tolist() == ["workflow.study.same", "true", "echo unnamed", "same", "same"]
    assert jobs["map"].isna().tolist() == [True, True, True, False, False]
    assert wf.results().index.tolist() == m.params().index.tolist()
    assert len(m) == 2
    assert len(wf["single"]) == 1
    assert jobs.index[0] == job.id


def test_a_part_of_the_jobs_among_those_of_other_workflows(wf: Workflow) -> None:
    """The first jobs are those of a listing without a limit, whoever else has jobs in between."""
    other = Workflow("other", db=wf.api.database.url, files=wf.api.get_workflow(wf.id).files)
    for one in (other, wf, other, wf):
        one.map(same, range(3), name=f"round {len(one.maps)}")
        one.command("true", name=f"command {len(one.maps)}")
    for one in (wf, other):
        whole = one.jobs()
        assert one.jobs(limit=3).equals(whole[:3])
        assert one.jobs(limit=3, offset=3).equals(whole[3:6])
        assert one.jobs(limit=100).equals(whole)
        assert one.jobs(offset=6).equals(whole[6:])
        assert one.jobs(jobs=whole.index[[1, 5]]).equals(whole.iloc[[1, 5]])
        assert one.jobs(status="uninitialized").equals(whole)
        data = one.user_data()
        assert data.index.tolist() == [
            key for id_ in whole.index[whole["map"].notna()] for key in (2 * id_, 2 * id_ + 1)
        ]
        assert one.user_data(limit=3, offset=2).equals(data[2:5])
    other.api.database.close()
