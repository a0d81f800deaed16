"""The worker's side of one child: what it was given, what came back, how it ended."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pickle
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from torc_nb.models import Claim, JobStatus
from torc_nb.worker import frames, tree
from torc_nb.worker.assignments import Key
from torc_nb.worker.attempt import Outcome, head_and_tail
from torc_nb.worker.board import Board
from torc_nb.worker.child import Role
from torc_nb.worker.nursery import Nursery
from torc_nb.worker.packing import Seat


class Sentence(NamedTuple):
    """Why a child was killed, and which of its jobs for."""

    claim: Claim
    status: JobStatus
    reason: str


class ChildProcess:
    """A child, and the jobs that it was given and has not answered, in the order in which it runs them."""

    def __init__(self, nursery: Nursery, key: Key, role: Role, seat: Seat) -> None:
        self.nursery = nursery
        self.key = key
        self.seat = seat
        self.folders = role.terms.folders
        self._runs_commands = role.call == "command"
        self.began = time.time()  # when its current job began, as far as we know
        self.idle_since = time.monotonic()
        self.sentence: Sentence | None = None
        self._ends_by: float | None = None  # until when it may end in its own way; None: it was not asked to
        self.is_held_up = False  # by a long job: what was behind it was taken back
        self._given: deque[tuple[int, Claim]] = deque()  # with the number that the child knows the job by
        self._numbers = itertools.count(1)
        self._files = _files()  # first: where the disk is full nothing is left open
        tasks_read, tasks_write = frames.pipe()
        self.outbox = frames.Outbox(tasks_write)
        results_read, results_write = frames.pipe()
        self.inbox = frames.Inbox(results_read)
        self._board = Board(self._files[2])
        self.pid = nursery.bear(tasks_read, results_write, *self._files)
        os.close(tasks_read)
        os.close(results_write)
        self.outbox.put(frames.packed(pickle.dumps(role)))

    def __len__(self) -> int:
        """How many jobs it has not answered."""
        return len(self._given)

    @property
    def jobs(self) -> list[Claim]:
        """The jobs that it has not answered."""
        return [claim for _, claim in self._given]

    @property
    def current(self) -> Claim | None:
        """The job that it runs now, or will run first."""
        return self._given[0][1] if self._given else None

    @property
    def has_begun(self) -> bool:
        """Whether its current job has begun: a new child first loads the function."""
        return bool(self._given) and self._board.begun >= self._given[0][0]

    @property
    def victim(self) -> Claim | None:
        """The job that a dead child takes with it: the one it was killed for, that ran, or that it died loading."""
        if self.sentence is not None:
            return self.current if self.current is self.sentence.claim else None
        return self.current if self.has_begun or self._board.begun == 0 else None

    def give(self, claims: Sequence[Claim], params: Sequence[tuple[str, bool]]) -> None:
        """Hand it jobs, after those that it has."""
        if not self._given:
            self.began = time.time()
        numbered = [(next(self._numbers), claim) for claim in claims]
        self._given.extend(numbered)
        tasks = [
            (number, claim.job_id, claim.attempt, claim.row, text, collects, claim.name)
            for (number, claim), (text, collects) in zip(numbered, params, strict=True)
        ]
        self.outbox.put(frames.packed(tasks))

    def take_back(self) -> list[Claim]:
        """Take back the jobs behind the current one, those that the child will surely not begin."""
        self.is_held_up = bool(self._given)
        if len(self._given) < 2:
            return []
        current, last = self._given[0], self._given[-1]
        if not self._board.take_back(current[0], last[0] + 1):
            return []  # it went on meanwhile; what it passes over comes back through `outcomes`
        ours = [claim for _, claim in self._given][1:]
        self._given = deque([current])
        return ours

    def outcomes(self) -> Iterator[tuple[Claim, Outcome | None]]:
        """Yield what it has answered; None for a job that it passed over."""
        ended = False
        for outcome in self.inbox.messages():
            if not self._given:
                continue
            number, claim = self._given[0]
            is_passed_over = isinstance(outcome, int)
            if outcome != number if is_passed_over else outcome[:2] != (claim.job_id, claim.attempt):
                continue  # of a job that was taken back: it is another's by now
            self._given.popleft()
            self.is_held_up = False
            if is_passed_over:
                yield claim, None
                continue
            yield claim, outcome
            ended = True
        if ended:
            self.began = time.time()
        if not self._given:
            self.idle_since = time.monotonic()

    def kill(self, status: JobStatus, reason: str) -> None:
        """Stop it and what its current job started; status and reason become the job's."""
        if self.sentence is not None or self.current is None:
            return
        self.sentence = Sentence(self.current, status, reason)
        self.end()

    def warn(self, status: JobStatus, reason: str, seconds: float) -> None:
        """Ask its job to end within some seconds, before it is killed; status and reason become the job's anyhow."""
        if self.sentence is None and self.current is not None:
            self.sentence = Sentence(self.current, status, reason)
            self._ends_by = time.monotonic() + seconds
            self.ask_to_end()
        elif self._ends_by is not None and time.monotonic() > self._ends_by:
            self.end()

    def was_warned(self, claim: Claim) -> bool:
        """Whether it was asked to end because of this job."""
        return self._ends_by is not None and self.sentence is not None and self.sentence.claim is claim

    def ask_to_end(self) -> None:
        """Let its job, and what that started, end in its own way."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
        if group := self._board.group:
            tree.kill_group(group, signal.SIGTERM)

    def end(self) -> None:
        """End it at once, with all that its job started."""
        if self._runs_commands:
            tree.kill_descendants(self.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.end_command()

    def end_command(self) -> None:
        """End the command of a child that is dead: it was in a group of its own."""
        if group := self._board.group:
            tree.kill_group(group)

    def prints(self, stream: int, after: int, most: int) -> bytes:
        """What its current job printed after so many bytes, to its output (0) or its errors (1); the job may go on."""
        number = self._given[0][0] if self._given else 0
        if not number or self._board.begun != number:
            return b""
        data = os.pread(self._files[stream], most, after)
        return data if self._board.begun == number else b""

    def printed(self) -> tuple[bytes, bytes]:
        """What its last job had printed when the child died."""
        stdout, stderr = (head_and_tail(descriptor) for descriptor in self._files[:2])
        return stdout, stderr

    def close(self) -> None:
        """Release its pipes and files; where it lives, it ends when it has done what it was given."""
        self.outbox.close()
        self._board.close()
        for descriptor in (self.inbox.descriptor, *self._files):
            os.close(descriptor)


def _files() -> list[int]:
    """Open the files for standard output and error, and the board."""
    with contextlib.ExitStack() as if_one_fails:
        opened = []
        for make in (_unnamed_file, _unnamed_file, _shared_memory):
            opened.append(make())
            if_one_fails.callback(os.close, opened[-1])
        if_one_fails.pop_all()
    return opened


def _unnamed_file() -> int:
    """Open a file that goes with the last process that holds it."""
    descriptor, path = tempfile.mkstemp(prefix="torc-nb-")
    Path(path).unlink()
    # So that programs that a job starts do not write over one another.
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
    return descriptor


def _shared_memory() -> int:
    """Open what two processes can map; on no disk, as a full one would kill whoever writes to a page of it."""
    return os.memfd_create("torc-nb") if hasattr(os, "memfd_create") else _unnamed_file()
