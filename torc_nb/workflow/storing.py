"""What makes an executor's calls jobs: one thread that stores together what is submitted meanwhile."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

from torc_nb.api import Api
from torc_nb.api.submitting import Call, Callee, Ended
from torc_nb.errors import DatabaseUnavailable
from torc_nb.workflow.awaiting import Awaiting
from torc_nb.workflow.future import JobFuture

#: How many calls one transaction stores at most, so that claims and results of others pass in between.
PIECE = 2000
#: How soon a database that does not answer is tried again, in seconds.
TRY_AGAIN = 1.0


class Submission(NamedTuple):
    """A call on its way to the database."""

    future: JobFuture
    call: Call
    callee: Callee


class Storing(threading.Thread):
    """Stores calls in the order in which they were submitted."""

    def __init__(self, api: Api, workflow_id: int, awaiting: Awaiting) -> None:
        super().__init__(name="torc-nb-storing", daemon=True)
        self._api = api
        self._workflow_id = workflow_id
        self._awaiting = awaiting
        self._changed = threading.Condition()
        self._waiting: deque[Submission] = deque()
        self._is_writing = False
        self._is_closing = False

    def add(self, submission: Submission) -> None:
        """Store a call soon."""
        with self._changed:
            self._waiting.append(submission)
            self._changed.notify_all()

    def take_back(self, future: JobFuture) -> bool:
        """Do not store a call; False where it is stored already, or just was: that is waited for."""
        with self._changed:
            for submission in self._waiting:
                if submission.future is future:
                    self._waiting.remove(submission)
                    return True
            self._changed.wait_for(lambda: not self._is_writing or future.job_id is not None)
        return False

    def take_all_back(self) -> list[JobFuture]:
        """Do not store what is not stored; returns the futures of it, when what is just being stored is."""
        with self._changed:
            left = [submission.future for submission in self._waiting]
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._is_writing)
        return left

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is stored; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_writing, timeout)

    def close(self) -> None:
        """End the thread when all is stored."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def run(self) -> None:
        """Store what waits, again and again."""
        while piece := self._next():
            try:
                self._store(piece)
            finally:
                with self._changed:
                    self._is_writing = False
                    self._changed.notify_all()

    def _next(self) -> list[Submission]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            piece = [self._waiting.popleft() for _ in range(min(PIECE, len(self._waiting)))]
            self._is_writing = bool(piece)
            return piece

    def _store(self, piece: list[Submission]) -> None:
        calls = [submission.call for submission in piece]
        attempts: list[int] = []
        while True:
            try:
                first = self._api.submit_calls(self._workflow_id, calls, attempts)
            except DatabaseUnavailable:  # it is tried until it answers, as workers do
                time.sleep(TRY_AGAIN)
            except Exception as error:
                for submission in piece:
                    submission.future.settle(Ended(0, error=error))
                return
            else:
                ids = range(first, first + len(piece))
                self._awaiting.expect(
                    (job_id, submission.future, submission.callee.decode)
                    for job_id, submission in zip(ids, piece, strict=True)
                )
                return
