"""Looking at a workflow: how it stands, what failed and why, what jobs printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torc_nb.api.seldom import Seldom
from torc_nb.errors import NotFound
from torc_nb.models import CLAIMED, FAILURES, AllocationModel, CampaignModel, JobStatus, WorkerModel, WorkflowModel
from torc_nb.models.quantities import format_memory
from torc_nb.store import (
    Database,
    allocations,
    campaigns,
    failures,
    jobs,
    leases,
    limits,
    loads,
    maps,
    results,
    spans,
    versions,
    workflows,
)
from torc_nb.store.failures import Cause
from torc_nb.store.limits import Stop
from torc_nb.store.loads import Load
from torc_nb.worker import log

#: How many causes of failures a view shows.
MOST_CAUSES = 5


@dataclass(frozen=True)
class MapStatus:
    """How one map stands: its id, its name, and how many of its jobs have which status."""

    map_id: int
    name: str
    statuses: dict[JobStatus, int]


@dataclass(frozen=True)
class Status:
    """How a workflow stands: what a view shows.

    Attributes
    ----------
    workflow : WorkflowModel
        Which one, and its state.
    statuses : dict
        How many jobs have which status.
    maps : list of MapStatus
        The same for each map; name ``""`` for the jobs of none.
    workers : list of WorkerModel
        Those that are there.
    waiting : list of AllocationModel
        Allocations that have not begun; ``message`` says why.
    allocated : list of AllocationModel
        Those of Slurm that run; their workers are among ``workers``.
    failed : list of AllocationModel
        Those that never came to life.
    versions : mapping
        Of maps whose results were made by several versions of the code, how many by which.
    causes : list of Cause
        What went wrong in the failed jobs, the most frequent first; empty where nobody asked for it.
    loads : mapping
        What each worker runs now, by its id; empty where nobody asked for it.
    campaign : CampaignModel or None
        How many allocations it is to have until all is done, where that was asked for and is not over for good.
    stops : list of Stop
        The maps of which no further job begins, since too many have failed.
    now : float
        The time by the database's clock, in seconds since the epoch; 0 where nobody asked for it.
    """

    workflow: WorkflowModel
    statuses: dict[JobStatus, int]
    maps: list[MapStatus]
    workers: list[WorkerModel]
    waiting: list[AllocationModel]
    failed: list[AllocationModel]
    versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    allocated: Sequence[AllocationModel] = ()
    causes: Sequence[Cause] = ()
    loads: Mapping[int, Load] = field(default_factory=dict)
    campaign: CampaignModel | None = None
    stops: Sequence[Stop] = ()
    now: float = field(default=0.0, compare=False)

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

    @property
    def is_settling(self) -> bool:
        """Whether a worker is about to leave, and may have others try what failed on its node."""
        return any(worker.state == "leaving" for worker in self.workers)

    @property
    def is_stopped(self) -> bool:
        """Whether nothing will move by itself, since all that could is of maps in which too many jobs have failed."""
        is_at_work = any(self.statuses.get(one) for one in CLAIMED)
        left = sum(stop.left for stop in self.stops)
        return bool(left) and left == self.statuses.get(JobStatus.READY) and not is_at_work and not self.is_settling


@dataclass(frozen=True)
class Output:
    """What one attempt of a job printed, and its traceback where it failed; as text, one after the other.

    Attributes
    ----------
    job_id : int
        Of which job.
    attempt : int
        Of which of its attempts.
    stdout : str
        What it printed; of much, the head and the tail.
    stderr : str
        The same of its standard error.
    traceback : str or None
        None where it raised nothing.
    """

    job_id: int
    attempt: int
    stdout: str
    stderr: str
    traceback: str | None

    def __str__(self) -> str:
        parts = [self.stdout, self.stderr, self.traceback or ""]
        return "\n".join(part.rstrip("\n") for part in parts if part) or "(it printed nothing)"


_versions = Seldom(versions.counted)
_causes = Seldom(lambda database, workflow_id: failures.causes(database, workflow_id, MOST_CAUSES))
_loads = Seldom(loads.by_worker)


def status(database: Database, workflow_id: int) -> Status:
    """Return how a workflow stands."""
    workflow = workflows.get(database, workflow_id)
    by_map = workflows.by_map(database, workflow_id)
    listed = maps.listed(database, workflow_id)
    alive = allocations.listed(database, workflow_id)
    sums = workflows.total(by_map)
    return Status(
        workflow=workflow,
        statuses=sums,
        maps=_named(_with_single_jobs(by_map, listed), listed),
        workers=[worker for worker in leases.listed(database, workflow_id) if worker.state in leases.PRESENT],
        waiting=[one for one in alive if one.state == "submitted"],
        failed=[one for one in alive if one.state == "failed"],
        campaign=campaigns.get(database, workflow_id),
        stops=limits.of(listed, by_map),
        allocated=[one for one in alive if one.state == "running" and one.kind == "slurm"],
        versions=_versions(
            database,
            workflow_id,
            stands=(workflow.run_id, sums.get(JobStatus.COMPLETED, 0)),
            is_over=all(one.is_finished for one in sums),
        ),
    )


def details(database: Database, status: Status) -> Status:
    """Add what a view shows besides: what went wrong, and what each worker does."""
    workflow_id = status.workflow.id or 0
    failed = [status.statuses.get(one, 0) for one in FAILURES]
    stands = (status.workflow.run_id, *failed)
    return replace(
        status,
        causes=_causes(database, workflow_id, stands=stands, is_over=status.is_done) if any(failed) else (),
        # What runs changes without a number that moves.
        loads=_loads(database, workflow_id, stands=object(), is_over=False) if status.workers else {},
        now=spans.now(database),
    )


def status_of_maps(database: Database, workflow_id: int) -> list[MapStatus]:
    """Return how each map stands, those too that stand for a single job; those of no map (0) first."""
    return _named(workflows.by_map(database, workflow_id), maps.listed(database, workflow_id))


def _named(by_map: dict[int, dict[JobStatus, int]], listed: list[Any]) -> list[MapStatus]:
    names = {map_.id: map_.name for map_ in listed} | {0: ""}
    return [MapStatus(id_, names[id_], numbers) for id_, numbers in sorted(by_map.items()) if id_ in names]


def _with_single_jobs(by_map: dict[int, dict[JobStatus, int]], listed: list[Any]) -> dict[int, dict[JobStatus, int]]:
    """Count the maps that stand for a single job among the jobs of no map."""
    single = {map_.id for map_ in listed if map_.shape.get("of_job")} & set(by_map)
    if not single:
        return by_map
    others = {id_: numbers for id_, numbers in by_map.items() if id_ and id_ not in single}
    return others | {0: workflows.total({id_: by_map[id_] for id_ in {0, *single} & set(by_map)})}


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
    except PermissionError as error:
        raise NotFound(
            f"What job {job_id} printed is in a file of {workflow.user}'s, which you may not read: {error.filename}. "
            f"Its traceback, where it failed, is in {workflow.name}'s results and failures."
        ) from error
    except OSError as error:
        size = format_memory(result.stdout_bytes + result.stderr_bytes)
        raise NotFound(f"Job {job_id} printed {size}, but its log cannot be read: {error}.") from error
    return Output(job_id, result.attempt, stdout, stderr, result.traceback)
