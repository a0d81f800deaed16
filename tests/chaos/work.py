"""What the jobs do; a module of its own, since workers import the whole module of a function."""

from __future__ import annotations

import os
import time
from pathlib import Path

#: Where executions are counted, in the folder that the jobs run in: outside the database.
LOG = "executions"

#: From a child up to its worker: the nursery that bore it, and the root nursery.
_GENERATIONS = 3


def run(row: int, seconds: float, shift: int) -> int:
    """Take a while; write down that it began, and that it ended."""
    worker = _worker()
    _note("begin", row, shift, worker)
    time.sleep(seconds)
    _note("end", row, shift, worker)
    return expected(row, shift)


def expected(row: int, shift: int) -> int:
    """What a row's result has to be."""
    return row * row + 7 + shift


def _note(what: str, row: int, shift: int, worker: int) -> None:
    """Append one line in one write: lines of many processes do not mix."""
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, f"{what} {row} {shift} {os.getpid()} {worker} {time.time():.3f}\n".encode())
    os.close(log)


def _worker() -> int:
    """The process id of the worker that this process belongs to."""
    pid = os.getpid()
    for _ in range(_GENERATIONS):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid <= 1:
            break
    return pid
