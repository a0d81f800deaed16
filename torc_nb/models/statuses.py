"""Job statuses: one sentence each, and the one table of legal moves."""

from __future__ import annotations

from enum import IntEnum


class JobStatus(IntEnum):
    """Where a job stands. The number is what the database keeps."""

    UNINITIALIZED = 0
    BLOCKED = 1
    READY = 2
    PENDING = 3
    RUNNING = 4
    COMPLETED = 5
    FAILED = 6
    CANCELED = 7
    TERMINATED = 8
    DISABLED = 9

    @property
    def sentence(self) -> str:
        """What the status means, in one sentence: the help text."""
        return _SENTENCES[self]

    @property
    def label(self) -> str:
        """The name as users type it: ``"completed"``."""
        return self.name.lower()

    @property
    def is_finished(self) -> bool:
        """Whether the job will not move by itself any more."""
        return self in FINISHED

    @classmethod
    def parse(cls, text: str | int | JobStatus) -> JobStatus:
        """Read a status from its name or number.

        Raises
        ------
        InvalidRequest
            No status of that name; the message lists them.
        """
        from torc_nb.errors import InvalidRequest

        try:
            return cls(text) if isinstance(text, int) else cls[text.upper()]
        except (KeyError, ValueError):
            names = ", ".join(status.label for status in cls)
            raise InvalidRequest(f"There is no job status {text!r}; the statuses are {names}.") from None


_SENTENCES = {
    JobStatus.UNINITIALIZED: "Declared, but its workflow has not been started.",
    JobStatus.BLOCKED: "Waiting for other jobs to complete.",
    JobStatus.READY: "Can run as soon as a worker has room for it.",
    JobStatus.PENDING: "Claimed by a worker, not begun yet.",
    JobStatus.RUNNING: "Running on a worker now.",
    JobStatus.COMPLETED: "Finished; its result is stored.",
    JobStatus.FAILED: "Finished with an error; its traceback is stored.",
    JobStatus.CANCELED: "Will not run: it was canceled, or a job that it needs failed.",
    JobStatus.TERMINATED: "Stopped while it ran: by a time limit, a cancel or the end of its allocation.",
    JobStatus.DISABLED: "Set aside by the user; nothing waits for it.",
}

CLAIMED = frozenset({JobStatus.PENDING, JobStatus.RUNNING})
FINISHED = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.TERMINATED, JobStatus.DISABLED}
)
#: Those of jobs that went wrong themselves.
FAILURES = (JobStatus.FAILED, JobStatus.TERMINATED)
UNSUCCESSFUL = frozenset({JobStatus.FAILED, JobStatus.CANCELED, JobStatus.TERMINATED})

#: From each status, where a job may go. Every write in the store is one of these moves.
MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.UNINITIALIZED: frozenset({JobStatus.BLOCKED, JobStatus.READY, JobStatus.CANCELED, JobStatus.DISABLED}),
    JobStatus.BLOCKED: frozenset({JobStatus.READY, JobStatus.CANCELED, JobStatus.DISABLED}),
    # A late result of a worker that was given up may complete a job that waits again.
    JobStatus.READY: frozenset(
        {JobStatus.PENDING, JobStatus.BLOCKED, JobStatus.COMPLETED, JobStatus.CANCELED, JobStatus.DISABLED}
    ),
    # What collects a map's results is blocked again when the map grows.
    JobStatus.PENDING: frozenset(
        {
            JobStatus.RUNNING,
            JobStatus.READY,
            JobStatus.BLOCKED,
            JobStatus.COMPLETED,
            JobStatus.FAILED,
            JobStatus.TERMINATED,
            JobStatus.CANCELED,
        }
    ),
    JobStatus.RUNNING: frozenset(
        {
            JobStatus.READY,
            JobStatus.BLOCKED,
            JobStatus.COMPLETED,
            JobStatus.FAILED,
            JobStatus.TERMINATED,
            JobStatus.CANCELED,
        }
    ),
    JobStatus.COMPLETED: frozenset({JobStatus.READY, JobStatus.BLOCKED, JobStatus.DISABLED}),
    JobStatus.FAILED: frozenset({JobStatus.READY, JobStatus.BLOCKED, JobStatus.DISABLED}),
    JobStatus.CANCELED: frozenset({JobStatus.READY, JobStatus.BLOCKED, JobStatus.DISABLED}),
    JobStatus.TERMINATED: frozenset({JobStatus.READY, JobStatus.BLOCKED, JobStatus.DISABLED}),
    JobStatus.DISABLED: frozenset({JobStatus.READY, JobStatus.BLOCKED}),
}
