"""What Slurm knows of jobs and partitions."""

from __future__ import annotations

from dataclasses import dataclass

WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as squeue shows it; ended ones too, for as long as the controller remembers them (5 minutes by default).

    Times are seconds since the epoch, None where Slurm does not know; for a job that waits they are its estimate.
    """

    id: str  # "12", or "12_3" for a task of an array
    number: int  # what SLURM_JOB_ID is within the job; an array's tasks share it until they start
    array_id: int | None
    task: int | None
    name: str
    user: str
    partition: str
    state: str  # in Slurm's words: PENDING, RUNNING, COMPLETING, TIMEOUT, ...
    reason: str  # in Slurm's words: Priority, Resources, NonZeroExitCode, ...; "" where there is none
    node_list: str  # "n[1-3]"; "" for a job that waits
    nodes: int
    submit_time: float | None
    start_time: float | None
    end_time: float | None
    time_limit: float | None  # seconds; None: without limit

    @property
    def is_waiting(self) -> bool:
        """Whether it has not started."""
        return self.state in WAITING

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs or will run."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Partition:
    """The nodes of one shape in a partition; a partition of mixed nodes has several."""

    name: str
    is_default: bool
    is_up: bool
    nodes: int
    idle: int
    cpus: int  # of each node
    memory: int  # of each node, bytes
    time_limit: float | None  # seconds; None: without limit
    gres: str  # "gpu:a100:4"; "" where there is none
