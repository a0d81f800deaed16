"""The typed records that cross every boundary."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from torc_nb.models.quantities import MIB, parse_duration, parse_memory
from torc_nb.models.resources import Request
from torc_nb.models.statuses import JobStatus


class Record(BaseModel):
    """Base of all records: unknown fields are refused by name."""

    # Built when first used: a notebook's start is waited for.
    model_config = ConfigDict(extra="forbid", validate_assignment=True, defer_build=True)


class WorkflowModel(Record):
    """A workflow: maps and jobs that belong together."""

    id: int | None = None
    name: str
    user: str = ""
    description: str = ""
    created: float | None = Field(default=None, description="seconds since the epoch")
    state: str = Field(default="created", description="created, started, paused or canceled")
    run_id: int = 1
    files: str = Field(default="", description="folder of large values, logs and spools")


class ResourceRequirementsModel(Record):
    """What a job asks of a node. Memory in bytes or ``"20g"``; runtime and timeout in seconds or ``"1h"``."""

    id: int | None = None
    workflow_id: int
    name: str = ""
    num_cpus: int = Field(default=1, ge=1)
    num_gpus: int = Field(default=0, ge=0)
    num_nodes: int = Field(default=1, ge=1)
    memory: int | None = Field(default=None, description="bytes; None: the node's share for its CPUs")
    runtime: float | None = Field(default=None, description="seconds that it is expected to take")
    timeout: float | None = Field(default=None, description="seconds after which it is stopped")

    @field_validator("memory", mode="before")
    @classmethod
    def _memory(cls, value: Any) -> Any:
        return value if value is None else parse_memory(value)

    @field_validator("runtime", "timeout", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        return value if value is None else parse_duration(value)

    @property
    def request(self) -> Request:
        """The same as the tuple that ``fits`` takes."""
        return Request(self.num_cpus, self.num_gpus, self.memory, self.runtime, self.timeout)


class SlurmSchedulerModel(Record):
    """How allocations are asked of Slurm. ``mem`` as Slurm reads it (a bare number is MiB); walltime ``"04:00:00"``."""

    id: int | None = None
    workflow_id: int = 0
    name: str = "default"
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    mem: int | None = Field(default=None, description="bytes per node")
    walltime: float | None = Field(default=None, description="seconds")
    nodes: int = Field(default=1, ge=1)
    gres: str | None = None
    cpus: int | None = Field(default=None, ge=1, description="CPUs per node; None: all of the node (--exclusive)")
    tmp: str | None = None
    setup: list[str] = Field(default_factory=list, description="shell lines run before the worker")
    charge: float | None = Field(default=None, gt=0, description="what the site charges for an hour of one node")
    extra: dict[str, Any] = Field(default_factory=dict, description="further sbatch options: {'constraint': 'ib'}")

    @field_validator("mem", mode="before")
    @classmethod
    def _mem(cls, value: Any) -> Any:
        # Records read back from the database carry bytes as int; users write text, or small ints that mean MiB.
        if value is None or (isinstance(value, int) and value >= MIB):
            return value
        return parse_memory(value, unit=MIB)

    @field_validator("walltime", mode="before")
    @classmethod
    def _walltime(cls, value: Any) -> Any:
        return value if value is None else parse_duration(value)


class JobModel(Record):
    """One job: a command, or one call of a function.

    A new one has a ``name`` and either a ``command`` or ``module`` and ``func``, which is called with ``params``;
    ``blocked_by`` are the ids of jobs it waits for, or names of jobs that are created with it.
    """

    id: int | None = None
    workflow_id: int
    map_id: int = Field(default=0, description="0: of no map")
    row: int | None = None
    name: str = ""
    status: JobStatus = JobStatus.UNINITIALIZED
    command: str | None = None
    module: str | None = None
    func: str | None = None
    module_directory: str | None = None
    params: Any = None
    blocked_by: list[int | str] = Field(default_factory=list)
    priority: int = 0
    attempt: int = 0
    run_id: int = 1
    worker_id: int | None = None
    resource_requirements_id: int | None = None
    scheduler_id: int | None = None
    note: str | None = Field(default=None, description="why it stands as it does")


class UserDataModel(Record):
    """An input or output of jobs. Lists show ``data`` as plain data; one that is read alone has the very objects."""

    id: int | None = None
    workflow_id: int
    name: str = ""
    data: Any = None
    rev: int = 0
    is_ephemeral: bool = False

    @property
    def key(self) -> int | None:
        """The same as ``id``: what lists and commands call it."""
        return self.id


class FileModel(Record):
    """A file that jobs need or produce."""

    id: int | None = None
    workflow_id: int
    name: str = ""
    path: str
    mtime: float | None = Field(default=None, description="seconds since the epoch; None: not there yet")
    size: int | None = Field(default=None, description="bytes")


class AllocationModel(Record):
    """One Slurm job of ours, or one worker process started on this machine."""

    id: int | None = None
    workflow_id: int
    scheduler_id: int | None = None
    kind: str = Field(default="local", description="local or slurm")
    scheduler_job: str | None = Field(default=None, description="Slurm's job id, 12_3 for an array's task; or the pid")
    state: str = Field(default="submitted", description="submitted, running, ended, failed or canceled")
    submitted: float | None = None
    ended: float | None = None
    log: str = Field(default="", description="path of what the scheduler and the worker printed")
    message: str = Field(default="", description="the last word on it: Slurm's reason, or why it failed")


class CampaignModel(Record):
    """So many allocations while work remains; whoever is alive submits what is missing."""

    workflow_id: int
    n: int = Field(ge=1, description="how many allocations are pending or running while work remains")
    scheduler: SlurmSchedulerModel
    idle_timeout: float = Field(default=600.0, description="seconds")
    max_node_hours: float | None = Field(default=None, gt=0, description="hours of one node, of all its allocations")
    asked: float | None = None
    user: str = Field(default="", description="who asked for it, and where: anna@login1")
    state: str = Field(default="on", description="on, done, stopped or canceled")
    message: str = Field(default="", description="the last word on it: what it waits for, or why it ended")
    nodes_refused: str | None = Field(default=None, description="why its nodes may not submit; empty: they may")


class ExcludedNodeModel(Record):
    """A node of Slurm's that a workflow's allocations leave alone."""

    workflow_id: int
    node: str = Field(description="as Slurm names it")
    reason: str = ""
    excluded: float | None = None
    worker_id: int | None = Field(default=None, description="that found it broken; None: the user excluded it")


class NotificationModel(Record):
    """A shell command that is called when something has become of a workflow."""

    id: int | None = None
    workflow_id: int
    command: str
    on: list[str] = Field(description="what it is called for: failing, done, stuck")


class WorkerModel(Record):
    """The process that runs jobs on one node."""

    id: int | None = None
    workflow_id: int
    allocation_id: int | None = None
    host: str
    pid: int
    boot_id: str = ""
    process_start: float = 0.0
    state: str = Field(default="running", description="running, left or lost")
    started: float | None = None
    last_seen: float | None = None
    lease_expires: float | None = None
    num_cpus: int = 1
    num_gpus: int = 0
    memory: int = 0
    python: str = ""
    packages: dict[str, str] = Field(default_factory=dict)


class EventModel(Record):
    """Something that happened, in the database's time."""

    id: int | None = None
    workflow_id: int
    time: float | None = None
    kind: str
    job_id: int | None = None
    worker_id: int | None = None
    data: dict[str, Any] = Field(default_factory=dict)
