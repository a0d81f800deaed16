"""What workers take and give, thousands at a time: tuples, so that a worker starts without pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torc_nb.models.addresses import without_password

#: A file as a job left it: its absolute path, when it was last written, in seconds since the epoch, and its size in
#: bytes; None for a folder's.
FileState = tuple[str, float, int | None]


class Claim(NamedTuple):
    """A job handed to a worker; ``function_id`` 0: it runs a command."""

    job_id: int
    attempt: int
    run_id: int
    map_id: int
    row: int
    function_id: int
    requirement_id: int
    interruptions: int
    params: str
    params_digest: bytes
    environment_id: int | None = None  # of a command
    name: str | None = None  # None: its row's number


class Completion(NamedTuple):
    """The end of one attempt, as a worker reports it. Times in seconds, memory and offsets in bytes."""

    job_id: int
    attempt: int
    run_id: int
    map_id: int
    requirement_id: int
    function_id: int
    status: int
    return_code: int
    started: float
    seconds: float
    cpu_seconds: float
    peak_memory: int
    value: str | None
    fingerprint: bytes
    error_type: str | None
    error: str | None
    traceback: str | None
    log_offset: int
    stdout_bytes: int
    stderr_bytes: int
    was_running: bool
    files: Sequence[FileState] | None = None  # those that it returned the paths of, or produces
    error_place: str | None = None  # the innermost line of the user's own code
    error_classes: Sequence[str] | None = None  # of an exception: its class and those that it derives from
    outgrown: int | None = None  # the memory that it was counted with, where it failed for want of more


class WorkerSettings(NamedTuple):
    """All that a worker is told when it starts; everything else stands in the database."""

    database: str
    workflow_id: int
    allocation_id: int
    origin: str = ""  # the machine it was started from; an SQLite database serves workers there only
    idle_timeout: float = 600.0  # seconds without work after which it leaves
    linger: float = 0.0  # seconds it stays although nothing can become ready
    num_cpus: int | None = None  # None: all that it finds
    memory: int | None = None  # bytes
    trust: bool = False  # whether what other users may have written is run all the same
    only: tuple[int, ...] = ()  # the jobs that it runs before it leaves; none: whatever there is

    def __repr__(self) -> str:
        shown = self._replace(database=without_password(self.database))
        return f"WorkerSettings({', '.join(f'{name}={value!r}' for name, value in shown._asdict().items())})"


class Introduction(NamedTuple):
    """What a worker says of itself when it joins."""

    workflow_id: int
    host: str
    pid: int
    boot_id: str
    process_start: float
    allocation_id: int | None = None
    num_cpus: int = 1
    num_gpus: int = 0
    memory: int = 0  # bytes
    python: str = ""
    scheduler_job: str | None = None  # Slurm's id of the job that it runs in, 12_3 for an array's task


class Membership(NamedTuple):
    """A worker that joined."""

    id: int
    workflow_id: int
    allocation_id: int | None
