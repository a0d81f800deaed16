"""Workflows written to a file and taken in by another database."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from api.test_launching import until
from services.workers import end_workers

from torc_nb import frames
from torc_nb.api import Api, make_api, sentence
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import JobStatus, ResourceRequirementsModel, SlurmSchedulerModel, UserDataModel, WorkflowModel
from torc_nb.store import schema

CODE = """\
def run(p):
    print("hello", p["x"])
    if p["x"] == 2:
        raise ValueError("bad two")
    return {"y": p["x"] * 2, "large": "z" * (2_000_000 if p["x"] == 0 else 1)}


def total(results):
    return sum(one["y"] for one in results)


def after(x):
    return x + 1
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Api]:
    """Another database, in which other things have taken some ids."""
    opened = make_api(tmp_path / "elsewhere" / "other.db")
    taken = opened.create_workflow(WorkflowModel(name="taken"))
    opened.map_function(taken.id or 0, len, ["a", "b", "c"], name="m")
    yield opened
    end_workers(opened)
    opened.database.close()


def rows(*numbers: int) -> pd.DataFrame:
    """Parameters, keyed by their labels."""
    return pd.DataFrame({"x": list(numbers)}, index=pd.Index([f"case {number}" for number in numbers], name="case"))


def declare(api: Api, workflow: WorkflowModel, code: Path, numbers: tuple[int, ...] = (0, 1, 2)) -> Any:
    """Map the function with all that belongs to it."""
    return api.map_function(
        workflow.id or 0, ("sim", "run"), rows(*numbers), postprocess=("sim", "total"), module_directory=code,
        name="run", unpack=False, requirement=ResourceRequirementsModel(workflow_id=workflow.id or 0, memory="300m"),
    )  # fmt: skip


@pytest.fixture
def done(api: Api, workflow: WorkflowModel, tmp_path: Path) -> WorkflowModel:
    """A workflow of which all ran: one row failed, so its postprocess will not run; a map behind another one waits."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "sim.py").write_text(CODE)
    declare(api, workflow, code, (1, 0, 2))
    declare(api, workflow, code)  # in another order
    api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id or 0, name="short", walltime="1h"))
    jobs = [job.id for job in api.list_jobs(workflow.id or 0) if job.map_name == "run"]
    from torc_nb import map_function_to_jobs

    map_function_to_jobs(
        api, workflow.id or 0, "sim", "after", [1, 2], module_directory=code, blocked_by_job_ids=jobs[:2]
    )
    api.create_user_data(
        UserDataModel(workflow_id=workflow.id or 0, name="note", data={"a": [1, 2]}), consumed_by=jobs[:1]
    )
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=5.0)
    until(lambda: api.progress(workflow.id or 0).is_done)
    return workflow


def told(api: Api, workflow_id: int) -> dict[str, Any]:
    """What is known of a workflow, without ids."""
    jobs = api.list_jobs(workflow_id)
    maps = {map_.name: map_ for map_ in api.list_maps(workflow_id)}
    return {
        "jobs": [(job.map_name, job.name, job.row, job.status, job.attempt, job.key, job.note is None) for job in jobs],
        "params": [job.params for job in jobs],
        "counts": api.progress(workflow_id).statuses,
        "maps": [(name, map_.call, map_.blocked) for name, map_ in maps.items()],
        "order": [(row - jobs[0].id) for row in api.map_order(maps["run"].id) or []],
        "results": [(one.attempt, one.status, one.seconds, one.error) for one in api.list_results(workflow_id)],
        "values": [(one.name, one.data) for one in api.list_user_data(workflow_id)],
        "asked": [one.request for one in api.list_resource_requirements(workflow_id)],
        "schedulers": [one.model_dump(exclude={"id", "workflow_id"}) for one in api.list_slurm_schedulers(workflow_id)],
    }


@pytest.mark.parametrize("name", ["sweep.jsonl", "sweep.jsonl.gz"])
def test_there_it_is_as_it_was_here(api: Api, other: Api, done: WorkflowModel, tmp_path: Path, name: str) -> None:
    """Jobs, parameters, results, large ones too, what was printed, user data, requirements and schedulers."""
    path = api.export_workflow(done.id or 0, tmp_path / name)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith("gz")
    new = other.import_workflow(path)
    assert new.id != done.id
    assert (new.name, new.state, new.run_id) == (done.name, "started", done.run_id)
    assert told(other, new.id or 0) == told(api, done.id or 0)
    first = next(job for job in other.list_jobs(new.id or 0) if job.map_name == "run" and '"x":0' in job.params)
    assert len(other.value(new.id or 0, first.id)["large"]) == 2_000_000
    assert other.logs(new.id or 0, first.id).stdout == "hello 0\n"
    (failure,) = other.failures(new.id or 0)
    assert (failure.message, failure.count) == ("bad two", 1)
    assert other.progress(new.id or 0).workers == []


def test_files_that_jobs_left_are_known_there(api: Api, other: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """Under the jobs' new ids, names that are no text among them."""
    (tmp_path / "maker.py").write_text(
        "import os, pathlib\n"
        "def make(name):\n"
        "    path = pathlib.Path(os.fsdecode(name.encode('latin-1')))\n"
        "    path.write_text('x')\n"
        "    return path\n"
    )
    api.map_function(workflow.id or 0, ("maker", "make"), ["a", "\xff"], module_directory=tmp_path)
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=5.0)
    until(lambda: api.progress(workflow.id or 0).is_done)
    new = other.import_workflow(api.export_workflow(workflow.id or 0, tmp_path / "sweep.jsonl"))
    assert other.check_files(new.id or 0) == []
    for path in (tmp_path / "a", tmp_path / "\udcff"):
        path.unlink()
    found = other.check_files(new.id or 0)
    assert [one.path for one in found] == [str(tmp_path / "a"), str(tmp_path / "\udcff")]
    assert [one.job_id for one in found] == [job.id for job in other.list_jobs(new.id or 0)]
    assert frames.file_changes(found)["path"].tolist() == [str(tmp_path / "a"), f"{tmp_path}/\\xff"]


