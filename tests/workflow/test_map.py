"""Maps from the user's side: results, values, failures, postprocess, run for real."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from workflow.study import halve

from torc_nb.errors import InvalidRequest, JobFailed, LaunchError, NotFound
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@ON_SQLITE
def test_results_stand_beside_the_parameters(wf: Workflow, finish: Finish) -> None:
    """With the frame's index, so that join works; and in order, however the rows were given."""
    frame = pd.DataFrame({"x": [8, 4, 6]}, index=pd.Index(["c", "a", "b"], name="site"))
    m = wf.map(halve, frame)
    finish()
    results = m.results()
    assert results.index.equals(frame.index)
    assert results["result.half"].tolist() == [4.0, 2.0, 3.0]
    assert frame.join(results[["result.half"]])["result.half"].tolist() == [4.0, 2.0, 3.0]
    assert m.params().equals(frame)
    assert list(m) == [{"half": 4.0}, {"half": 2.0}, {"half": 3.0}]


@ON_SQLITE
def test_index_of_several_levels_and_filtered_index(wf: Workflow, finish: Finish) -> None:
    """Both come back as they were."""
    levels = pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["i", "j"])
    deep = wf.map(halve, pd.DataFrame({"x": [0, 2, 4, 6]}, index=levels), name="deep")
    thin = wf.map(halve, pd.DataFrame({"x": range(6)})[::2], name="thin")
    finish()
    assert deep.results().index.equals(levels)
    assert thin.results().index.tolist() == [0, 2, 4]
    assert thin.results()["result.half"].tolist() == [0.0, 1.0, 2.0]


@ON_SQLITE
def test_scalars_tuples_and_several_iterables(wf: Workflow, finish: Finish) -> None:
    """Each is called as Executor.map would."""
    scalars = wf.map(lambda x: x + 1, [1, 2], name="scalars")
    pairs = wf.map(sum, [(1, 2), (3, 4)], name="pairs")
    unpacked = wf.map(lambda a, b: a - b, [(1, 2), (3, 4)], name="unpacked", unpack=True)
    steps = wf.map(lambda a, b: a * b, range(3), (x for x in (5, 6, 7)), name="steps")
    empty = wf.map(lambda x: x, [], name="empty", postprocess=len)
    finish()
    assert list(scalars) == [2, 3]
    assert list(pairs) == [3, 7]
    assert list(unpacked) == [-1, -1]
    assert list(steps) == [0, 6, 14]
    assert scalars.results()["result"].tolist() == [2, 3]
    assert list(empty) == []
    assert len(empty.results()) == 0
    assert empty.postprocess_result() == 0


def test_last_call_decides_order_and_rows(wf: Workflow, finish: Finish) -> None:
    """Absent rows are left out of results but keep theirs; in the next call they are back."""
    m = wf.map(halve, [{"x": 2}, {"x": 4}, {"x": 6}])
    finish()
    m = wf.map(halve, [{"x": 6}, {"x": 2}])
    assert m.results()["result.half"].tolist() == [3.0, 1.0]
    assert [value["half"] for value in m] == [3.0, 1.0]
    assert len(m) == 2
    m = wf.map(halve, [{"x": 4}, {"x": 2}, {"x": 6}])
    assert m.results()["result.half"].tolist() == [2.0, 1.0, 3.0]
    m = wf.map(halve, [{"x": 4}], drop=True)
    assert len(m.jobs()) == len(m) == 1


def test_results_before_the_end(wf: Workflow) -> None:
    """Missing where a job has not completed, whatever the others are."""
    m = wf.map(halve, [{"x": 2}])
    assert m.results()["x"].tolist() == [2]
    assert "result.half" not in m.results() or m.results()["result.half"].isna().all()
    assert len(m) == 1
    with pytest.raises(NotFound, match="has no result yet: it is ready"):
        m.value(int(m.jobs()["id"].iloc[0]) if "id" in m.jobs() else int(m.jobs().index[0]))
    assert "1 uninitialized" in repr(m)


