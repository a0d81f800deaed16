"""What a workflow is rid of, and what stays."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from api.test_launching import until
from services.workers import end_workers

from torc_nb.api import Api
from torc_nb.errors import NotFound
from torc_nb.models import JobStatus, UserDataModel, WorkflowModel
from torc_nb.values import Spill, encode

CODE = """\
def run(x):
    print("hello", x)
    if x == 2:
        raise ValueError("bad two")
    return {"large": "z" * 1_100_000, "bytes": bytes([x]) * 2_000_000}
"""


@pytest.fixture
def done(api: Api, workflow: WorkflowModel, tmp_path: Path) -> WorkflowModel:
    """Three jobs, of which one failed and was run again, and whose worker has left; all files are two days old."""
    (tmp_path / "sim.py").write_text(CODE)
    api.map_function(workflow.id or 0, ("sim", "run"), [0, 1, 2], module_directory=tmp_path)
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=30.0)
    until(lambda: api.progress(workflow.id or 0).is_done)
    api.rerun(workflow.id or 0, [JobStatus.FAILED])
    run(api, workflow)
    age(workflow)
    return workflow


def run(api: Api, workflow: WorkflowModel) -> None:
    """Run all there is, and let the worker go."""
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=30.0)
    until(lambda: api.progress(workflow.id or 0).is_done)
    api.cancel_allocations(workflow.id or 0)
    until(lambda: not api.status(workflow.id or 0).workers)
    end_workers(api)


def age(workflow: WorkflowModel) -> None:
    """Let two days pass for all files."""
    then = time.time() - 2 * 86400
    for path in Path(workflow.files).rglob("*"):
        os.utime(path, (then, then))


def files(workflow: WorkflowModel, of: str) -> list[Path]:
    """The files in a folder of the workflow."""
    return sorted(path for path in (Path(workflow.files) / of).rglob("*") if path.is_file())


def values(api: Api, workflow: WorkflowModel) -> list[Any]:
    """What the jobs returned."""
    jobs = api.list_jobs(workflow.id or 0, statuses=[JobStatus.COMPLETED])
    return [api.value(workflow.id or 0, job.id) for job in jobs]


def test_old_attempts_and_launches_go(api: Api, done: WorkflowModel) -> None:
    """What the results are, what they name, and what they printed stay; a dry run says the same and does nothing."""
    before = values(api, done)
    would = api.clean_workflow(done.id or 0, dry_run=True)
    assert (would.attempts, would.values, would.launches, would.notes) == (1, 0, 1, [])
    assert len(api.list_results(done.id or 0)) == 4
    assert files(done, "launches") != []
    assert api.clean_workflow(done.id or 0) == would
    assert [one.attempt for one in api.list_results(done.id or 0)] == [1, 1, 2]
    assert files(done, "launches") == []
    assert values(api, done) == before
    failed = api.list_jobs(done.id or 0, statuses=[JobStatus.FAILED])[0]
    assert api.logs(done.id or 0, failed.id).stdout == "hello 2\n"
    again = api.clean_workflow(done.id or 0)
    assert (again.attempts, again.values, again.logs, again.launches, again.nbytes) == (0, 0, 0, 0, 0)
    (log,) = files(done, "logs")
    api.rerun(done.id or 0, [JobStatus.FAILED, JobStatus.COMPLETED])
    run(api, done)
    age(done)
    cleaned = api.clean_workflow(done.id or 0)
    assert (cleaned.attempts, cleaned.logs, log.exists()) == (3, 1, False)  # what it held has been printed anew
    assert values(api, done) == before


@pytest.fixture
def orphan(workflow: WorkflowModel) -> Path:
    """A file of a large value that nothing names, two days old like all others."""
    path = Path(workflow.files) / "values" / "ab" / ("ab" * 20)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 5000)
    age(workflow)
    return path


def test_large_values_go_that_nothing_names(api: Api, workflow: WorkflowModel, orphan: Path) -> None:
    """Not those in a file that a file names, nor parameters, nor user data; and not what is young."""
    within = {"text": "z" * 1_100_000, "bytes": b"b" * 2_000_000}  # a text so long that it is a file, and names one
    api.map_function(workflow.id or 0, len, [within, [1]], name="m")
    api.create_user_data(UserDataModel(workflow_id=workflow.id or 0, name="big", data={"u": "u" * 3_000_000}))
    kept = [path for path in files(workflow, "values") if path != orphan]
    assert len(kept) == 3
    age(workflow)
    young = orphan.with_name("ab" * 19 + "ff")
    young.write_bytes(b"y")
    assert api.clean_workflow(workflow.id or 0).values == 1
    assert files(workflow, "values") == sorted([*kept, young])
    assert api.clean_workflow(workflow.id or 0, untouched=-60.0).values == 1
    assert files(workflow, "values") == kept


def test_files_stay_while_a_worker_runs(api: Api, workflow: WorkflowModel, orphan: Path) -> None:
    """It may be about to name one; that is said."""
    api.map_function(workflow.id or 0, len, ["a"], name="m")
    api.run(workflow.id or 0, num_cpus=1, idle_timeout=30.0)
    until(lambda: bool(api.status(workflow.id or 0).workers))
    cleaned = api.clean_workflow(workflow.id or 0)
    assert cleaned.values == 0
    assert cleaned.notes == ["1 worker(s) run: large values and logs are left alone"]
    assert orphan.exists()


def test_a_value_stored_again_is_young(api: Api, workflow: WorkflowModel) -> None:
    """What is about to be named by a new row is not taken for an orphan."""
    spill = Spill(Path(workflow.files) / "values")
    encode("w" * 3_000_000, spill=spill)
    age(workflow)
    assert api.clean_workflow(workflow.id or 0, dry_run=True).values == 1
    encode("w" * 3_000_000, spill=spill)
    assert api.clean_workflow(workflow.id or 0).values == 0


def test_what_there_is_not(api: Api, workflow: WorkflowModel) -> None:
    """No such workflow; and one in which nothing is."""
    with pytest.raises(NotFound):
        api.clean_workflow(99)
    assert api.clean_workflow(workflow.id or 0).sentence.startswith("0 old attempt(s), 0 orphaned")
