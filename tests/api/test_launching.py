"""Bringing workers to this machine, and seeing what became of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from services.workers import is_there, pids

from torc_nb.api import Api, launching
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import JobStatus, ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def map_one(api: Api, workflow: WorkflowModel, **request: object) -> int:
    """Map something quick over one row; returns the workflow's id."""
    assert workflow.id is not None
    asked = ResourceRequirementsModel(workflow_id=workflow.id, **request)  # type: ignore[arg-type]
    api.map_function(workflow.id, lambda x: x, [1], name="one", postprocess=lambda found: found, requirement=asked)
    return workflow.id


@ON_SQLITE
def test_second_run_adds_nothing(api: Api, workflow: WorkflowModel) -> None:
    """Neither while the first worker starts, nor when it works, nor when it waits; more=True does."""
    id_ = map_one(api, workflow)
    first = api.run(id_, num_cpus=1)
    assert (first.started, first.alive) == (1, 0)
    assert "started a worker on this machine" in first.message
    second = api.run(id_, num_cpus=1)
    assert (second.started, second.alive) == (0, 1)
    assert "already running here" in second.message
    until(lambda: api.progress(id_).is_done)
    assert api.run(id_, num_cpus=1).started == 0
    assert api.run(id_, num_cpus=1, more=True).started == 1
    assert len(pids(api, id_)) == 2


def test_killed_worker_is_replaced(api: Api, workflow: WorkflowModel) -> None:
    """run() sees at once that the process is gone."""
    id_ = map_one(api, workflow)
    api.run(id_, num_cpus=1)
    until(lambda: api.progress(id_).workers)
    (pid,) = pids(api, id_)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_there(pid))
    assert api.run(id_, num_cpus=1).started == 1
    until(lambda: api.progress(id_).is_done)
    assert api.progress(id_).statuses == {JobStatus.COMPLETED: 2}


@ON_SQLITE
def test_misfit_is_named_with_its_numbers(api: Api, workflow: WorkflowModel) -> None:
    """A worker that could start nothing is not started; one that has other jobs is, and says what it cannot."""
    id_ = map_one(api, workflow, num_cpus=100, memory="1T")
    with pytest.raises(InvalidRequest, match=r"100 CPUs of 2 and 1 TB of memory of 1 GB") as refused:
        api.run(id_, num_cpus=2, memory=2**30)
    assert "schedule_nodes" in str(refused.value)
    assert api.list_allocations(id_) == []
    api.map_function(id_, lambda x: x, [1], name="small")
    brought = api.run(id_, num_cpus=2, memory=2**30)
    assert brought.started == 1
    assert "100 CPUs of 2" in brought.message


@ON_SQLITE
def test_waiting_for_what_never_fits_is_refused(api: Api, workflow: WorkflowModel) -> None:
    """Once the jobs that fit are done, those that fit no worker are named."""
    id_ = map_one(api, workflow, num_cpus=100)
    api.map_function(id_, lambda x: x, [1], name="small")
    api.run(id_, num_cpus=2)
    until(lambda: api.progress(id_).statuses.get(JobStatus.COMPLETED) == 1 and api.progress(id_).workers)
    with pytest.raises(LaunchError, match="100 CPUs of 2"):
        api.check_progress(id_)


@ON_SQLITE
def test_waiting_without_a_worker_is_refused(api: Api, workflow: WorkflowModel) -> None:
    """With what brings one; not once there is one, nor when all is done."""
    id_ = map_one(api, workflow)
    with pytest.raises(LaunchError, match=r"2 jobs wait and no worker runs: wf.run\(\)"):
        api.check_progress(id_)
    api.run(id_, num_cpus=1)
    api.check_progress(id_)
    until(lambda: api.progress(id_).is_done)
    api.cancel_allocations(id_)
    api.check_progress(id_)


@ON_SQLITE
def test_worker_that_never_reported(
    api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python that cannot import what it needs: status and waiting show the end of its log."""
    id_ = map_one(api, workflow)
    broken = tmp_path / "broken"
    (broken / "psutil").mkdir(parents=True)
    (broken / "psutil" / "__init__.py").write_text("raise ImportError('half an installation')")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(broken), os.environ["PYTHONPATH"]]))
        api.run(id_, num_cpus=1)
    until(lambda: api.status(id_).failed)
    (failed,) = api.status(id_).failed
    assert "half an installation" in failed.message
    with pytest.raises(LaunchError, match="half an installation"):
        api.check_progress(id_)
    api.run(id_, num_cpus=1)
    until(lambda: api.progress(id_).is_done)


@ON_SQLITE
def test_python_that_is_none(api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that is gone is told at once, and nothing is left as if it were coming."""
    id_ = map_one(api, workflow)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(LaunchError, match="/nowhere/python"):
        api.run(id_, num_cpus=1)
    (allocation,) = api.list_allocations(id_)
    assert allocation.state == "failed"


def test_cancel_stops_jobs_and_delete_ends_workers(api: Api, workflow: WorkflowModel) -> None:
    """A running job is stopped within seconds; a deleted workflow's worker leaves."""
    assert workflow.id is not None
    api.map_function(workflow.id, lambda x: time.sleep(60), [1, 2, 3], name="slow")
    api.run(workflow.id, num_cpus=2)
    until(lambda: api.progress(workflow.id or 0).statuses.get(JobStatus.RUNNING) == 2)
    (pid,) = pids(api, workflow.id)
    assert api.cancel_workflow(workflow.id) == 3
    assert api.progress(workflow.id).statuses == {JobStatus.CANCELED: 3}
    api.delete_workflow(workflow.id)
    assert api.list_workflows() == []
    until(lambda: not is_there(pid), 15)


@ON_SQLITE
def test_schedulers(api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow's before the user's; the only one, or the default one, where none is named."""
    assert workflow.id is not None
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "torc_nb").mkdir()
    (tmp_path / "torc_nb" / "config.toml").write_text('[schedulers.long]\npartition = "theirs"\n')

    def named(name: str | None) -> str | None:
        return launching.scheduler_named(api.database, workflow.id or 0, name).partition

    assert named(None) is None
    assert named("long") == "theirs"
    api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id, name="long", partition="ours"))
    assert named("long") == named(None) == "ours"
    api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id, name="short", partition="debug"))
    assert named(None) is None
    with pytest.raises(InvalidRequest, match="no scheduler 'lang'; there are long, short"):
        named("lang")


@ON_SQLITE
def test_number_of_nodes(api: Api, workflow: WorkflowModel) -> None:
    """At least one."""
    with pytest.raises(InvalidRequest, match="at least 1"):
        api.schedule_nodes(map_one(api, workflow), 0)
