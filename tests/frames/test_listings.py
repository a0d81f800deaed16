"""Jobs, attempts, failures and records as DataFrames."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from torc_nb import frames
from torc_nb.api import MapStatus, Status
from torc_nb.models import AllocationModel, JobModel, JobStatus, UserDataModel, WorkerModel, WorkflowModel
from torc_nb.store.failures import Failure


def job(**values: Any) -> SimpleNamespace:
    """A job as the store lists it."""
    usual = {"id": 1, "row": 0, "name": None, "map_name": "run", "command": None, "status": 5, "attempt": 1}
    return SimpleNamespace(**(usual | {"priority": 0, "note": None} | values))


def test_jobs_are_listed_by_their_ids() -> None:
    """One row a job, with the name and the status that users see."""
    rows = [job(id=788309), job(id=788389, name="postprocess", map_name=None, status=1, note="job 3 failed")]
    frame = frames.jobs(rows, lambda row: row.name or str(row.row), lambda row: JobStatus(row.status))
    assert frame.index.name == "job"
    assert frame.index.tolist() == [788309, 788389]
    assert list(frame.columns) == [
        "name",
        "command",
        "status",
        "scheduling",
        "map",
        "attempt",
        "priority",
        "memory",
        "note",
    ]
    assert frame["name"].tolist() == ["0", "postprocess"]
    assert frame["status"].tolist() == ["completed", "blocked"]
    assert (frame["status"] == "failed").sum() == 0


def test_no_jobs_have_the_same_columns() -> None:
    """An empty list is an empty table in which code finds its columns."""
    empty = frames.jobs([], str, lambda row: JobStatus.READY)
    assert "status" in empty
    assert empty.index.name == "job"
    assert "traceback" in frames.failures([])
    assert "seconds" in frames.attempts([])


def test_failures_come_with_an_example() -> None:
    """The kind of failure, how many, and one of them."""
    one = Failure("a1", "ValueError", "run, line 2", 3, "n < 0", 17, "Traceback …", (17, 18), ("n < 0", "host == 'n1'"))
    frame = frames.failures([one, Failure("b2", "killed", "", 1, "", 20, None)])
    assert frame["count"].tolist() == [3, 1]
    assert frame.loc[0, "example"] == "n < 0"
    assert frame.loc[0, "job"] == 17
    assert frame.loc[0, "jobs"] == [17, 18]
    assert frame.loc[0, "shared"] == "n < 0; host == 'n1'"


def test_attempts_are_found_by_their_job() -> None:
    """Two attempts of one job stand under its id, with status, time and memory."""
    usual = {
        "job_id": 7, "run_id": 1, "return_code": 1, "late": False, "host": "n1", "worker_id": 2, "started": 1.5e9,
        "seconds": 0.5, "cpu_seconds": 0.25, "peak_memory": 4096, "stdout_bytes": 0, "stderr_bytes": 12,
    }  # fmt: skip
    rows = [
        SimpleNamespace(**usual, attempt=1, status=6, error_type="OSError", error="disk"),
        SimpleNamespace(**usual, attempt=2, status=5, error_type=None, error=None),
    ]
    frame = frames.attempts(rows)
    assert frame.loc[7, "attempt"].tolist() == [1, 2]
    assert frame["status"].tolist() == ["failed", "completed"]
    assert frame["started"].iloc[0] == pd.Timestamp("2017-07-14 02:40", tz="UTC")


def test_records_of_any_kind() -> None:
    """Fields become columns, times become UTC times, the id becomes the index."""
    workers = [WorkerModel(id=3, workflow_id=1, host="n1", pid=9, started=0.0, packages={"numpy": "2"})]
    frame = frames.records(WorkerModel, workers, drop=("packages", "boot_id"))
    assert frame.index.tolist() == [3]
    assert "packages" not in frame
    assert frame.loc[3, "started"] == pd.Timestamp(0, tz="UTC")
    assert pd.isna(frame.loc[3, "last_seen"])
    jobs = [JobModel(id=1, workflow_id=1, status=JobStatus.FAILED), JobModel(id=2, workflow_id=1)]
    assert frames.records(JobModel, jobs)["status"].tolist() == ["failed", "uninitialized"]
    allocations = [AllocationModel(id=1, workflow_id=1, submitted=1e9, ended=None)]
    assert str(frames.records(AllocationModel, allocations)["submitted"].dtype) == "datetime64[ns, UTC]"


def test_no_records_have_the_same_columns() -> None:
    """And the same dtypes of times and statuses, so that code which filters them goes on."""
    workers = frames.records(WorkerModel, [], drop=["packages"])
    full = frames.records(WorkerModel, [WorkerModel(id=1, workflow_id=1, host="n1", pid=9)], drop=["packages"])
    assert workers.empty
    assert list(workers.columns) == list(full.columns)
    assert workers.index.name == full.index.name == "id"
    assert workers["started"].dtype == full["started"].dtype
    jobs = frames.records(JobModel, [])
    assert (jobs["status"] == "failed").sum() == 0
    assert jobs["name"].dtype == frames.records(JobModel, [JobModel(id=1, workflow_id=1)])["name"].dtype


def test_data_of_any_shape_stays_what_it_is() -> None:
    """User data of different shapes are objects in one column."""
    data = [UserDataModel(id=i, workflow_id=1, data=one) for i, one in enumerate([[1, 2], [3, 4], {"a": 1}, None, 5])]
    assert frames.records(UserDataModel, data)["data"].tolist() == [[1, 2], [3, 4], {"a": 1}, None, 5]


def test_statuses_are_counted_by_map_and_in_all() -> None:
    """Every status has its column, whether or not a job stands in it."""
    numbers = {JobStatus.COMPLETED: 3, JobStatus.FAILED: 1}
    both = {JobStatus.COMPLETED: 3, JobStatus.FAILED: 1, JobStatus.BLOCKED: 1}
    maps = [MapStatus(0, "", {JobStatus.BLOCKED: 1}), MapStatus(1, "run", numbers)]
    status = Status(WorkflowModel(id=1, name="w"), both, maps, [], [], [])
    frame = frames.statuses(status)
    assert frame.index.tolist() == ["", "run", "all"]
    assert frame.loc["run", "failed"] == 1
    assert frame.loc["all"].to_dict() == {one.label: both.get(one, 0) for one in JobStatus} | {"jobs": 5}
