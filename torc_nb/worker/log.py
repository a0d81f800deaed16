"""What jobs printed: one file per worker that only grows; each attempt knows its offset."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from torc_nb.worker.words import say


class Log:
    """The file of one worker."""

    def __init__(self, folder: Path, worker_id: int) -> None:
        self._path = folder / f"{worker_id}.log"
        self._descriptor: int | None = None
        self._end = 0
        self._has_complained = False

    def append(self, stdout: bytes, stderr: bytes) -> int | None:
        """Append what an attempt printed and return its offset; the file is made when the first one prints.

        None where the disk does not take it: what a job printed is not worth the job, nor the worker.
        """
        if not stdout and not stderr:
            return 0
        try:
            return self._append(stdout, stderr)
        except OSError as error:
            self._forget_half(error)
            return None

    def _append(self, stdout: bytes, stderr: bytes) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._end = os.fstat(self._descriptor).st_size
        offset = self._end
        for data in (stdout, stderr):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        self._end += len(stdout) + len(stderr)
        return offset

    def _forget_half(self, error: OSError) -> None:
        """Take out what went in, so that what follows stands where it is said to."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
        if not self._has_complained:
            self._has_complained = True
            say(f"what jobs print cannot be kept in {self._path}: {error.strerror}; it is lost, their results are not")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)


def read(folder: Path, worker_id: int, offset: int, stdout_bytes: int, stderr_bytes: int) -> tuple[str, str]:
    """Return what an attempt printed to its standard output and error."""
    stdout, stderr = read_bytes(folder, worker_id, offset, stdout_bytes, stderr_bytes)
    return stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")


def read_bytes(folder: Path, worker_id: int, offset: int, stdout_bytes: int, stderr_bytes: int) -> tuple[bytes, bytes]:
    """Return what an attempt printed, as it came."""
    if not stdout_bytes and not stderr_bytes:
        return b"", b""
    with (folder / f"{worker_id}.log").open("rb") as log:
        log.seek(offset)
        return log.read(stdout_bytes), log.read(stderr_bytes)