def test_what_holds_of_it_here_holds_there(api: Api, other: Api, done: WorkflowModel, tmp_path: Path) -> None:
    """Declared again it is as before; nothing is affected until something changes, and then that alone; it runs."""
    code = tmp_path / "code"
    new = other.import_workflow(api.export_workflow(done.id or 0, tmp_path / "sweep.jsonl"), name="copy")
    assert new.name == "copy"
    assert sentence(declare(other, new, code)) == "run: 3 as before"
    assert list(other.reinitialize(new.id or 0, dry_run=True).rows()) == []
    from torc_nb import map_function_to_jobs

    jobs = [job.id for job in other.list_jobs(new.id or 0) if job.map_name == "run"]
    again = map_function_to_jobs(
        other, new.id or 0, "sim", "after", [1, 2], module_directory=code, blocked_by_job_ids=jobs[:2]
    )
    assert [job.status for job in again] == [JobStatus.COMPLETED] * 2
    (code / "sim.py").write_text(CODE.replace("== 2", "== 3"))
    assert other.rerun(new.id or 0, [JobStatus.FAILED]).ready == 1
    other.run(new.id or 0, num_cpus=1, idle_timeout=5.0)
    until(lambda: other.progress(new.id or 0).is_done)
    assert set(other.progress(new.id or 0).statuses) == {JobStatus.COMPLETED}
    (collecting,) = (job.id for job in other.list_jobs(new.id or 0) if job.collects)
    assert other.value(new.id or 0, collecting) == 6
    assert api.progress(done.id or 0).statuses[JobStatus.FAILED] == 1


def test_what_runs_meanwhile_is_to_be_run_there(api: Api, other: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """It is no job of a worker that is elsewhere."""
    from sqlalchemy import update

    from torc_nb.store import counts

    api.map_function(workflow.id or 0, len, ["a", "b"], name="m")
    job, _ = api.list_jobs(workflow.id or 0)
    with api.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.id == job.id).values(status=4, worker_id=1))
        tally = counts.Tally(workflow.id or 0)
        tally.move(job.map_id, job.requirement_id, JobStatus.READY, JobStatus.RUNNING)
        tally.write(connection)
    new = other.import_workflow(api.export_workflow(workflow.id or 0, tmp_path / "sweep.jsonl"))
    other.start_workflow(new.id or 0)
    assert other.progress(new.id or 0).statuses == {JobStatus.READY: 2}
    assert {one.worker_id for one in other.list_jobs(new.id or 0)} == {None}


