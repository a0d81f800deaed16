"""What became of a launch: where the worker can be found, and what it said last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_END_BYTES = 64 * 1024


class Launched(NamedTuple):
    """A worker that was started, or an allocation that was submitted."""

    scheduler_job: str
    """Slurm's job id, ``"12_3"`` for an array's task; on this machine the worker's process id."""
    log: str
    """Path of what Slurm, the setup lines and the worker print; it exists once there is something to read."""


class Chain(NamedTuple):
    """Allocations of which one begins when the one before it has ended: each chain has a number."""

    number: int
    behind: tuple[str, ...] = ()
    """Slurm's ids of what is to end before the first, besides what is of the chain itself."""


def last_words(log: str | Path, lines: int = 20) -> str:
    """The last lines of a worker's log; empty where it printed nothing or never started.

    Parameters
    ----------
    log : str or Path
        ``Launched.log``.
    lines : int, default 20
        How many lines at most; of a huge log only the last 64 KiB are read.
    """
    try:
        with Path(log).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
