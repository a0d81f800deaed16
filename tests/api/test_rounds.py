"""``map_function_to_jobs``, as a script calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from services.workers import SEARCH_PATH

from torc_nb import JobModel, ResourceRequirementsModel, SlurmSchedulerModel, map_function_to_jobs
from torc_nb.api import Api
from torc_nb.errors import CannotCapture, CannotStore, InvalidRequest, NotFound
from torc_nb.models import JobStatus, WorkflowModel

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

SIMULATION = """\
def run(input_params):
    return {"result": input_params["x"] * 2}


def postprocess(results):
    return {"total": sum(one["result"] for one in results)}
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Path:
    """The folder of a module that is nowhere on the path."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "simulation.py").write_text(SIMULATION)
    return folder


def rows(*numbers: int) -> list[dict[str, int]]:
    """Parameters."""
    return [{"x": number} for number in numbers]


def mapped(api: Api, workflow: WorkflowModel, code: Path, params: Any, **options: Any) -> list[JobModel]:
    """Map the simulation."""
    return map_function_to_jobs(
        api, workflow.id or 0, "simulation", "run", params, **({"module_directory": code} | options)
    )


def names(api: Api, workflow: WorkflowModel) -> list[str]:
    """What the maps of the workflow are called."""
    return [map_.name for map_ in api.list_maps(workflow.id or 0)]


def test_one_job_for_each_set_of_parameters(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """Named 0, 1, 2, asking what they were told to ask, and not yet begun; the postprocess job is none of them."""
    asked = api.create_resource_requirements(
        ResourceRequirementsModel(workflow_id=workflow.id or 0, name="medium", num_cpus=4, memory="20g")
    )
    scheduler = api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id or 0, name="short"))
    jobs = mapped(
        api, workflow, code, rows(1, 2, 3),
        resource_requirements_id=asked.id, postprocess_func="postprocess", scheduler_id=scheduler.id,
    )  # fmt: skip
    assert [job.name for job in jobs] == ["0", "1", "2"]
    assert {job.resource_requirements_id for job in jobs} == {asked.id}
    assert {job.scheduler_id for job in jobs} == {scheduler.id}
    assert {job.status for job in jobs} == {JobStatus.UNINITIALIZED}
    assert {(job.module, job.func) for job in jobs} == {("simulation", "run")}
    assert len(api.list_jobs(workflow.id or 0)) == 4


def test_a_call_that_repeats_another_does_nothing(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """Run twice in one workflow, a script gets the same jobs."""
    first = mapped(api, workflow, code, rows(1, 2), postprocess_func="postprocess")
    again = mapped(api, workflow, code, rows(1, 2), postprocess_func="postprocess")
    assert [job.id for job in again] == [job.id for job in first]
    assert len(api.list_jobs(workflow.id or 0)) == 3


@pytest.mark.parametrize(
    "other", [{"params": rows(1, 3)}, {"params": rows(2, 1)}, {"start_index": 2}, {"name_prefix": "late_"}]
)
def test_another_call_is_another_round(api: Api, workflow: WorkflowModel, code: Path, other: dict[str, Any]) -> None:
    """Other parameters, another order of them, another first number, another prefix."""
    first = mapped(api, workflow, code, rows(1, 2))
    second = mapped(api, workflow, code, **({"params": rows(1, 2)} | other))
    assert not {job.id for job in first} & {job.id for job in second}
    assert names(api, workflow) == ["run", "run-2"]
    assert [job.id for job in mapped(api, workflow, code, rows(1, 2))] == [job.id for job in first]


def test_names_have_their_prefix_and_number(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """``start_index`` and ``name_prefix`` together."""
    jobs = mapped(api, workflow, code, rows(1, 2), start_index=10, name_prefix="case_")
    assert [job.name for job in jobs] == ["case_10", "case_11"]
    with pytest.raises(InvalidRequest, match="start_index=-1"):
        mapped(api, workflow, code, rows(1), start_index=-1)


def test_rounds_wait_for_one_another(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """After a whole map, after some jobs of it and after its postprocess; the same parameters are another round."""
    first = mapped(api, workflow, code, rows(1, 2, 3), postprocess_func="postprocess")
    ids = [job.id or 0 for job in first]
    (collecting,) = (job.id for job in api.list_jobs(workflow.id or 0) if job.collects)
    second = mapped(api, workflow, code, rows(1, 2, 3), blocked_by_job_ids=ids)
    third = mapped(api, workflow, code, rows(4), blocked_by_job_ids=ids[1:])
    fourth = mapped(api, workflow, code, rows(5), blocked_by_job_ids=[collecting, *(job.id or 0 for job in second)])
    api.start_workflow(workflow.id or 0)
    statuses = [JobStatus.BLOCKED] * 5
    again = [
        mapped(api, workflow, code, rows(1, 2, 3), blocked_by_job_ids=reversed(ids)),
        mapped(api, workflow, code, rows(4), blocked_by_job_ids=ids[1:]),
        mapped(api, workflow, code, rows(5), blocked_by_job_ids=[*(job.id or 0 for job in second), collecting]),
    ]
    assert [[job.id for job in jobs] for jobs in again] == [
        [job.id for job in jobs] for jobs in (second, third, fourth)
    ]
    assert [job.status for jobs in again for job in jobs] == statuses
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=5.0)
    deadline(api, workflow)
    assert {status.label for status in api.progress(workflow.id or 0).statuses} == {"completed"}
    started = {one.job_id: one.started for one in api.list_results(workflow.id or 0)}
    ended = {one.job_id: one.started + one.seconds for one in api.list_results(workflow.id or 0)}
    assert max(ended[job_id] for job_id in ids) <= min(started[job.id or 0] for job in second)
    assert max(ended[job_id] for job_id in ids[1:]) <= started[third[0].id or 0]
    assert max([ended[collecting], *(ended[job.id or 0] for job in second)]) <= started[fourth[0].id or 0]


def test_a_round_of_a_thousand_after_a_thousand_costs_no_million_rows(
    api: Api, workflow: WorkflowModel, code: Path
) -> None:
    """After all jobs of a round it is one row; after some of them, a row for each."""
    first = [job.id or 0 for job in mapped(api, workflow, code, rows(*range(1001)))]
    mapped(api, workflow, code, rows(*range(1000)), blocked_by_job_ids=first)
    assert waits(api) == {"job_dependencies": 0, "map_dependencies": 1, "map_blockers": 0}
    mapped(api, workflow, code, rows(*range(1000)), blocked_by_job_ids=first[:1000])
    assert waits(api) == {"job_dependencies": 0, "map_dependencies": 1, "map_blockers": 1000}


def waits(api: Api) -> dict[str, int]:
    """How many rows say who waits for whom, by table."""
    tables = ("job_dependencies", "map_dependencies", "map_blockers")
    with api.database.read() as connection:
        return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in tables}


def deadline(api: Api, workflow: WorkflowModel) -> None:
    """Wait until all is done."""
    from api.test_launching import until

    until(lambda: api.progress(workflow.id or 0).is_done)


def test_what_there_is_not_is_refused(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """Nothing is left of a call that names what is not there, or is another workflow's."""
    other = api.create_workflow(WorkflowModel(name="other", files=workflow.files))
    asked = api.create_resource_requirements(ResourceRequirementsModel(workflow_id=other.id or 0, name="theirs"))
    (theirs,) = mapped(api, other, code, rows(1))
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (NotFound, "77", {"resource_requirements_id": 77}),
        (NotFound, f"workflow {other.id}'s", {"resource_requirements_id": asked.id}),
        (NotFound, "no scheduler 5", {"scheduler_id": 5}),
        (NotFound, f"no job {theirs.id} in workflow", {"blocked_by_job_ids": [theirs.id]}),
        (CannotCapture, "postproces", {"postprocess_func": "postproces"}),
        (CannotCapture, "no module simulation", {"module_directory": code.parent}),
    ]
    for error, message, options in wrong:
        with pytest.raises(error, match=message):
            mapped(api, workflow, code, rows(1), **options)
    with pytest.raises(CannotStore, match=r"params\[1\]"):
        mapped(api, workflow, code, [1, threading.Lock()])
    with pytest.raises(NotFound):
        map_function_to_jobs(api, 99, "simulation", "run", rows(1), module_directory=code)
    assert api.list_jobs(workflow.id or 0) == []


