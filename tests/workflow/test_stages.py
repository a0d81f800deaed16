"""Rounds that follow one another, as a workflow's user declares them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from services.kernel import Kernel
from services.workers import SEARCH_PATH, end_workers
from workflow.study import halve

from torc_nb.api import make_api
from torc_nb.errors import InvalidRequest, JobFailed
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_results_of_one_round_are_the_rows_of_the_next(
    wf: Workflow, finish: Finish, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, with the index of the first; a failure cancels what follows from it, and a repair lets it run."""
    frame = pd.DataFrame({"x": [8, -4, 6]}, index=pd.Index(["c", "a", "b"], name="site"))
    first = wf.map(halve, frame)
    second = wf.map(lambda row: row["half"] + 1, first, name="plus", postprocess=sum)
    assert wf.jobs()["status"].tolist() == ["uninitialized"] * 7
    finish()
    assert second.results().index.equals(frame.index)
    assert second.results()["result"].tolist() == [5.0, pd.NA, 4.0]
    assert second.results()["half"].tolist() == [4.0, pd.NA, 3.0]
    with pytest.raises(JobFailed, match=r"row 1 of plus.* is canceled: job 2, row 1 of halve, failed: ValueError: -4"):
        list(second)
    frame.loc["a", "x"] = 4
    wf.map(halve, frame)
    wf.map(lambda row: row["half"] + 1, first, name="plus", postprocess=sum)
    assert "plus: 3 as before" in capsys.readouterr().out
    wf.rerun(status="failed")
    finish()
    assert list(second) == [5.0, 3.0, 4.0]
    assert second.postprocess_result() == 12.0


