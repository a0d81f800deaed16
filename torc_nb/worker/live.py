"""What running jobs print, for whoever follows them: shown in files of the workflow's folder while they run.

A child prints into files that have no name. Those of attempts that somebody follows are copied, as they grow, into
files that every machine sees, until the attempt ends or whoever follows it removes them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from torc_nb import private
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.words import say

#: At most so much of a stream is copied at a time, in bytes.
PIECE = 1 << 20

Attempt = tuple[int, int]


def places(files: Path, job_id: int, attempt: int) -> tuple[Path, Path]:
    """Return where an attempt's output and its errors are shown, given the workflow's folder."""
    folder = files / "logs" / "live"
    return folder / f"{job_id}-{attempt}.out", folder / f"{job_id}-{attempt}.err"


class Copy:
    """A stream of an attempt, shown in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._copied = 0

    @property
    def is_wanted(self) -> bool:
        """Whether it was not removed."""
        return os.fstat(self._descriptor).st_nlink > 0

    def add(self, data: bytes) -> None:
        """Show more."""
        os.write(self._descriptor, data)
        self._copied += len(data)

    @property
    def copied(self) -> int:
        """How many bytes are shown."""
        return self._copied

    def close(self) -> None:
        """End it; what is shown goes with its name."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Live:
    """The attempts of one worker that are followed."""

    def __init__(self, files: Path) -> None:
        self._files = files
        self._asked: set[Attempt] = set()
        self._shown: dict[Attempt, list[Copy]] = {}

    def show(self, attempts: Iterable[Attempt]) -> None:
        """Begin to show these; none is shown before it runs."""
        self._asked.update(attempts)

    def make_a_round(self, children: Iterable[ChildProcess]) -> None:
        """Show what was printed since the last round, and end what has ended."""
        if not self._asked and not self._shown:
            return
        try:
            running = {(child.current.job_id, child.current.attempt): child for child in children if child.current}
            for attempt in self._asked & running.keys():
                self._begin(attempt)
            self._asked -= self._shown.keys()
            for attempt in list(self._shown):
                if attempt not in running or not self._copy(running[attempt], self._shown[attempt]):
                    self._end(attempt)
        except OSError as error:  # a full disk keeps nobody from running jobs
            say(f"what running jobs print cannot be shown: {error.strerror}")
            self.close()

    def _begin(self, attempt: Attempt) -> None:
        if attempt in self._shown:
            self._end(attempt)
        out, err = places(self._files, *attempt)
        private.make_folder(out.parent)
        self._shown[attempt] = [Copy(out), Copy(err)]

    def _copy(self, child: ChildProcess, copies: Sequence[Copy]) -> bool:
        """Copy what is new; says whether anybody wants more."""
        for number, copy in enumerate(copies):
            if data := child.prints(number, copy.copied, PIECE):
                copy.add(data)
        return all(copy.is_wanted for copy in copies)

    def _end(self, attempt: Attempt) -> None:
        for copy in self._shown.pop(attempt):
            with contextlib.suppress(OSError):
                copy.close()

    def close(self) -> None:
        """Show nothing more."""
        self._asked.clear()
        for attempt in list(self._shown):
            self._end(attempt)