def test_parameters_that_can_be_read_once(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """A generator is as good as a list."""
    first = mapped(api, workflow, code, ({"x": number} for number in range(3)))
    again = mapped(api, workflow, code, rows(0, 1, 2))
    assert [job.id for job in first] == [job.id for job in again]


def test_no_parameters_are_no_jobs(api: Api, workflow: WorkflowModel, code: Path) -> None:
    """And no error."""
    assert mapped(api, workflow, code, []) == []


def test_a_value_that_was_modified_stays_when_the_script_runs_again(
    api: Api, workflow: WorkflowModel, code: Path
) -> None:
    """The round is known by what was declared, not by what was made of it."""
    from sqlalchemy import update

    from torc_nb.store import schema

    (job,) = mapped(api, workflow, code, rows(1))
    with api.database.write() as connection:
        connection.execute(
            update(schema.jobs).where(schema.jobs.c.id == job.id).values(params='{"x":9}', params_digest=b"9" * 16)
        )
    (again,) = mapped(api, workflow, code, rows(1))
    assert again.id == job.id
    assert api.get_job(job.id or 0).params == '{"x":9}'


SCRIPT = """\
import sys
import threading
from torc_nb import WorkflowModel, make_api, map_function_to_jobs

api = make_api("torc.db")
workflow = api.create_workflow(WorkflowModel(name="my_workflow"))
jobs = map_function_to_jobs(api, workflow.id, "simulation", "run", [{"x": 1}, {"x": 2}], **eval(sys.argv[1]))
api.run(workflow.id, num_cpus=1, idle_timeout=0.5)
import time
while not api.progress(workflow.id).is_done:
    time.sleep(0.05)
print([api.value(workflow.id, job.id)["result"] for job in jobs])
"""


@ON_SQLITE
@pytest.mark.parametrize("where", ["module_directory", "beside the script", "installed"])
def test_where_the_module_is(api: Api, tmp_path: Path, code: Path, where: str) -> None:
    """In a folder that is named, beside the script, whose folder need not be the current one, or installed."""
    script = tmp_path / "scripts" / "make.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    here = tmp_path / "here"
    here.mkdir()
    options, search = "{}", SEARCH_PATH
    if where == "module_directory":
        options = '{"module_directory": "../code"}'
    elif where == "beside the script":
        (code / "simulation.py").rename(script.parent / "simulation.py")
    else:
        search = f"{search}{os.pathsep}{code}"
    done = subprocess.run(
        [sys.executable, str(script), options],
        cwd=here, capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": search},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[2, 4]\n", "")