@ON_SQLITE
def test_a_change_reaches_what_follows_from_it_alone(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Through three rounds; the dry run names the job that each follows from."""

    def note(value: float) -> float:
        with (tmp_path / "ran").open("a") as ran:
            ran.write(f"{value} ")
        return value

    first = wf.map(lambda x: x, [1, 2, 3], name="first")
    second = wf.map(lambda x: note(10 * x), first, name="second")
    third = wf.map(lambda x: note(10 * x), second, name="third", postprocess=sum)
    finish()
    (tmp_path / "ran").unlink()
    params = first.params()
    params.loc[1, "params"] = 5
    first.modify(params)
    dry = wf.reinitialize(dry_run=True)
    assert dry["reason"].tolist() == [
        "parameter changed", "downstream of job 2", "downstream of job 5", "downstream of job 8",
    ]  # fmt: skip
    wf.reinitialize()
    finish()
    assert sorted((tmp_path / "ran").read_text().split()) == ["50", "500"]
    assert list(third) == [100, 500, 300]
    assert third.postprocess_result() == 900
    assert wf.reinitialize(dry_run=True).empty


@ON_SQLITE
def test_results_are_unpacked_as_they_are(wf: Workflow, finish: Finish) -> None:
    """A dict as keywords and a tuple as positional arguments, where the function takes several; objects as one."""
    dicts = wf.map(lambda x: {"a": x, "b": 1}, [1, 2], name="dicts")
    tuples = wf.map(lambda x: (x, 1), [1, 2], name="tuples")
    points = wf.map(lambda x: Fraction(x, 1), [1, 2], name="points")
    frames = wf.map(lambda x: pd.DataFrame({"x": [x] * 200_000}), [1, 2], name="frames")
    keywords = wf.map(lambda a, b: a - b, dicts, name="keywords")
    positional = wf.map(lambda a, b: a - b, tuples, name="positional")
    whole = wf.map(lambda *values: len(values), tuples, name="whole")
    asked = wf.map(lambda *values: len(values), tuples, name="asked", unpack=True)
    objects = wf.map(lambda fraction: fraction.numerator - fraction.denominator, points, name="objects")
    large = wf.map(lambda frame: int(frame.x.sum()), frames, name="large")
    finish()
    assert [list(one) for one in (keywords, positional, whole, asked)] == [[0, 1], [0, 1], [1, 1], [2, 2]]
    assert list(objects) == [0, 1]
    assert list(large) == [200_000, 400_000]


@ON_SQLITE
def test_a_round_may_wait_for_all_of_another(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """And for a single job; declared again it is the same, with other blockers it is refused."""

    def write(name: str) -> None:
        (tmp_path / name).touch()

    mesh = wf.command(f"touch {tmp_path}/mesh", name="mesh")
    coarse = wf.map(write, ["a", "b"], blocked_by=mesh, name="coarse")
    fine = wf.map(lambda _: sorted(p.name for p in tmp_path.iterdir()), [1], blocked_by=[coarse, mesh], name="fine")
    wf.map(write, ["a", "b"], blocked_by=mesh, name="coarse")
    wf.map(write, ["a", "b"], name="coarse")
    finish()
    assert {"a", "b", "mesh"} <= set(next(iter(fine)))
    with pytest.raises(InvalidRequest, match="'coarse' is there already and waits for other jobs than these"):
        wf.map(write, ["a"], blocked_by=fine, name="coarse")
    with pytest.raises(InvalidRequest, match="waits for a Job, a Map or a job's id, not for 'mesh'"):
        wf.map(write, ["a"], blocked_by=["mesh"], name="other")  # type: ignore[list-item]


@ON_SQLITE
def test_what_makes_no_sense_is_refused(wf: Workflow, store_url: str, tmp_path: Path) -> None:
    """A circle, a key, another workflow's map, one among others, a function without parameters: it leaves nothing."""
    first = wf.map(halve, [{"x": 2}], name="first")
    second = wf.map(halve, first, name="second")
    third = wf.map(halve, [{"x": 2}], blocked_by=second, name="third")
    other = Workflow("other", db=store_url, files=tmp_path / "others")
    for function, params, options, message in (
        (halve, [first], {"name": "first"}, "'first' cannot take its own results"),
        (halve, [second], {"name": "first"}, "'first' cannot take the results of 'second', which waits for it"),
        (halve, [third], {"name": "first"}, "'first' cannot take the results of 'third', which waits for it"),
        (halve, [first], {"key": "half"}, "key='half': rows that are results of 'first'"),
        (max, [first, [1]], {}, "cannot be mapped over in step with others"),
        (lambda: 1, [first], {}, "takes no argument, and so no result of 'first'"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            wf.map(function, *params, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="'first' is another workflow's"):
        other.map(halve, first)
    assert [one.name for one in wf.maps] == ["first", "second", "third"]
    assert wf.api.progress(wf.id).total == 3
    other.api.database.close()


@ON_SQLITE
def test_inputs_that_are_results_cannot_be_modified(wf: Workflow, finish: Finish) -> None:
    """The error names what can be."""
    first = wf.map(halve, [{"x": 2}], name="first")
    second = wf.map(halve, first, name="second")
    params = second.params()
    params["params"] = 3
    with pytest.raises(InvalidRequest, match=r"The rows of second are what the jobs of first return"):
        second.modify(params)
    (job,) = wf.api.list_jobs(wf.id, map_id=second.id)
    with pytest.raises(InvalidRequest, match=r"The input of job 2 is what job 1 returns"):
        wf.api.modify_user_data(2 * job.id, 3)


@ON_SQLITE
def test_an_exported_study_goes_on_elsewhere(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Imported into another database, its rounds are the same, and what is missing runs there."""
    first = wf.map(lambda x: x + 1, [1, 2], name="first")
    wf.map(lambda x: 10 * x, first, name="second")
    finish()
    wf.map(lambda x: x + 1, [1, 2, 3], name="first")
    wf.map(lambda x: 10 * x, first, name="second")
    wf.api.export_workflow(wf.id, tmp_path / "study.jsonl")
    elsewhere = make_api(tmp_path / "elsewhere" / "torc.db")
    elsewhere.import_workflow(tmp_path / "study.jsonl")
    elsewhere.database.close()
    moved = Workflow("sweep", db=tmp_path / "elsewhere" / "torc.db")
    again = moved.map(lambda x: 10 * x, moved["first"], name="second")
    moved.run(num_cpus=2)
    moved.wait(timeout=40, progress=False)
    assert list(again) == [20, 30, 40]
    assert len(moved.jobs()) == 6
    end_workers(moved.api)
    moved.api.database.close()


STAGES = """
from dataclasses import dataclass
from torc_nb import Workflow
wf = Workflow("sweep", files="files")

@dataclass
class Mesh:
    cells: int

def make(cells):
    return Mesh(cells)

def solve(mesh):
    return mesh.cells * 2

meshes = wf.map(make, [1, 2, 3])
solved = wf.map(solve, meshes, postprocess=sum)
"""


@ON_SQLITE
def test_run_all_of_a_notebook_with_rounds(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in one kernel and once in a new one; a class of the notebook goes from round to round."""
    monkeypatch.setenv("PYTHONPATH", SEARCH_PATH)
    monkeypatch.setenv("TORC_NB_DATABASE_URL", store_url)
    with Kernel(tmp_path) as kernel:
        kernel.run(STAGES)
        assert "solve: 3 as before" in kernel.run(STAGES)
        kernel.run("wf.run(num_cpus=2); wf.wait(timeout=60, progress=False)")
    with Kernel(tmp_path) as kernel:
        assert "solve: 3 as before" in kernel.run(STAGES)
        assert kernel.run("list(solved), solved.postprocess_result()") == "([2, 4, 6], 12)"
        assert "nothing changed: none of 7 jobs would run again" in kernel.run("wf.reinitialize(dry_run=True)")
    api = make_api(store_url)
    end_workers(api)
    api.database.close()