def test_an_empty_workflow(api: Api, other: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """Has nothing to lose."""
    new = other.import_workflow(api.export_workflow(workflow.id or 0, tmp_path / "sweep.jsonl"))
    assert (new.state, other.progress(new.id or 0).total) == ("created", 0)


def test_a_damaged_file_leaves_nothing(api: Api, other: Api, done: WorkflowModel, tmp_path: Path) -> None:
    """Wherever it ends, whatever is not as it was written; neither rows nor files."""
    path = api.export_workflow(done.id or 0, tmp_path / "sweep.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    head = json.loads(lines[0])
    job = next(number for number, line in enumerate(lines) if '"table":"jobs"' in line) + 1
    damaged = {
        "empty": [],
        "half": lines[: len(lines) // 2],
        "a line short": lines[:-1],
        "a row lost": [*lines[:job], *lines[job + 1 :]],
        "cut in a line": [*lines[:job], lines[job][:10]],
        "another version": [json.dumps(head | {"schema": "9999"}) + "\n", *lines[1:]],
        "no workflow": ['{"a": 1}\n'],
        "a way out": [*lines[:-1], '{"file":"values/../../evil"}\n', *lines[-1:]],
        "an unknown table": [lines[0], '{"table":"secrets","columns":["id"]}\n', *lines[1:]],
    }
    before = sorted(path.name for path in (tmp_path / "elsewhere" / "files").iterdir())
    for what, content in damaged.items():
        path.write_text("".join(content))
        with pytest.raises(InvalidRequest, match=r"ends in the middle|Another version|no exported|none of|not know"):
            other.import_workflow(path)
        assert [one.name for one in other.list_workflows()] == ["taken"], what
        assert sorted(one.name for one in (tmp_path / "elsewhere" / "files").iterdir()) == before, what
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode())[:-20])
    for name in ("torn.jsonl.gz", "nothing.jsonl"):
        with pytest.raises(InvalidRequest, match=name):
            other.import_workflow(tmp_path / name)
    assert other.progress(1).total == 3


def test_a_file_is_not_replaced_unasked(api: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """And what cannot be written leaves nothing beside it."""
    path = tmp_path / "out" / "sweep.jsonl"
    with pytest.raises(InvalidRequest, match="cannot be written"):
        api.export_workflow(workflow.id or 0, path)
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(InvalidRequest, match="already"):
        api.export_workflow(workflow.id or 0, path)
    with pytest.raises(NotFound):
        api.export_workflow(99, tmp_path / "out" / "no")
    assert path.read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]
    api.export_workflow(workflow.id or 0, path, overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_files(api: Api, other: Api, done: WorkflowModel, tmp_path: Path) -> None:
    """It is small; the large value is said to be missing where it is asked for."""
    path = api.export_workflow(done.id or 0, tmp_path / "sweep.jsonl", files=False)
    assert path.stat().st_size < 100_000
    new = other.import_workflow(path)
    jobs = {job.params: job.id for job in other.list_jobs(new.id or 0) if job.map_name == "run"}
    assert other.value(new.id or 0, jobs['{"x":1}'])["y"] == 2
    with pytest.raises(Exception, match="missing"):
        other.value(new.id or 0, jobs['{"x":0}'])


def test_every_table_travels_or_is_left_on_purpose() -> None:
    """A new table or column has to be thought of here."""
    from torc_nb.store import portable

    travelling = {one.table.name for one in portable.TABLES} | {"module_sources", "workflows"}
    stays = {
        "allocations", "campaigns", "cancellations", "events", "excluded_nodes", "job_counts", "notifications",
        "sequences", "tellings",
    }  # fmt: skip
    assert travelling | stays == set(schema.metadata.tables)
    for one in portable.TABLES:
        ids = {column.name for column in one.columns if column.name.endswith("_id") or column.name == "collects"}
        assert ids - set(one.links) - {"workflow_id", "run_id", "boot_id"} == set(), one.table.name
