"""What a job can ask of itself while it runs: ``torc_nb.current_job()``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torc_nb.errors import NotInJob
from torc_nb.worker.folders import Folders


@dataclass(frozen=True)
class Terms:
    """What a child's jobs are given besides their parameters. Memory in bytes, times in seconds."""

    workflow_id: int
    num_cpus: int
    memory: int
    timeout: float | None
    ends: float | None  # of the allocation, since the epoch
    node: str  # the worker's folder on this node
    files: str  # the workflow's folder

    def folders(self, job_id: int, attempt: int) -> Folders:
        """Return the folders of an attempt."""
        return Folders(self.node, self.files, job_id, attempt)


class Presence:
    """Which job runs in this process. Said at every job, however short: only what is asked for costs anything."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.job: tuple[int, int, str] | None = None  # id, attempt, name
        self.began = 0.0
        self.folders: Folders | None = None  # where the job has asked for one
        self._pid = os.getpid()

    def succeed(self) -> None:
        """Keep what the job wrote to its folder."""
        if self.folders is not None and os.getpid() == self._pid:
            self.folders.publish()

    def fail(self) -> None:
        """Set aside what the job wrote to its folder."""
        if self.folders is not None and os.getpid() == self._pid:
            self.folders.give_up()

    def leave(self) -> None:
        """Leave nothing for the next job to find."""
        if self.folders is not None:
            self.folders.clear()
            self.folders = None


_presence: Presence | None = None


def enter(terms: Terms) -> Presence:
    """Be a process in which jobs run, one after the other."""
    global _presence
    _presence = Presence(terms)
    return _presence


@contextmanager
def standing_in(terms: Terms, job: tuple[int, int, str]) -> Iterator[None]:
    """Be a process in which a job runs for a while, though no worker's; what it writes to its folders is not kept."""
    global _presence
    before, presence = _presence, enter(terms)
    presence.job, presence.began = job, time.time()
    try:
        yield
    finally:
        presence.leave()
        _presence = before


def current_job() -> CurrentJob:
    """Return the job that runs in this process.

    Raises
    ------
    NotInJob
        None does.
    """
    if _presence is None or _presence.job is None:
        raise NotInJob(
            "No job runs in this process: current_job() is for the functions that a worker calls. To try one out here, "
            "pass what it needs of the job as an argument."
        )
    return CurrentJob(_presence, *_presence.job)


class CurrentJob:
    """The job that runs in this process, as it sees itself.

    Attributes
    ----------
    id : int
        As lists show it.
    attempt : int
        Counts from 1.
    name : str
        Its own, or its row's number.
    workflow_id : int
        Of which workflow.
    num_cpus : int
        How many CPUs it has.
    memory : int
        How much memory it is counted with, in bytes.
    """

    def __init__(self, presence: Presence, job_id: int, attempt: int, name: str) -> None:
        self.id = job_id
        self.attempt = attempt
        self.name = name
        self.workflow_id = presence.terms.workflow_id
        self.num_cpus = presence.terms.num_cpus
        self.memory = presence.terms.memory
        self._presence = presence
        self._began = presence.began

    def __repr__(self) -> str:
        return f"CurrentJob(id={self.id}, name={self.name!r}, attempt={self.attempt})"

    @property
    def remaining(self) -> float | None:
        """Seconds until its timeout or the end of the allocation, whichever comes first; None where there is neither.

        Never below 0: what is cut off is cut off a moment later.
        """
        terms = self._presence.terms
        ends = [] if terms.ends is None else [terms.ends]
        if terms.timeout is not None:
            ends.append(self._began + terms.timeout)
        return max(0.0, min(ends) - time.time()) if ends else None

    @property
    def scratch(self) -> Path:
        """A folder on this node for this attempt alone; it is made when first asked for, and removed at its end."""
        return self._folders().make_scratch()

    @property
    def outdir(self) -> Path:
        """A folder for what the job is to leave; it is made when first asked for.

        What is written there takes the place of what an earlier attempt left, all at once, when the job succeeds. What
        an attempt wrote that failed is kept beside it, as ``ID.failed``, until another one ends.
        """
        return self._folders().make_draft()

    def _folders(self) -> Folders:
        presence = self._presence
        if presence.job is None or presence.job[:2] != (self.id, self.attempt):
            raise NotInJob(f"Job {self.id} has ended, and its folders with it; ask current_job() in each job anew.")
        if presence.folders is None:
            presence.folders = presence.terms.folders(self.id, self.attempt)
        return presence.folders
