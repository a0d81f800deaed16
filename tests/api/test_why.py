"""What a job or a workflow waits for, in one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from api.queues import Queue

from torc_nb import Retry
from torc_nb.api import Api
from torc_nb.api.lacking import crew, lack
from torc_nb.errors import DatabaseUnavailable, NotFound
from torc_nb.models import (
    Completion,
    Introduction,
    JobModel,
    JobStatus,
    Membership,
    Request,
    ResourceRequirementsModel,
    SlurmSchedulerModel,
    WorkflowModel,
)
from torc_nb.store import allocations, claims, exclusions, leases, machine, workflows
from torc_nb.store import database as databases

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def joined(api: Api, workflow_id: int, *, here: bool = False, allocation_id: int | None = None) -> Membership:
    """Enter a worker of 2 CPUs and 4 GiB that does nothing by itself; on another machine, or in this process."""
    boot_id, start = (machine.boot_id(), machine.process_start(os.getpid())) if here else ("another machine", 1.0)
    return leases.join(
        api.database,
        Introduction(
            workflow_id, "n1", os.getpid(), boot_id, start or 0.0, allocation_id=allocation_id, num_cpus=2,
            memory=4 * 2**30,
        ),
    )  # fmt: skip


def mapped(
    api: Api, workflow: WorkflowModel, name: str = "run", rows: Sequence[int] = (1, 2, 3), **request: object
) -> int:
    """Map something, with a postprocess, and start the workflow; returns its id."""
    assert workflow.id is not None
    asked = ResourceRequirementsModel(workflow_id=workflow.id, **request)  # type: ignore[arg-type]
    api.map_function(workflow.id, lambda x: x, rows, name=name, postprocess=lambda found: found, requirement=asked)
    workflows.set_state(api.database, workflow.id, "started")
    return workflow.id


def taken(api: Api, worker: Membership, *, begin: bool = True) -> list[int]:
    """Let a worker claim all that is ready, and begin it; returns the ids of the jobs."""
    found = claims.exchange(api.database, worker.workflow_id, worker.id, room=lambda group, ready, workers: ready)
    if begin:
        claims.exchange(api.database, worker.workflow_id, worker.id, started=found.claims)
    return [one.job_id for one in found.claims]


def end_all(
    api: Api, worker: Membership, status: JobStatus, *, most: int = 1000, seconds: float = 2.5
) -> list[int]:
    """Let a worker run all that is ready to an end, each for so long; returns the ids of the jobs."""
    found = claims.exchange(
        api.database, worker.workflow_id, worker.id, room=lambda group, ready, workers: min(ready, most)
    )
    failed = status == JobStatus.FAILED
    done = [
        Completion(
            one.job_id, one.attempt, one.run_id, one.map_id, one.requirement_id, one.function_id, int(status),
            int(failed), 1.0, seconds, 1.0, 0, None if failed else "1", b"", "ValueError" if failed else None,
            "bad" if failed else None, None, 0, 0, 0, False,
        )
        for one in found.claims
    ]  # fmt: skip
    claims.exchange(api.database, worker.workflow_id, worker.id, completions=done)
    return [one.job_id for one in found.claims]


def test_a_job_waits_for_a_map(api: Api, workflow: WorkflowModel) -> None:
    """While it runs, and with what to type when some of it has failed."""
    id_ = mapped(api, workflow)
    assert str(api.why(id_, 4)).startswith("Job 4 (postprocess) waits for map run (3 ready).")
    worker = joined(api, id_)
    end_all(api, worker, JobStatus.FAILED)
    found = api.why(id_, 4)
    assert "is canceled and will not run: job 1, row 0 of run, failed: ValueError: bad (and 2 more)" in found.text
    assert found.advice == "`%torc rerun 4` makes it ready again."
    failed = api.why(id_, 1)
    assert failed.text == "Job 1, row 0 of run, failed on n1 after 2.5 s: ValueError: bad."
    assert "`%torc jobs logs 1`" in failed.advice
    assert "3 failed" in api.why(id_).text


def test_what_all_waits_for_is_found_behind_others(api: Api, workflow: WorkflowModel) -> None:
    """A map after a map after one that failed: the last is named, by the job and by the workflow."""
    id_ = mapped(api, workflow, "mesh")
    (mesh,) = api.list_maps(id_)
    for name in ("solve", "plot"):
        last = max(one.id for one in api.list_maps(id_))
        api.map_function(id_, lambda x: x, [1, 2], name=name, blocked_by_maps=[last])
    end_all(api, joined(api, id_), JobStatus.FAILED)
    job_id = max(job.id for job in api.list_jobs(id_))
    found = api.why(id_, job_id)
    assert found.text == (
        f"Job {job_id}, row 1 of plot, waits for map solve (2 blocked), which waits for map mesh (3 failed)."
    )
    assert found.advice.startswith("`%torc failures list`")
    whole = api.why(id_)
    assert "has nothing to run" in whole.text
    assert "map mesh (3 failed)" in whole.text
    assert mesh.name == "mesh"


def test_a_job_waits_for_single_jobs(api: Api, workflow: WorkflowModel) -> None:
    """By name where there is one; by number where there are more."""
    assert workflow.id is not None
    first = api.create_job(JobModel(workflow_id=workflow.id, name="first", command="true")).id
    other = api.create_job(JobModel(workflow_id=workflow.id, name="other", command="true")).id
    assert first is not None
    assert other is not None
    last = api.create_job(JobModel(workflow_id=workflow.id, name="last", command="true", blocked_by=[first])).id
    both = api.create_job(JobModel(workflow_id=workflow.id, name="both", command="true", blocked_by=[first, other])).id
    assert "waits for the start" in api.why(workflow.id, last).text
    workflows.set_state(api.database, workflow.id, "started")
    found = api.why(workflow.id, last)
    assert found.text == f"Job {last} (last) waits for job {first} (ready)."
    assert found.advice == f"`%torc why {first}` says what that waits for."
    assert f"waits for 2 jobs (2 ready), as job {first}" in api.why(workflow.id, both).text


def test_resources_that_no_worker_has(api: Api, workflow: WorkflowModel) -> None:
    """With the numbers of the largest; the workflow says so too, whether others run or not."""
    id_ = mapped(api, workflow, memory="64g")
    joined(api, id_)
    found = api.why(id_, 1)
    assert "asks for more than the largest worker has: 64 GB of memory of 4 GB" in found.text
    assert "larger nodes" in found.advice
    assert "64 GB of memory of 4 GB" in api.why(id_).text
    api.map_function(id_, lambda x: x, [1], name="small")
    assert len(taken(api, joined(api, id_))) == 4  # whatever is said to fit
    assert "goes on: 1 blocked, 4 running, with 2 workers" in api.why(id_).text

@ON_SQLITE
def test_walltime_that_is_left(api: Api, workflow: WorkflowModel) -> None:
    """Of a worker whose scheduler gives half an hour, to jobs of an hour, and to one that was cut."""
    id_ = mapped(api, workflow, runtime="1h")
    short = api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=id_, name="short", walltime="00:30:00"))
    (allocation_id,) = allocations.create(api.database, id_, "slurm", 1, short.id)
    joined(api, id_, allocation_id=allocation_id)
    found = api.why(id_, 1)
    assert "is expected to take 1 h" in found.text
    assert "(at most " in found.text
    there = crew(api.database, id_)
    (worker,) = there.workers
    late = replace(there, workers=[worker.model_copy(update={"started": there.now - 1200})])
    assert lack(there, Request(), cut=1700.0) is None
    assert lack(late, Request(), cut=300.0) is None
    cut = lack(late, Request(), cut=700.0)
    assert cut is not None
    assert cut.text == "ran for 11 min 40 s until a walltime ended, and waits for a worker that has more left"


def test_a_run_time_that_was_observed(
    api: Api, workflow: WorkflowModel, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gave one, and jobs like it took 40 min: a worker that has just begun takes it, one of later does not."""
    id_ = mapped(api, workflow, rows=range(12))
    api.schedule_nodes(id_, 1, until_done=True, scheduler=SlurmSchedulerModel(walltime="1h"))
    (allocation,) = api.list_allocations(id_)
    worker = joined(api, id_, allocation_id=allocation.id)
    end_all(api, worker, JobStatus.COMPLETED, most=10, seconds=2460.0)
    assert "is ready and waits for its turn" in api.why(id_, 12).text
    now = databases.Database.now
    monkeypatch.setattr(databases.Database, "now", lambda self, connection: now(self, connection) + 1500)
    claims.exchange(api.database, id_, worker.id)  # it was heard of all the time
    observed = "needs about 41 min 00 s (observed), and no worker has so much left (at most 3"
    found = api.why(id_, 12)
    assert observed in found.text
    assert found.advice.startswith("Bring a fresh one: ")
    assert observed in api.why(id_).text
    assert lack(crew(api.database, id_), Request(runtime=60.0), expected=2460.0) is None  # what was given counts


