"""The Slurm job that keeps a private server, where a site ends long processes on its login nodes.

One job is wanted at a time: the folder names it, and one that finds another named ends at once. At half of its walltime
a job submits its successor, which takes the server over when it begins, however long it waits in the queue.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torc_nb import private, slurm
from torc_nb.errors import DatabaseError, DatabaseUnavailable, SlurmUnavailable
from torc_nb.server_db.lease import lock
from torc_nb.server_db.settings import Settings
from torc_nb.store import address

NAME = "torc-db"
#: What a job is given where nothing else was asked: a server of PostgreSQL's with little to hold.
SIZE = {"cpus-per-task": "2", "mem": "4G"}

_SUBMITTING = "slurm-job.lock"
_SUBMIT_SECONDS = 150.0
#: How long a job that begins waits to find itself named: sbatch may still be telling who submitted it.
_NAMED_SECONDS = 20.0
#: How long Slurm may take to end a job, in seconds: it asks first, and waits.
_END_SECONDS = 120.0


def own_id() -> str:
    """Return the id of the Slurm job that this process runs in; empty where it is none."""
    return os.environ.get("SLURM_JOB_ID", "")


def submit(folder: Path, log: Path, *, anew: bool = False) -> str:
    """Have a job that will keep the server, besides this one; returns its id.

    Parameters
    ----------
    anew : bool
        Whether one that was submitted before will not do, as it would run otherwise.

    Raises
    ------
    LaunchError
        Slurm refuses, or does not answer.
    """
    with _alone(folder):
        wanted = named(folder)
        if wanted and wanted != own_id() and not has_ended(wanted):
            if not anew:
                return wanted
            _take_back(wanted)
        log.touch(mode=0o600)
        command = [sys.executable, "-P", "-m", "torc_nb.server_db", "keep", str(folder)]
        options = {"job-name": NAME, "ntasks": "1", **SIZE, **Settings.read(folder).sbatch}
        said = slurm.submit(
            [
                "--parsable", "--requeue", f"--output={log}", "--open-mode=append", "--chdir=/",
                *(f"--{name}={value}" for name, value in options.items()), f"--wrap=exec {shlex.join(command)}",
            ],
            slurm.inherited_environment(os.environ),
        )  # fmt: skip
        submitted = said.strip().partition(";")[0]
        private.write_text(folder / f"{address.JOB}.new", submitted)
        (folder / f"{address.JOB}.new").replace(folder / address.JOB)
        return submitted


def named(folder: Path) -> str:
    """Return the id of the job that is wanted; empty where none is."""
    try:
        return (folder / address.JOB).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def is_wanted(folder: Path) -> bool:
    """Whether this very job is the one that is to keep the server."""
    deadline = time.monotonic() + _NAMED_SECONDS
    while named(folder) != own_id():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def withdraw(folder: Path) -> None:
    """Want no job any more: one that waits is taken from the queue; one that runs is to be told otherwise."""
    with _alone(folder):
        if wanted := named(folder):
            (folder / address.JOB).unlink()
            _take_back(wanted)


def _take_back(job: str) -> None:
    found = standing(job)
    if found is not None and found.is_waiting:
        slurm.cancel([job])


def standing(job: str) -> slurm.QueuedJob | None:
    """Return what Slurm says of a job; None where it has forgotten it, as it ended long ago.

    Raises
    ------
    SlurmUnavailable
        Slurm does not answer.
    """
    found = slurm.queue([job])
    return found[0] if found else None


def awaited_job(folder: Path) -> slurm.QueuedJob | None:
    """Return the job that keeps a server, or will: it waits in the queue, or runs."""
    wanted = named(folder)
    try:
        found = standing(wanted) if wanted else None
    except SlurmUnavailable:
        return None
    return None if found is None or found.has_ended else found


def has_ended(job: str) -> bool:
    """Whether Slurm says that nothing of a job runs, or will run.

    Raises
    ------
    SlurmUnavailable
        Slurm does not answer.
    """
    found = standing(job)
    return found is None or found.has_ended


def end(job: str) -> None:
    """Have Slurm end a job; returns when it says that it has.

    Raises
    ------
    DatabaseUnavailable
        It does not.
    """
    try:
        slurm.cancel([job])
        deadline = time.monotonic() + _END_SECONDS
        while not has_ended(job):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Slurm has not ended job {job} within {_END_SECONDS:.0f} s; `squeue -j {job}` says more."
                )
            time.sleep(1.0)
    except SlurmUnavailable as error:
        raise DatabaseUnavailable(
            f"Slurm job {job}, which keeps the database server, does nothing any more. {error}"
        ) from error


def half_time() -> float | None:
    """Return when half of this job's walltime is over, in seconds since the epoch; None where it has no limit."""
    mine = standing(own_id())
    if mine is None or mine.start_time is None or mine.time_limit is None:
        return None
    return mine.start_time + mine.time_limit / 2


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    held = lock(folder, _SUBMIT_SECONDS, _SUBMITTING)
    if held is None:
        raise DatabaseError(f"Another process has been submitting the job of {folder} for {_SUBMIT_SECONDS:.0f} s.")
    try:
        yield
    finally:
        os.close(held)
