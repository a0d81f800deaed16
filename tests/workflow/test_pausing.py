"""Pausing and resuming a workflow, as its user does it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from services.workers import end_workers

from torc_nb.errors import LaunchError
from torc_nb.workflow import Workflow
from torc_nb.workflow.steering import Steering


def wait_for(path: str) -> str:
    """Go on when a file is there."""
    while not Path(path).exists():
        time.sleep(0.02)
    return path


def test_paused_while_jobs_run(wf: Workflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The job that runs ends, the next begins after the resume; every call says what holds."""
    go = tmp_path / "go"
    m = wf.map(wait_for, [str(go)] * 3)
    wf.run(num_cpus=1)
    while m.jobs().status.tolist().count("running") != 1:
        time.sleep(0.05)
    capsys.readouterr()
    wf.pause()
    wf.pause()
    wf.run(num_cpus=1)
    assert capsys.readouterr().out.splitlines()[:2] == [
        "sweep: paused: what runs goes on to its end, nothing new begins",
        "sweep: it was paused before",
    ]
    while sorted(m.jobs().status) != ["ready", "ready", "running"]:
        time.sleep(0.05)
    go.touch()
    while sorted(m.jobs().status) != ["completed", "ready", "ready"]:
        time.sleep(0.05)
    assert wf.status().workflow.state == "paused"
    wf.rerun(jobs=m.jobs().index[m.jobs().status == "completed"])
    assert "the workflow is paused: wf.resume() lets its jobs begin" in capsys.readouterr().out
    wf.resume()
    assert capsys.readouterr().out == "sweep: resumed: its jobs go on\n"
    m.wait(timeout=40, progress=False)
    assert set(m.jobs().status) == {"completed"}


def test_paused_where_no_worker_is(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to pause before the start; later it is said what is missing, by `wait` too."""
    m = wf.map(abs, [-1, -2])
    wf.pause()
    wf.resume()
    wf.start()
    wf.pause()
    with pytest.raises(LaunchError, match=r"is paused, wf\.resume\(\) lets its jobs begin; 2 jobs wait and no worker"):
        m.wait(timeout=20, progress=False)
    wf.resume()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "sweep: it is created: there is nothing to pause",
        "sweep: it is created, not paused",
        "sweep: paused: what runs goes on to its end, nothing new begins",
        (
            "sweep: resumed; no worker is there any more: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm "
            "for n nodes"
        ),
    ]
    wf.pause()
    wf.run(num_cpus=1)
    assert capsys.readouterr().out.endswith("; the workflow is paused: wf.resume() lets its jobs begin\n")
    end_workers(wf.api)
    assert m.jobs().status.tolist() == ["ready", "ready"]


def test_a_view_pauses_and_resumes(wf: Workflow) -> None:
    """One of the two is offered while there is work, and the view says that it is paused."""
    steering = Steering(wf.api, wf.id, wf.name)

    def offered() -> set[str]:
        return {offer["act"] for offer in steering.offers(steering.status())} & {"pause", "resume"}

    wf.map(abs, [-1])
    assert offered() == set()
    wf.start()
    assert offered() == {"pause"}
    assert steering.act("pause", 1) == "Paused: what runs goes on to its end, nothing new begins."
    assert offered() == {"resume"}
    assert steering.act("resume", 1).startswith("Resumed; no worker is there any more")
