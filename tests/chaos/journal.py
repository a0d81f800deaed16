"""The executions as the jobs wrote them down, outside the database; read while they happen."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Execution:
    """One run of one row; without an end it was interrupted, or goes on."""

    row: int
    shift: int  # with which parameters
    pid: int
    worker: int
    began: float
    ended: float | None = None


class Journal:
    """Follows the file to which the jobs append.

    Parameters
    ----------
    path : Path
        The file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._lock = threading.Lock()
        self._open: dict[tuple[int, int], Execution] = {}  # by process and row
        self._executions: list[Execution] = []

    def executions(self) -> list[Execution]:
        """All that began so far."""
        with self._lock:
            self._read()
            return list(self._executions)

    def running(self, worker: int) -> int:
        """How many executions of a worker go on."""
        with self._lock:
            self._read()
            return sum(one.worker == worker and Path(f"/proc/{one.pid}").exists() for one in self._open.values())

    def ended_between(self, first: float, last: float, worker: int | None = None) -> int:
        """How many executions ended in a time, of one worker only if given."""
        return sum(
            one.ended is not None and first <= one.ended <= last and worker in (None, one.worker)
            for one in self.executions()[-2000:]
        )

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._offset)
            data = log.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._note(*line.decode().split())

    def _note(self, what: str, row: str, shift: str, pid: str, worker: str, time: str) -> None:
        key = (int(pid), int(row))
        if what == "end":
            self._open.pop(key).ended = float(time)
            return
        execution = Execution(int(row), int(shift), int(pid), int(worker), float(time))
        for other in [other for other in self._open if other[0] == execution.pid]:
            del self._open[other]  # a process runs one at a time: that one was interrupted
        self._open[key] = execution
        self._executions.append(execution)