def test_nodes_until_done(api: Api, workflow: WorkflowModel, queue: Queue) -> None:
    """What is wished, what it waits for and why it stopped, of the workflow and of a job that waits for a worker."""
    id_ = mapped(api, workflow)
    queue.room = 1
    api.schedule_nodes(id_, 3, until_done=True)
    for found in (api.why(id_), api.why(id_, 1)):
        assert "Nodes until done: 3 allocations until all is done: Slurm takes no more of your jobs for now (Ass" in (
            found.text
        )
    (allocation,) = api.list_allocations(id_)
    allocations.end(api.database, allocation.id or 0, "failed", "no such account")
    queue.room, queue.refusal = 3, "sbatch refused: Invalid account"
    for _ in range(3):
        api.status(id_)
    for found in (api.why(id_), api.why(id_, 1)):
        assert "waits for a worker, but allocation 1 failed: no such account. No more nodes come: 3 allocations " in (
            found.text
        )
        assert found.text.endswith("until all is done, stopped: sbatch refused: Invalid account.")


def test_no_worker_and_what_brings_one(api: Api, workflow: WorkflowModel) -> None:
    """Before the start, then without any, then with one that Slurm lets wait, then after it failed."""
    assert workflow.id is not None
    assert "has no jobs" in api.why(workflow.id).text
    id_ = mapped(api, workflow)
    for found in (api.why(id_), api.why(id_, 1)):
        assert "waits for a worker, and none is there or coming" in found.text
        assert "`%torc run`" in found.advice
    (allocation_id,) = allocations.create(api.database, id_, "slurm", 1)
    allocations.launched(api.database, allocation_id, "17", "/log")
    allocations.change(api.database, allocation_id, message="pending: Priority")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allocations, "may_ask", lambda *asked: False)
        for found in (api.why(id_), api.why(id_, 1)):
            assert "(Slurm job 17), in the queue for" in found.text
            assert "other jobs of the cluster come first (Priority)" in found.text
        exclusions.add(api.database, id_, "n2", "it hums")
        assert "n2" not in str(api.why(id_))
        allocations.change(api.database, allocation_id, message="pending: ReqNodeNotAvail, UnavailableNodes:n[1-3]")
        assert "Of this workflow n2 is excluded, which may leave no node" in api.why(id_).advice
    allocations.end(api.database, allocation_id, "failed", "no such account")
    assert f"allocation {allocation_id} failed: no such account" in api.why(id_).text


