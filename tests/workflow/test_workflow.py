"""Workflows from the user's side: opened, rerun, canceled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from services.slurm_cluster import SlurmCluster

from torc_nb.errors import InvalidRequest, JobFailed, NotFound
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_opened_by_name(wf: Workflow, store_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Created once, then opened; of several the newest, and it says so."""
    wf.map(lambda x: x, [1, 2], name="two")
    capsys.readouterr()
    again = Workflow("sweep", db=store_url)
    assert again.id == wf.id
    assert capsys.readouterr().out == f"opened sweep ({wf.id}): 2 jobs, 0 failed\n"
    second = wf.api.create_workflow(wf.api.get_workflow(wf.id).model_copy(update={"id": None}))
    newest = Workflow("sweep", db=store_url)
    assert newest.id == second.id
    assert "the newest of 2 of that name" in capsys.readouterr().out
    assert [one.name for one in again.maps] == ["two"]
    assert len(again["two"]) == 2
    with pytest.raises(NotFound, match="its maps: 'two'"):
        again["one"]
    for opened in (again, newest):
        opened.api.database.close()


def test_database_on_a_server_needs_a_folder(postgres_url: str) -> None:
    """It says which argument."""
    with pytest.raises(InvalidRequest, match="files="):
        Workflow("sweep", db=postgres_url)


@ON_SQLITE
def test_misspelt_options_of_nodes(wf: Workflow) -> None:
    """The ones there are are listed."""
    with pytest.raises(InvalidRequest, match="no option partitions; it has account, charge, cpus"):
        wf.schedule_nodes(1, partitions="debug")


