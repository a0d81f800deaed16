"""Several who ask for workers, or for a workflow, at the same instant; and what a kernel leaves that dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from api.test_launching import ON_SQLITE, map_one, until
from services.slurm_cluster import SlurmCluster
from services.workers import is_there, pids
from sqlalchemy import update

from torc_nb import launch
from torc_nb.api import Api, make_api
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel
from torc_nb.store import allocations, schema

T = TypeVar("T")

#: Keeps an allocation in Slurm's queue.
LATER = {"begin": "now+1hour"}


def at_once(store_url: str, n: int, ask: Callable[[Api], T]) -> list[T]:
    """Let ``n`` kernels, each with connections of its own, ask at the same instant; returns their answers."""
    barrier = threading.Barrier(n)
    answers: list[T] = []
    failures: list[BaseException] = []

    def one() -> None:
        api = make_api(store_url)
        try:
            barrier.wait()
            answers.append(ask(api))
        except BaseException as error:
            failures.append(error)
        finally:
            api.database.close()

    threads = [threading.Thread(target=one) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return answers


def set_allocation(api: Api, **values: object) -> None:
    """Write all allocations, as time or another machine would."""
    with api.database.write() as connection:
        connection.execute(update(schema.allocations).values(values))


def waiting(workflow_id: int) -> SlurmSchedulerModel:
    """A scheduler whose allocations wait."""
    return SlurmSchedulerModel(workflow_id=workflow_id, cpus=1, extra=LATER)


def reserve_and_die(store_url: str, workflow_id: int, kind: str) -> None:
    """A kernel enters an allocation and is killed before it launches it."""
    script = (
        "import os, signal, sys\nfrom torc_nb.store import Database, allocations\n"
        "database = Database.open(sys.argv[1])\n"
        "allocations.create(database, int(sys.argv[2]), sys.argv[3], 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, store_url, str(workflow_id), kind])
    assert done.returncode == -signal.SIGKILL


def test_run_at_once_starts_one_worker(api: Api, workflow: WorkflowModel, store_url: str) -> None:
    """All others are told of it; more=True adds one for each."""
    id_ = map_one(api, workflow)
    answers = at_once(store_url, 5, lambda own: own.run(id_, num_cpus=1))
    assert sorted(one.started for one in answers) == [0, 0, 0, 0, 1]
    assert sum("already running here" in one.message for one in answers) == 4
    assert len(api.list_allocations(id_)) == len(pids(api, id_)) == 1
    more = at_once(store_url, 2, lambda own: own.run(id_, num_cpus=1, more=True))
    assert [one.started for one in more] == [1, 1]
    assert len(pids(api, id_)) == 3


def test_nodes_asked_at_once_are_not_doubled(
    api: Api, workflow: WorkflowModel, store_url: str, slurm: SlurmCluster
) -> None:
    """Whoever asks for more has what is missing submitted, once."""
    id_ = map_one(api, workflow)
    scheduler = api.create_slurm_scheduler(waiting(id_))
    answers = at_once(store_url, 4, lambda own: own.schedule_nodes(id_, 3, scheduler=scheduler))
    assert sorted(one.started for one in answers) == [0, 0, 0, 3]
    assert len(slurm.squeue("--array")) == 3
    more = at_once(store_url, 2, lambda own: own.schedule_nodes(id_, 1, scheduler=scheduler, more=True))
    assert [one.started for one in more] == [1, 1]
    assert len(slurm.squeue("--array")) == len(api.list_allocations(id_)) == 5


@pytest.mark.parametrize("kind", ["local", "slurm"])
def test_kernel_killed_before_it_launched(api: Api, workflow: WorkflowModel, store_url: str, kind: str) -> None:
    """What it entered counts no more as soon as somebody looks."""
    id_ = map_one(api, workflow)
    reserve_and_die(store_url, id_, kind)
    assert [one.state for one in api.list_allocations(id_)] == ["submitted"]
    with pytest.raises(LaunchError, match="ended before it was started"):
        api.check_progress(id_)
    assert api.run(id_, num_cpus=1).started == 1
    assert sorted(one.state for one in api.list_allocations(id_)) in (["failed", "submitted"], ["failed", "running"])


def test_launch_under_way_counts_for_some_minutes(api: Api, workflow: WorkflowModel) -> None:
    """A kernel that lives is about to launch; one that still is after five minutes will not."""
    id_ = map_one(api, workflow)
    allocations.create(api.database, id_, "local", 1)
    brought = api.run(id_, num_cpus=1)
    assert (brought.started, brought.alive) == (0, 1)
    assert "already running here (starting)" in brought.message
    set_allocation(api, submitted=time.time() - 301)
    assert api.run(id_, num_cpus=1).started == 1


def test_other_machines_are_not_judged_by_this_ones_processes(
    api: Api, workflow: WorkflowModel, tmp_path: Path
) -> None:
    """What starts there neither counts here nor is given up before some minutes have passed."""
    id_ = map_one(api, workflow)
    allocations.create(api.database, id_, "local", 1)
    elsewhere = {"boot_id": "elsewhere", "pid": 2**22 + 1, "process_start": 1.0}
    set_allocation(api, process=elsewhere, scheduler_job=str(2**22 + 1), log=str(tmp_path / "0.log"))
    assert len(api.status(id_).waiting) == 1
    assert api.run(id_, num_cpus=1).started == 1
    assert api.list_allocations(id_)[0].state == "submitted"
    set_allocation(api, submitted=time.time() - 301)
    api.status(id_)
    assert api.list_allocations(id_)[0].state == "failed"


def test_cancel_ends_a_worker_that_has_not_reported(
    api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that hangs while it imports: nobody can ask it, so it is told by a signal."""
    id_ = map_one(api, workflow)
    slow = tmp_path / "slow" / "psutil"
    slow.mkdir(parents=True)
    (slow / "__init__.py").write_text("import time; time.sleep(600)")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(slow.parent), os.environ["PYTHONPATH"]]))
        api.run(id_, num_cpus=1)
    (pid,) = pids(api, id_)
    assert api.cancel_allocations(id_) == 1
    until(lambda: not is_there(pid))
    (allocation,) = api.list_allocations(id_)
    assert (allocation.state, allocation.message) == ("canceled", "canceled by the user")
    assert api.run(id_, num_cpus=1).started == 1


