"""Jobs made one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api.test_launching import until

from torc_nb import JobModel, ResourceRequirementsModel, map_function_to_jobs
from torc_nb.api import Api
from torc_nb.errors import CannotCapture, Conflict, InvalidRequest, JobFailed, NotFound
from torc_nb.models import JobStatus, WorkflowModel

STEPS = """\
def prepare():
    return "prepared"


def double(x):
    return x * 2


def fail(x):
    raise ValueError(x)
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Path:
    """The folder of a module."""
    (tmp_path / "steps.py").write_text(STEPS)
    return tmp_path


@pytest.fixture
def job(workflow: WorkflowModel, code: Path) -> Any:
    """Describe a job of the workflow."""

    def described(name: str, **values: Any) -> JobModel:
        usual = {"workflow_id": workflow.id, "module": "steps", "func": "double", "params": 3}
        return JobModel(name=name, module_directory=str(code), **(usual | values))

    return described


def listed(api: Api, workflow: WorkflowModel) -> dict[str, JobStatus]:
    """Where each job stands."""
    return {one.name or str(one.row): JobStatus(one.status) for one in api.list_jobs(workflow.id or 0)}


def run(api: Api, workflow: WorkflowModel) -> None:
    """Run what there is."""
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=5.0)
    until(lambda: api.progress(workflow.id or 0).is_done)


def test_jobs_run_after_those_they_wait_for(api: Api, workflow: WorkflowModel, job: Any, code: Path) -> None:
    """A job with and one without parameters; before and after a map; the result is a job's own."""
    first = api.create_job(job("prepare", func="prepare", params=None))
    asked = api.create_resource_requirements(ResourceRequirementsModel(workflow_id=workflow.id or 0, memory="300m"))
    rows = map_function_to_jobs(
        api, workflow.id or 0, "steps", "double", [1, 2], module_directory=code, blocked_by_job_ids=[first.id or 0]
    )
    last = api.create_job(
        job("finish", blocked_by=[one.id for one in rows], resource_requirements_id=asked.id, priority=3)
    )
    assert (last.name, last.status, last.resource_requirements_id) == ("finish", JobStatus.UNINITIALIZED, asked.id)
    assert api.get_job(last.id or 0).priority == 3
    run(api, workflow)
    started = {one.job_id: one.started for one in api.list_results(workflow.id or 0)}
    order = sorted(started, key=lambda job_id: started[job_id])
    assert (order[0], order[-1]) == (first.id, last.id)
    assert api.value(workflow.id or 0, first.id or 0) == "prepared"
    assert api.value(workflow.id or 0, last.id or 0) == 6