def test_rerun_runs_what_failed_and_what_collects_it(
    wf: Workflow, finish: Finish, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What completed stays: it is not run again."""
    folder = str(tmp_path)

    def run(x: int) -> int:
        from pathlib import Path

        (Path(folder) / f"ran-{x}").open("a").write("x")
        if x == 2 and not (Path(folder) / "repaired").exists():
            raise RuntimeError("not yet")
        return x

    m = wf.map(run, [1, 2, 3], postprocess=sum)
    finish()
    with pytest.raises(JobFailed, match="canceled"):
        m.postprocess_result()
    (tmp_path / "repaired").touch()
    assert wf.rerun() == 1
    assert "run is not defined here, so the code that was mapped last runs again" in capsys.readouterr().out
    finish()
    assert m.postprocess_result() == 6
    assert [len((tmp_path / f"ran-{x}").read_text()) for x in (1, 2, 3)] == [1, 2, 1]


@ON_SQLITE
def test_rerun_takes_the_notebooks_function_as_it_now_is(
    wf: Workflow, finish: Finish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What completed keeps its code; what runs again runs the new, and that is said."""
    import __main__

    monkeypatch.setattr(__main__, "run", lambda x: 10 // x, raising=False)
    monkeypatch.setattr(__main__, "total", lambda found: sum(found) + 0, raising=False)
    m = wf.map(__main__.run, [5, 0], name="divide", postprocess=__main__.total)
    finish()
    monkeypatch.setattr(__main__, "run", lambda x: 10 // (x or 1) + 100)
    monkeypatch.setattr(__main__, "total", lambda found: -sum(found))
    capsys.readouterr()
    wf.rerun("failed")
    out = capsys.readouterr().out
    assert "divide: lambda changed, v" in out
    finish()
    assert list(m) == [2, 110]
    assert m.postprocess_result() == -112
    assert m.results(provenance=True)["job.code"].nunique() == 2


@ON_SQLITE
def test_rerun_with_the_same_code_says_nothing_of_it(
    wf: Workflow, finish: Finish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And by ids it takes completed jobs too."""
    import __main__

    monkeypatch.setattr(__main__, "run", lambda x: x, raising=False)
    m = wf.map(__main__.run, [1, 2], name="same")
    finish()
    first = wf.api.list_jobs(wf.id)[0].id
    capsys.readouterr()
    assert wf.rerun(jobs=[first]) == 1
    assert capsys.readouterr().out == "1 job(s) of sweep are ready again\n"
    finish()
    assert list(m) == [1, 2]
    assert len(wf.api.list_results(wf.id, first)) == 2


@ON_SQLITE
def test_rerun_takes_a_module_as_it_now_is(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """The file beside the notebook was repaired."""
    module = tmp_path / "simulation.py"
    module.write_text("def run(x):\n    return 1 / x\n")
    m = wf.map("simulation:run", [0, 4], module_directory=tmp_path)
    finish()
    module.write_text("def run(x):\n    return 1 / x if x else 0.0\n")
    wf.rerun()
    finish()
    assert list(m) == [0.0, 0.25]


@ON_SQLITE
def test_a_partial_is_not_mistaken_for_its_function(
    wf: Workflow, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook has a function of the partial's name; it was not what was mapped."""
    import functools

    import __main__

    def run(x: int, divisor: int = 0) -> float:
        return x / divisor

    monkeypatch.setattr(__main__, "run", run, raising=False)
    m = wf.map(functools.partial(run, divisor=0), [1], name="run")
    finish()
    wf.rerun()
    finish()
    with pytest.raises(JobFailed, match="division by zero"):
        list(m)
    monkeypatch.setattr(__main__, "half", functools.partial(run, divisor=0), raising=False)
    m = wf.map(__main__.half, [1], name="half")
    finish()
    monkeypatch.setattr(__main__, "half", functools.partial(run, divisor=2))
    wf.rerun("failed")
    finish()
    assert list(m) == [0.5]


def test_cancel_some_and_all(wf: Workflow, finish: Finish, capsys: pytest.CaptureFixture[str]) -> None:
    """The map says what became of them; rerun brings them back."""
    m = wf.map(lambda x: x, [1, 2, 3], name="three", postprocess=len)
    first = wf.api.list_jobs(wf.id)[0].id
    assert wf.cancel([first]) == 1
    finish()
    with pytest.raises(JobFailed, match="canceled by the user"):
        next(iter(m))
    assert wf.cancel() == 0
    assert wf.rerun("canceled") == 1
    finish()
    assert list(m) == [1, 2, 3]
    assert m.postprocess_result() == 3


def test_frames_of_everything(wf: Workflow, finish: Finish) -> None:
    """Jobs, inputs and outputs, workers, allocations, events and logs can be looked at."""

    def talk(x: int) -> int:
        print("hello", x)
        return x

    wf.map(talk, [7])
    finish()
    job = wf.api.list_jobs(wf.id)[0].id
    assert len(wf.jobs()) == len(wf.workers()) == len(wf.allocations()) == 1
    assert len(wf.user_data()) == 2
    assert len(wf.events()) > 3
    assert wf.logs(job).stdout == "hello 7\n"
    assert str(wf.logs(job)) == "hello 7"
    assert wf.failures().empty
    data: Any = next(wf.api.list_user_data(wf.id, job_id=job, relation="stores"))
    assert data.data == 7


@ON_SQLITE
def test_empty_tables_have_their_columns(wf: Workflow) -> None:
    """Code that filters them goes on where there is nothing yet."""
    assert wf.workers()[wf.workers()["state"] == "running"].empty
    assert wf.allocations()[wf.allocations()["kind"] == "slurm"].empty
    assert "data" in wf.user_data()


def test_jobs_of_another_workflow_are_refused(wf: Workflow, finish: Finish, store_url: str, tmp_path: Path) -> None:
    """Its id is as good as none: neither its logs nor its data nor its value are given."""
    m = wf.map(lambda x: x, [1], name="same")
    finish()
    job = int(wf.jobs().index[0])
    other = Workflow("other", db=store_url, files=tmp_path / "files")
    refusal = rf"no job {job} in workflow other \({other.id}\): it is one of workflow {wf.id}'s"
    with pytest.raises(NotFound, match=refusal):
        other.logs(job)
    with pytest.raises(NotFound, match=refusal):
        other.api.list_user_data(other.id, job_id=job)
    with pytest.raises(NotFound, match=refusal):
        other.api.value(other.id, job)
    with pytest.raises(NotFound, match="no job 99"):
        wf.logs(99)
    assert m.value(job) == 1
    other.api.database.close()


@ON_SQLITE
def test_nodes_are_given_back_when_the_waiting_ends(wf: Workflow, slurm: SlurmCluster) -> None:
    """A script that only waits leaves nothing in Slurm's queue."""
    m = wf.map(lambda x: x, [1, 2], name="same")
    wf.schedule_nodes(2, cpus=1, extra={"begin": "now+1hour"})
    wf.run(num_cpus=1)
    m.wait(timeout=40, progress=False)
    assert slurm.squeue("--array", "--states=PENDING") == []
