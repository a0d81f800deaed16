"""submitit, as torc_nb uses it: what both of its executors, on Slurm and on this machine, do in the same way.

submitit names a job's files by the job's id, so it writes them after the job was submitted, and the job waits for
them; an id that comes again (process ids do) can find a file of long ago. Here each launch has a folder of its own,
in which everything has its place before anything starts: errands 0.json, 1.json, ..., and their logs 0.log, 1.log, ...
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torc_nb import private


@contextmanager
def _logging_left_alone() -> Iterator[None]:
    """Import submitit, but do not let it configure logging, which would close the log files that the user has open."""
    switch = "SUBMITIT_LOG_LEVEL"
    if switch in os.environ:
        yield
        return
    os.environ[switch] = "NOCONFIG"
    try:
        yield
    finally:
        del os.environ[switch]


with _logging_left_alone():
    from submitit.core.core import Job
    from submitit.core.utils import DelayedSubmission
    from submitit.local.local import LocalExecutor, LocalJob
    from submitit.slurm.slurm import SlurmExecutor, SlurmJob

__all__ = [
    "AnyJob",
    "DelayedSubmission",
    "LocalExecutor",
    "LocalJob",
    "SlurmExecutor",
    "SlurmJob",
    "begin_command",
    "log_path",
    "new_folder",
    "write_errands",
]

AnyJob = Job[Any]


def new_folder(parent: Path, kind: str) -> Path:
    """A fresh folder that only the user can enter: the errands name the database."""
    private.make_folder(parent)
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=parent.absolute()))


def write_errands(folder: Path, submissions: Sequence[DelayedSubmission]) -> None:
    """Put down what each of the processes to come shall do.

    Not as submitit's pickles, which a process could only read by importing submitit.
    """
    for index, submission in enumerate(submissions):
        errand: Any = submission.function
        errand.write(folder / f"{index}.json")


def log_path(folder: Path, number: int | str) -> Path:
    """Where the process of that errand prints."""
    return folder / f"{number}.log"


def begin_command(folder: Path) -> list[str]:
    """The command line, but for the errand's number, of a process that does an errand.

    One start of Python, whereas submitit's own has two on this machine, imports numpy, looks through all
    installed packages for plugins, and takes SIGTERM and USR2 away from the worker. With ``-P`` a file of the
    user's that is called like a module of Python's does no harm.
    """
    return [sys.executable, "-u", "-P", "-m", "torc_nb.worker", str(folder)]