def test_many_at_once_wait_for_one_another_by_name(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """In whatever order they are given; they come back in that order."""
    made = api.create_jobs(
        [job("c", blocked_by=["a", "b"]), job("b", blocked_by=["a"]), job("a", func="prepare", params=None)]
    )
    assert [one.name for one in made] == ["c", "b", "a"]
    run(api, workflow)
    started = {one.job_id: one.started for one in api.list_results(workflow.id or 0)}
    c, b, a = (started[one.id or 0] for one in made)
    assert a < b < c


def test_a_circle_is_refused_and_named(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """Of three, or of one with itself; nothing is made."""
    with pytest.raises(InvalidRequest, match=r"circle: .*'a' after 'c'( after 'b'|\.)"):
        api.create_jobs([job("a", blocked_by=["c"]), job("b", blocked_by=["a"]), job("c", blocked_by=["b"])])
    with pytest.raises(InvalidRequest, match="'a' after 'a'"):
        api.create_jobs([job("x"), job("a", blocked_by=["a"])])
    assert listed(api, workflow) == {}


def test_what_makes_no_sense_is_refused(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """Each with what is missing; of several, none is made where the last is refused."""
    wrong: list[tuple[type[Exception], str, JobModel]] = [
        (InvalidRequest, "'x' has an empty command", job("x", command=" ", func=None)),
        (InvalidRequest, "'x' has a NUL character", job("x", command="ls \0", func=None)),
        (InvalidRequest, "'x' has half a character", job("x", command="ls \ud800", func=None)),
        (InvalidRequest, "Write it to a file", job("x", command="ls " + 200_000 * "x", func=None)),
        (NotFound, "no job 99 in workflow", job("x", command="ls", func=None, blocked_by=[99])),
        (NotFound, "scheduler 99", job("x", command="ls", func=None, scheduler_id=99)),
        (InvalidRequest, "'x' has a command and a function", job("x", command="ls")),
        (InvalidRequest, "'x' has nothing to do", job("x", func=None)),
        (InvalidRequest, "without a name", job("")),
        (InvalidRequest, "has the id 7 already", job("x", id=7)),
        (InvalidRequest, "waits for the job 'y'; none of", job("x", blocked_by=["y"])),
        (NotFound, "no job 99 in workflow", job("x", blocked_by=[99])),
        (NotFound, "requirements 99", job("x", resource_requirements_id=99)),
        (NotFound, "scheduler 99", job("x", scheduler_id=99)),
        (NotFound, "workflow 99", job("x", workflow_id=99)),
        (CannotCapture, "nope", job("x", func="nope")),
    ]
    for error, message, one in wrong:
        with pytest.raises(error, match=message):
            api.create_jobs([job("good"), one])
    with pytest.raises(InvalidRequest, match="2 of the new jobs"):
        api.create_jobs([job("twin"), job("twin"), job("x", blocked_by=["twin"])])
    assert listed(api, workflow) == {}
    assert api.list_maps(workflow.id or 0) == []


def test_commands_and_calls_wait_for_one_another(api: Api, workflow: WorkflowModel, job: Any, code: Path) -> None:
    """In whatever order they are given; a command's failure keeps what follows from running."""
    command = {"func": None, "module": None, "params": None}
    made = api.create_jobs(
        [
            job("c", command="cat made; echo $TORC_JOB_NAME", blocked_by=["b"], **command),
            job("b", blocked_by=["a"]),
            job("a", command="sleep 0.1; echo x > made", **command),
            job("d", command="true", blocked_by=["c", "a"], **command),
            job("bad", command="exit 7", **command),
            job("behind", command="true", blocked_by=["bad"], **command),
        ]
    )
    assert [one.name for one in made] == ["c", "b", "a", "d", "bad", "behind"]
    assert [one.status for one in made] == [JobStatus.UNINITIALIZED] * 6
    run(api, workflow)
    started = {one.job_id: one.started for one in api.list_results(workflow.id or 0)}
    c, b, a, d, bad, behind = (one.id or 0 for one in made)
    assert started[a] < started[b] < started[c] < started[d]
    assert behind not in started
    assert api.logs(workflow.id or 0, c).stdout == "x\nc\n"
    assert listed(api, workflow)["bad"] is JobStatus.FAILED
    assert listed(api, workflow)["behind"] is JobStatus.CANCELED
    assert "exited with 7" in (api.get_job(behind).note or "")
    with pytest.raises(JobFailed, match="exited with 7"):
        api.value(workflow.id or 0, bad)


def test_a_thousand_commands_are_made_at_once(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """Counted once, and each can be deleted."""
    made = api.create_jobs(
        [job(f"t{n}", command="true", func=None, blocked_by=[f"t{n - 1}"] if n % 10 else []) for n in range(1000)]
    )
    assert len({one.id for one in made}) == api.progress(workflow.id or 0).total == 1000
    with pytest.raises(Conflict, match="waits for it"):
        api.delete_job(made[0].id or 0)
    api.delete_job(made[9].id or 0)
    assert api.progress(workflow.id or 0).total == 999


def test_jobs_may_share_a_name(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """Said twice, there are two."""
    first, second = api.create_job(job("same")), api.create_job(job("same"))
    assert first.id != second.id
    assert [one.name for one in api.list_jobs(workflow.id or 0)] == ["same", "same"]


def test_a_failed_job_keeps_those_behind_it_from_running(api: Api, workflow: WorkflowModel, job: Any) -> None:
    """As it is with maps."""
    api.create_jobs([job("bad", func="fail"), job("behind", blocked_by=["bad"])])
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=1.0)
    until(lambda: listed(api, workflow)["bad"] is JobStatus.FAILED)
    assert len(api.list_results(workflow.id or 0)) == 1


def test_a_job_is_deleted_with_all_of_it(api: Api, workflow: WorkflowModel, job: Any, code: Path) -> None:
    """But not while others wait for it; of a map, its other rows stay in their order."""
    first, second = api.create_jobs([job("a"), job("b", blocked_by=["a"])])
    with pytest.raises(Conflict, match=f"Job {first.id} cannot go: 'b' waits"):
        api.delete_job(first.id or 0)
    api.delete_job(second.id or 0)
    api.delete_job(first.id or 0)
    assert listed(api, workflow) == {}
    assert api.list_maps(workflow.id or 0) == []
    with pytest.raises(NotFound, match=str(first.id)):
        api.delete_job(first.id or 0)
    api.map_function(workflow.id or 0, ("steps", "double"), [1, 2, 3], module_directory=code, name="m")
    mapped = api.map_function(workflow.id or 0, ("steps", "double"), [3, 2, 1], module_directory=code, name="m")
    order = list(api.map_order(mapped.outcome.map_id) or [])
    api.delete_job(order[1])
    assert list(api.map_order(mapped.outcome.map_id) or []) == [order[0], order[2]]
    assert api.progress(workflow.id or 0).total == 2


def test_one_of_some_jobs_that_a_map_waits_for(api: Api, workflow: WorkflowModel, job: Any, code: Path) -> None:
    """Is not deleted; one of a whole map that is waited for may be."""
    api.map_function(workflow.id or 0, ("steps", "double"), [1, 2, 3], module_directory=code, name="m")
    ids = [one.id for one in api.list_jobs(workflow.id or 0)]
    api.create_job(job("some", blocked_by=ids[:2]))
    api.create_job(job("all", blocked_by=ids))
    with pytest.raises(Conflict, match="'some' waits"):
        api.delete_job(ids[0])
    api.delete_job(ids[2])
    assert api.progress(workflow.id or 0).total == 4