@ON_SQLITE
def test_cancel_just_after_run(api: Api, workflow: WorkflowModel) -> None:
    """At any moment of its start, the worker is gone soon."""
    id_ = map_one(api, workflow)
    for pause in (0.0, 0.1, 0.2, 0.3, 0.5):
        api.run(id_, num_cpus=1)
        time.sleep(pause)
        started = pids(api, id_)
        api.cancel_workflow(id_)
        until(lambda pids=started: not any(map(is_there, pids)), 15)
    assert {one.state for one in api.list_allocations(id_)} <= {"canceled", "ended"}


def test_cancel_while_a_worker_is_being_started(
    api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the entry and the launch nothing can be stopped yet; whoever launches it does so."""
    id_ = map_one(api, workflow)
    start = launch.start_local

    def start_late(*arguments: Any) -> launch.Launched:
        api.cancel_workflow(id_)
        return start(*arguments)

    monkeypatch.setattr(launch, "start_local", start_late)
    with pytest.raises(LaunchError, match="canceled or deleted while"):
        api.run(id_, num_cpus=1)
    until(lambda: pids(api, id_) == [])
    assert [one.state for one in api.list_allocations(id_)] == ["canceled"]


@ON_SQLITE
def test_cancel_while_nodes_are_being_submitted(
    api: Api, workflow: WorkflowModel, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are taken out of the queue again."""
    id_ = map_one(api, workflow)
    schedule = launch.schedule

    def schedule_late(*arguments: Any, **options: Any) -> list[launch.Launched]:
        api.cancel_workflow(id_)
        return schedule(*arguments, **options)

    monkeypatch.setattr(launch, "schedule", schedule_late)
    with pytest.raises(LaunchError, match="canceled or deleted while"):
        api.schedule_nodes(id_, 2, scheduler=waiting(id_))
    assert slurm.squeue("--array", "--states=PENDING,RUNNING") == []


def test_a_new_name_is_opened_once(api: Api, store_url: str, tmp_path: Path) -> None:
    """One of those who open it at once makes it, with its folder; through the Api names may repeat."""
    wanted = WorkflowModel(name="new", files=str(tmp_path / "files"))
    answers = at_once(store_url, 6, lambda own: own.open_workflow(wanted))
    assert sorted(made for _, made in answers) == [False] * 5 + [True]
    assert len({record.id for record, _ in answers}) == 1
    assert {record.files for record, _ in answers} == {str(tmp_path / "files" / str(answers[0][0].id))}
    assert len(api.list_workflows(name="new")) == 1
    second = api.create_workflow(wanted)
    assert api.open_workflow(wanted) == (second, False)


def test_folder_that_cannot_be_made_leaves_no_workflow(api: Api, tmp_path: Path) -> None:
    """It would be opened by name for ever after."""
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match=r"cannot be made.*files="):
        api.open_workflow(WorkflowModel(name="new", files=str(tmp_path / "file")))
    assert api.list_workflows() == []


