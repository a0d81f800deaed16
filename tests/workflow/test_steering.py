"""What a view shows of a real workflow, and what its buttons offer and do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from torc_nb.api import make_api
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow
from torc_nb.workflow.steering import Steering

Finish = Callable[[], None]


def divide(x: int) -> float:
    """Fail at zero."""
    return 1 / x


def wait_for(path: str) -> str:
    """Go on when a file is there."""
    while not Path(path).exists():
        time.sleep(0.02)
    return path


@pytest.fixture
def steering(wf: Workflow) -> Steering:
    """The same workflow, as a view has it."""
    return Steering(wf.api, wf.id, wf.name)


@pytest.fixture
def without_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Slurm's commands."""
    monkeypatch.setattr("torc_nb.slurm.available", lambda: False)


def acts(steering: Steering) -> list[str]:
    """What is offered now."""
    return [offer["act"] for offer in steering.offers(steering.status())]


@pytest.mark.usefixtures("without_slurm")
def test_what_can_be_done_is_offered_with_its_numbers(wf: Workflow, steering: Steering, finish: Finish) -> None:
    """Nothing that makes no sense; the question says how many jobs it is about, so that it can be answered."""
    assert acts(steering) == []
    wf.map(divide, [0, 1, 2])
    cancel, worker = steering.offers(steering.status())
    assert cancel["question"] == "Cancel 3 jobs that have not finished? Results stay."
    assert worker["label"] == "Start a worker …"
    finish()
    (rerun,) = steering.offers(steering.status())
    assert rerun["question"] == "Run 1 failed job again, with the code as it is now?"


def test_a_worker_is_started_and_failed_jobs_are_rerun(wf: Workflow, steering: Steering) -> None:
    """The buttons do what the methods do, and say it."""
    m = wf.map(divide, [0, 1])
    assert steering.act("worker", 1).startswith("Started a worker on this machine")
    m.wait(timeout=40, progress=False)
    assert steering.act("rerun", 1).startswith("1 job(s) of sweep are ready again")
    m.wait(timeout=40, progress=False)
    assert m.jobs().attempt.tolist() == [2, 1]


def test_cancel_stops_what_runs_and_what_waits(wf: Workflow, steering: Steering, tmp_path: Path) -> None:
    """What is asked before counts the workers in."""
    wf.map(wait_for, [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "three")])
    wf.run(num_cpus=2)
    while not steering.status().loads:
        time.sleep(0.05)
    question = steering.offers(steering.status())[0]["question"]
    assert question == "Cancel 3 jobs that have not finished, and stop the workers? Results stay."
    assert steering.act("cancel", 1) == "3 jobs of sweep canceled."
    assert wf.status().is_done


def test_nodes_that_slurm_refuses_say_why(wf: Workflow, steering: Steering, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the button's answer."""
    monkeypatch.setenv("PATH", "/nowhere")
    wf.map(divide, [1])
    with pytest.raises(LaunchError):
        steering.act("nodes", 2)
    with pytest.raises(InvalidRequest, match="no button 'fly'"):
        steering.act("fly", 1)


def test_what_workers_do_and_what_went_wrong_is_told(
    wf: Workflow, steering: Steering, finish: Finish, tmp_path: Path
) -> None:
    """How many jobs on how many CPUs; the most frequent cause first, with an example."""
    wf.map(divide, [0, 0, 1])
    slow = wf.map(wait_for, [str(tmp_path / "one")], num_cpus=2)
    finished = steering.status()
    assert (finished.causes, finished.loads) == ((), {})
    wf.run(num_cpus=2)
    while not any((load.jobs, load.cpus) == (1, 2) for load in steering.status().loads.values()):
        time.sleep(0.05)
    (tmp_path / "one").touch()
    slow.wait(timeout=40, progress=False)
    status = steering.status()
    (cause,) = status.causes
    assert (cause.exception, cause.count, cause.message) == ("ZeroDivisionError", 2, "division by zero")
    assert "return 1 / x" in cause.place
    assert abs(status.now - time.time()) < 60


def test_what_ended_lately_is_counted_by_stretches(wf: Workflow, steering: Steering, finish: Finish) -> None:
    """The newest first; what ended before is left out."""
    wf.map(divide, [0, 1, 2])
    finish()
    assert steering.ended(3600.0, 2) == [3, 0]
    time.sleep(0.3)
    assert sum(steering.ended(0.1, 2)) == 0


def test_who_may_only_read_is_offered_nothing(
    wf: Workflow, steering: Steering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view shows the same otherwise."""
    wf.map(divide, [0])
    monkeypatch.setattr(wf.api.database, "is_read_only", True)
    assert steering.offers(steering.status()) == []
    assert steering.status().statuses == {JobStatus.UNINITIALIZED: 1}


def test_one_view_of_a_workflow(wf: Workflow, store_url: str) -> None:
    """Opened twice it is the same view, which is looked after once; a closed one is followed by a new one."""
    again = Workflow("sweep", db=store_url)
    assert again.view is wf.view
    first = wf.view
    first.close()
    assert wf.view is not first
    wf.view.close()
    again.api.database.close()


def test_a_view_looks_after_allocations_now_and_then(wf: Workflow) -> None:
    """Each look asks for the numbers, not each for what became of the workers."""
    api = make_api(wf.api.database.url)
    api.watch(wf.id)
    before = dict(api._looked_after)
    api.watch(wf.id)
    assert api._looked_after == before
    api.database.close()
