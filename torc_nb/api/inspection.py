"""Looking at a workflow: how it stands, what failed and why, what jobs printed, what went in and came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb.errors import NotFound
from torc_nb.models import AllocationModel, JobStatus, UserDataModel, WorkerModel, WorkflowModel
from torc_nb.models.quantities import format_memory
from torc_nb.store import Database, allocations, functions, jobs, leases, maps, results, workflows
from torc_nb.values import decode
from torc_nb.worker import log


@dataclass(frozen=True)
class MapStatus:
    """How one map stands."""

    map_id: int
    name: str
    statuses: dict[JobStatus, int]


@dataclass(frozen=True)
class Status:
    """How a workflow stands: what a view shows."""

    workflow: WorkflowModel
    statuses: dict[JobStatus, int]
    maps: list[MapStatus]
    workers: list[WorkerModel]
    waiting: list[AllocationModel]
    failed: list[AllocationModel]

    @property
    def total(self) -> int:
        """The number of jobs."""
        return sum(self.statuses.values())

    @property
    def finished(self) -> int:
        """The number of jobs that will not move by themselves any more."""
        return sum(n for status, n in self.statuses.items() if status.is_finished)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.finished == self.total


@dataclass(frozen=True)
class Output:
    """What one attempt of a job printed, and its traceback where it failed."""

    job_id: int
    attempt: int
    stdout: str
    stderr: str
    traceback: str | None

    def __str__(self) -> str:
        parts = [self.stdout, self.stderr, self.traceback or ""]
        return "\n".join(part.rstrip("\n") for part in parts if part) or "(it printed nothing)"


def status(database: Database, workflow_id: int) -> Status:
    """Return how a workflow stands."""
    workflow = workflows.get(database, workflow_id)
    by_map = workflows.by_map(database, workflow_id)
    names = {map_.id: map_.name for map_ in maps.listed(database, workflow_id)} | {0: ""}
    alive = allocations.listed(database, workflow_id)
    sums: dict[JobStatus, int] = {}
    for numbers in by_map.values():
        for one, n in numbers.items():
            sums[one] = sums.get(one, 0) + n
    return Status(
        workflow=workflow,
        statuses=dict(sorted(sums.items())),
        maps=[MapStatus(id_, names[id_], numbers) for id_, numbers in sorted(by_map.items()) if id_ in names],
        workers=[worker for worker in leases.listed(database, workflow_id) if worker.state in leases.PRESENT],
        waiting=[one for one in alive if one.state == "submitted"],
        failed=[one for one in alive if one.state == "failed"],
    )


def job_of(database: Database, workflow: WorkflowModel, job_id: int) -> Any:
    """Return a job of a workflow.

    Raises
    ------
    NotFound
        There is none of that id, or it is another workflow's.
    """
    job = jobs.get(database, job_id)
    if job.workflow_id != workflow.id:
        raise NotFound(
            f"There is no job {job_id} in workflow {workflow.name} ({workflow.id}): "
            f"it is one of workflow {job.workflow_id}'s."
        )
    return job


def job_name(job: Any) -> str:
    """Return a job's name: its own, else its row's number."""
    return job.name if job.name is not None else str(job.row)


def shown_status(job: Any) -> JobStatus:
    """Return the status that users see of a listed job."""
    return workflows.shown_status(job.status, started=job.workflow_state != "created", blocked=bool(job.map_blocked))


def output(database: Database, workflow: WorkflowModel, job_id: int) -> Output:
    """Return what the newest attempt of a job printed.

    Raises
    ------
    NotFound
        No such job, or it has not run; or its log is gone.
    """
    job = job_of(database, workflow, job_id)
    if job.result_attempt is None:
        raise NotFound(f"Job {job_id} has not run yet: it is {shown_status(job).label}.")
    result = results.effective(database, job_id)
    try:
        stdout, stderr = log.read(
            Path(workflow.files) / "logs",
            result.worker_id,
            result.log_offset,
            result.stdout_bytes,
            result.stderr_bytes,
        )
    except OSError as error:
        size = format_memory(result.stdout_bytes + result.stderr_bytes)
        raise NotFound(f"Job {job_id} printed {size}, but its log cannot be read: {error}.") from error
    return Output(job_id, result.attempt, stdout, stderr, result.traceback)


def input_key(job_id: int) -> int:
    """Return the key under which a job's parameters are shown as user data."""
    return 2 * job_id


def output_key(job_id: int) -> int:
    """Return the key under which a job's result is shown as user data."""
    return 2 * job_id + 1


def user_data(
    database: Database,
    workflow: WorkflowModel,
    *,
    job_id: int | None = None,
    relation: str | None = None,
    limit: int | None = None,
) -> Iterator[UserDataModel]:
    """Give inputs and outputs of maps' jobs as user data, in the order of their keys; nothing is unpickled.

    Parameters
    ----------
    job_id : int, optional
        Of one job only.
    relation : {"consumes", "stores"}, optional
        Its inputs or its outputs only.

    Raises
    ------
    NotFound
        No such job in this workflow.
    """
    assert workflow.id is not None
    if job_id is not None:
        return _user_data_of(database, workflow.id, [job_of(database, workflow, job_id)], relation)
    return _user_data_of(database, workflow.id, jobs.listed(database, workflow.id, limit=limit), relation)


def _user_data_of(
    database: Database, workflow_id: int, chosen: Sequence[Any], relation: str | None
) -> Iterator[UserDataModel]:
    function_names = functions.names(database, workflow_id)
    map_functions = {map_.id: map_.function_id for map_ in maps.listed(database, workflow_id)}
    values = _values(database, [job.id for job in chosen])
    for job in chosen:
        name = job_name(job)
        if relation in (None, "consumes") and job.map_id:
            function = function_names.get(map_functions.get(job.map_id, 0), "")
            data = {"func": function, "params": readable(job.params)}
            yield _record(workflow_id, input_key(job.id), f"input_{name}", data, job.rev)
        if relation in (None, "stores"):
            data_ = None if values.get(job.id) is None else readable(values[job.id])
            yield _record(workflow_id, output_key(job.id), f"output_{name}", data_, job.result_attempt or 0)


def readable(text: str | None) -> Any:
    """Decode a stored value for a view: pickled parts are shown by their type, large ones by their size."""
    return None if text is None else decode(text, unpickle=False) if '"$torc":"file"' not in text else "(in a file)"


def _record(workflow_id: int, key: int, name: str, data: Any, rev: int) -> UserDataModel:
    return UserDataModel.model_construct(
        id=key, workflow_id=workflow_id, name=name, data=data, rev=rev, is_ephemeral=False
    )


def _values(database: Database, job_ids: Sequence[int]) -> dict[int, str | None]:
    return results.values_of_jobs(database, job_ids)