def finish_here(api: Api, workflow_id: int) -> None:
    """Run all jobs on this machine."""
    api.run(workflow_id, num_cpus=1)
    until(lambda: api.progress(workflow_id).is_done)


def test_nodes_with_nothing_left_to_do_are_given_back(api: Api, workflow: WorkflowModel, slurm: SlurmCluster) -> None:
    """Once the jobs are done, whoever looks takes them out of the queue; another workflow's stay."""
    other = api.create_workflow(workflow.model_copy(update={"id": None}))
    for one in (workflow, other):
        api.schedule_nodes(map_one(api, one), 2, scheduler=waiting(one.id or 0))
    assert workflow.id is not None
    assert len(api.status(workflow.id).waiting) == 2
    finish_here(api, workflow.id)
    assert api.status(workflow.id).waiting == []
    assert len(slurm.squeue("--array", "--states=PENDING")) == 2
    found = api.list_allocations(workflow.id)
    assert [(one.state, one.message) for one in found if one.kind == "slurm"] == [
        ("canceled", "nothing was left to do")
    ] * 2
    api.map_function(workflow.id, lambda x: x, [1, 2], name="next")
    assert api.schedule_nodes(workflow.id, 1, scheduler=waiting(workflow.id)).started == 1


@ON_SQLITE
def test_nodes_asked_for_ahead_of_the_jobs_wait(api: Api, workflow: WorkflowModel, slurm: SlurmCluster) -> None:
    """Nothing is left to do before anything was mapped; afterwards they are as all others."""
    assert workflow.id is not None
    api.schedule_nodes(workflow.id, 1, scheduler=waiting(workflow.id))
    assert len(api.status(workflow.id).waiting) == 1
    map_one(api, workflow)
    assert len(api.status(workflow.id).waiting) == 1
    finish_here(api, workflow.id)
    assert api.status(workflow.id).waiting == []
    assert slurm.squeue("--states=PENDING") == []


@ON_SQLITE
def test_slurm_that_is_gone_does_not_keep_local_workers(
    api: Api, workflow: WorkflowModel, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling says that Slurm does not answer, and has stopped what runs here."""
    id_ = map_one(api, workflow)
    api.map_function(
        id_, lambda x: x, [1], name="large", requirement=ResourceRequirementsModel(workflow_id=id_, num_cpus=9)
    )
    api.schedule_nodes(id_, 1, scheduler=waiting(id_))
    api.run(id_, num_cpus=1)
    (pid,) = pids(api, id_)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(LaunchError, match="scancel"):
            api.cancel_allocations(id_)
    until(lambda: not is_there(pid))
    assert [one.state for one in api.list_allocations(id_) if one.kind == "slurm"] == ["submitted"]
    api.cancel_allocations(id_)
    assert slurm.squeue("--states=PENDING") == []