def test_paused(api: Api, workflow: WorkflowModel) -> None:
    """With what lets it go on; jobs that wait for others say that all the same."""
    id_ = mapped(api, workflow)
    api.pause_workflow(id_)
    for found in (api.why(id_), api.why(id_, 1)):
        assert "the workflow is paused" in found.text
        assert "`%torc workflows resume`" in found.advice
    assert "waits for map run" in api.why(id_, 4).text


def test_a_silent_worker(api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it runs, and what waits for it, say since when; while it is heard of, where the job runs."""
    id_ = mapped(api, workflow)
    worker = joined(api, id_, here=True)
    taken(api, worker)
    running = api.why(id_, 1)
    assert running.text.startswith(f"Job 1, row 0 of run, runs, attempt 1, on n1 by worker {worker.id}, there for")
    assert "goes on: 1 blocked, 3 running, with 1 worker" in api.why(id_).text
    now = databases.Database.now
    monkeypatch.setattr(databases.Database, "now", lambda self, connection: now(self, connection) + 240)
    for found in (api.why(id_, 1), api.why(id_)):
        assert f"worker {worker.id}" in found.text
        assert "which has been silent for 4 min" in found.text


def test_its_turn(api: Api, workflow: WorkflowModel) -> None:
    """A job that a worker could take waits for its turn."""
    id_ = mapped(api, workflow)
    joined(api, id_)
    assert "is ready and waits for its turn: 1 worker with 0 jobs, and 3 ready in all" in api.why(id_, 2).text
    assert "waits for nothing: 1 worker" in api.why(id_).text


@ON_SQLITE
def test_the_database_does_not_answer(api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said in the answer, as it is what all waits for."""
    id_ = mapped(api, workflow)

    def away(*asked: object) -> None:
        raise DatabaseUnavailable("it does not answer: no route to host")

    monkeypatch.setattr(workflows, "get", away)
    assert "All waits for the database: it does not answer: no route" in api.why(id_, 1).text


@ON_SQLITE
def test_a_job_that_is_not_there(api: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """It is refused by its id."""
    id_ = mapped(api, workflow)
    with pytest.raises(NotFound, match="no job 99"):
        api.why(id_, 99)


def test_its_next_try(api: Api, workflow: WorkflowModel) -> None:
    """A job that failed and is tried again says when, and after what."""
    assert workflow.id is not None
    api.map_function(workflow.id, lambda x: x, [1], name="run", retries=Retry(2, wait="1h"))
    workflows.set_state(api.database, workflow.id, "started")
    end_all(api, joined(api, workflow.id), JobStatus.FAILED)
    text = api.why(workflow.id, 1).text
    assert re.fullmatch(r"Job 1, row 0 of run, failed and is tried again from .* UTC, 1 of 2: ValueError: bad\.", text)