@ON_SQLITE
def test_failure_is_raised_where_its_result_is_asked_for(wf: Workflow, finish: Finish, capsys: Any) -> None:
    """With its traceback; what comes before it in order is given."""
    m = wf.map(halve, [{"x": 2}, {"x": -1}, {"x": 4}, {"x": -2}])
    finish()
    given = iter(m)
    assert next(given) == {"half": 1.0}
    with pytest.raises(JobFailed, match=r"row 1 of halve\) failed: ValueError: -1 is negative") as raised:
        next(given)
    assert 'raise ValueError(f"{x} is negative")' in str(raised.value)
    failures = m.failures()
    assert len(failures) == 1
    assert failures["count"].tolist() == [2]
    assert m.results()["result.half"].isna().tolist() == [False, True, False, True]
    assert len(wf.jobs(status="failed")) == 2
    with pytest.raises(InvalidRequest, match="no job status 'fialed'"):
        wf.jobs(status="fialed")


def test_postprocess_gets_all_results_in_order(wf: Workflow, finish: Finish) -> None:
    """The order of the call, not of the jobs."""
    wf.map(halve, [{"x": 6}, {"x": 2}], postprocess=lambda found: [one["half"] for one in found])
    m = wf.map(halve, [{"x": 2}, {"x": 6}, {"x": 4}], postprocess=lambda found: [one["half"] for one in found])
    with pytest.raises(NotFound, match="has no result yet"):
        m.postprocess_result()
    finish()
    assert m.postprocess_result() == [1.0, 3.0, 2.0]
    with pytest.raises(NotFound, match="no postprocess: give map"):
        wf.map(halve, [{"x": 6}], name="without").postprocess_result()


def test_postprocess_is_canceled_with_its_cause(wf: Workflow, finish: Finish) -> None:
    """It names the job that failed."""
    m = wf.map(halve, [{"x": 2}, {"x": -1}], postprocess=len)
    finish()
    failed = wf.api.list_jobs(wf.id, statuses=[JobStatus.FAILED])[0].id
    with pytest.raises(JobFailed, match=rf"canceled: .*\b{failed}\b"):
        m.postprocess_result()


@ON_SQLITE
def test_jobs_run_in_the_notebooks_folder_and_environment(
    wf: Workflow, finish: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they were when mapped, without what looks secret, and without the kernel's matplotlib backend."""
    monkeypatch.setenv("FLAVOUR", "vanilla")
    monkeypatch.setenv("MY_TOKEN", "hush")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")

    def look(_: int) -> dict[str, str | None]:
        names = ("FLAVOUR", "MY_TOKEN", "MPLBACKEND")
        return {"cwd": os.getcwd()} | {name: os.environ.get(name) for name in names}  # noqa: PTH109

    m = wf.map(look, [1])
    monkeypatch.setenv("FLAVOUR", "chocolate")
    finish()
    assert list(m) == [{"cwd": str(tmp_path), "FLAVOUR": "vanilla", "MY_TOKEN": None, "MPLBACKEND": None}]


@ON_SQLITE
def test_captured_values_are_printed_with_their_size(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """So that nobody ships a table without knowing."""
    table = bytes(3_000_000)
    wf.map(lambda x: table[x], [1], name="look")
    assert "look: 1 new; captured lambda, table 3 MB" in capsys.readouterr().out


@ON_SQLITE
def test_iterating_does_not_wait_for_ever(wf: Workflow) -> None:
    """Without a worker it says so."""
    m = wf.map(halve, [{"x": 2}])
    with pytest.raises(LaunchError, match="no worker runs"):
        next(iter(m))
    with pytest.raises(LaunchError, match="no worker runs"):
        m.wait(progress=False)


@ON_SQLITE
def test_by_name_from_another_folder(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """The module travels; an edit in mid-run changes nothing until the next call."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "simulation.py").write_text("from mesh import N\n\ndef run(x):\n    return x * N\n")
    (folder / "mesh.py").write_text("N = 2\n")
    m = wf.map("simulation:run", [1, 2], module_directory=folder)
    (folder / "mesh.py").write_text("N = 3\n")
    finish()
    assert list(m) == [2, 4]
    m = wf.map("simulation:run", [1, 2, 3], module_directory=folder)
    finish()
    assert list(m) == [2, 4, 9]
