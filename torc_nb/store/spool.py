"""What a worker ends while the database is away: kept in a file, and written to the database by whoever comes next.

A worker appends to a file of its own in the workflow's folder, a line for each end of an attempt, with a checksum: a
line that a crash has torn is noticed and passed over. Whoever takes a dead worker's file in renames it first, so that a
worker which lives after all sees that the file is not its own any more, and writes to another what it had just added.
Then the ends are written to the database and the file is removed, in this order: two who come at once both write
them, which is the same as once.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torc_nb import private
from torc_nb.models import Completion
from torc_nb.store import machine

#: What the lines mean; a file of another version is left for a torc_nb that knows it.
VERSION = 1

#: What share of a worker's time counts as all of it.
NEARLY = 0.9

_SUFFIX, _TAKEN = ".spool", ".taken"
#: How much is read at a time, in bytes; more where one line is longer.
_CHUNK = 4 << 20

_DIGEST = Completion._fields.index("fingerprint")


class Place(NamedTuple):
    """How far into which of a worker's files."""

    number: int
    offset: int


class Cut(NamedTuple):
    """What the end of an allocation's walltime cut short."""

    walltime: float  # in seconds
    had: float  # how much of it the worker had for its jobs
    ran: dict[int, float]  # for each job that was running, for how long it had

    def was_full(self, job_id: int) -> bool:
        """Whether a job had nearly all the time that there was, so that as much will not be enough again."""
        return self.ran.get(job_id, 0.0) >= NEARLY * self.had


class Farewell(NamedTuple):
    """What a worker says when it leaves, or would have said."""

    message: str
    cut: Cut | None = None


class Spool:
    """One worker's file, made when it is first needed, removed when all that is in it was written to the database.

    Parameters
    ----------
    files : Path
        The workflow's folder.
    """

    def __init__(self, files: Path, worker_id: int) -> None:
        self._folder = folder(files)
        self._worker_id = worker_id
        self._number = 0
        self._path: Path | None = None
        self._descriptor = -1
        self._next = 0  # where the first line stands that is not in the database
        self._end = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in it."""
        return self._path is None

    def append(self, completions: Sequence[Completion]) -> Place:
        """Add ends of attempts; when this returns they survive a kill -9, and a crash of the machine.

        Raises
        ------
        OSError
            They could not be written; what the file holds is what it held before.
        """
        return self._append(b"".join(_line(_encoded(done)) for done in completions))

    def say_farewell(self, farewell: Farewell) -> None:
        """Add the worker's last word.

        Raises
        ------
        OSError
            It could not be written.
        """
        self._append(_line({"message": farewell.message, "cut": farewell.cut}))

    def read(self, most: int) -> tuple[list[Completion], Place]:
        """Return the first ends that wait, and up to where; :meth:`forget` that place when they are written."""
        size = _CHUNK
        while True:
            data = os.pread(self._descriptor, size, self._next)
            whole = data.rfind(b"\n") + 1
            if whole or self._next + len(data) >= self._end:
                break
            size *= 2
        found = []
        offset = self._next
        for line in data[:whole].splitlines(keepends=True)[:most]:
            offset += len(line)
            content = _content(line)
            if isinstance(content, Completion):
                found.append(content)
        return found, Place(self._number, offset)

    def forget(self, place: Place) -> None:
        """Note that all up to a place is written; where that is all there is, the file goes."""
        if self._path is None or place.number != self._number:
            return
        self._next = max(self._next, place.offset)
        if self._next >= self._end:
            self._path.unlink(missing_ok=True)
            self.close()

    def close(self) -> None:
        """Close the file; what is left in it is for others."""
        if self._path is not None:
            os.close(self._descriptor)
            self._path = None

    def _append(self, lines: bytes) -> Place:
        if self._path is None:
            self._begin()
        elif not self._is_ours():  # somebody took in what it held
            self.close()
            self._begin()
        self._write(lines)
        if not self._is_ours():  # perhaps after it was read, and before these lines were there
            self.close()
            self._begin()
            self._write(lines)
        return Place(self._number, self._end)

    def _begin(self) -> None:
        private.make_folder(self._folder)
        while self._path is None:
            self._number += 1
            path = self._folder / f"{self._worker_id}-{self._number}{_SUFFIX}"
            with contextlib.suppress(FileExistsError):  # its last words, or what waits until these are spoken
                self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
                self._path = path
        self._next = self._end = 0
        try:
            self._write(_line({"version": VERSION, "boot_id": machine.boot_id(), "pid": os.getpid()}))
            _sync(self._folder)
        except OSError:
            path.unlink(missing_ok=True)
            self.close()
            raise

    def _is_ours(self) -> bool:
        try:
            return self._path is not None and os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _write(self, lines: bytes) -> None:
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(lines)


def folder(files: Path) -> Path:
    """Where the spools of a workflow are."""
    return files / "spool"


def found(files: Path, *, trust: bool = False) -> dict[int, list[Path]]:
    """Return the files that there are, by their workers' ids; oldest first.

    Parameters
    ----------
    trust : bool, default False
        Whether what others may have written is taken in.

    Raises
    ------
    NotPrivate
        Others may write the folder: what is in it would be taken for results.
    """
    by_worker: dict[int, list[tuple[int, Path]]] = {}
    with contextlib.suppress(OSError):  # there is none, or it is not ours to see
        if not trust:
            if not private.is_ours(folder(files).stat()):
                return {}
            private.check(folder(files))
        for path in folder(files).iterdir():
            worker_id, _, number = path.name.partition(".")[0].partition("-")
            if path.suffix in (_SUFFIX, _TAKEN) and worker_id.isdigit() and number.isdigit():
                by_worker.setdefault(int(worker_id), []).append((int(number), path))
    return {worker_id: [path for _, path in sorted(paths)] for worker_id, paths in by_worker.items()}


def taken(path: Path) -> Path | None:
    """Take a file away from its worker; returns where it is now, None where others have done with it."""
    ours = path.with_suffix(_TAKEN)
    with contextlib.suppress(FileNotFoundError):
        path.rename(ours)
    return ours if ours.exists() else None


def header(path: Path) -> Mapping[str, Any] | None:
    """Return a file's ``version`` and its writer's ``boot_id`` and ``pid``; None where its writer got no further."""
    with path.open("rb") as lines:
        content = _content(lines.readline())
    return content if isinstance(content, dict) else None


def contents(path: Path) -> Iterator[Completion | Farewell]:
    """Yield what a file holds in the order in which it was written; torn and damaged lines are passed over."""
    with path.open("rb") as lines:
        for line in lines:
            content = _content(line)
            if isinstance(content, Completion):
                yield content
            elif isinstance(content, dict) and "message" in content:
                yield Farewell(content["message"], _cut(content["cut"]))


def _cut(fields: list[Any] | None) -> Cut | None:
    if fields is None:
        return None
    walltime, had, ran = fields
    return Cut(walltime, had, {int(job_id): seconds for job_id, seconds in ran.items()})


def _encoded(done: Completion) -> list[object]:
    fields: list[object] = list(done)
    fields[_DIGEST] = bytes(done.fingerprint).hex()
    return fields


def _line(content: object) -> bytes:
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _content(line: bytes) -> Completion | dict[str, Any] | None:
    """Return what a line says; None where it is not as it was written."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        return None
    content = json.loads(body)
    if isinstance(content, list):
        content[_DIGEST] = bytes.fromhex(content[_DIGEST])
        return Completion(*content)
    return dict(content)


def _sync(path: Path) -> None:
    """Make sure that the names in a folder survive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
