"""What waits for the ends of an executor's jobs: one thread that is told of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from torc_nb.api import Api
from torc_nb.api.outcomes import Decoder
from torc_nb.api.submitting import Ended
from torc_nb.errors import DatabaseUnavailable
from torc_nb.workflow.future import JobFuture

#: How many jobs are asked for at once.
PIECE = 1000
#: How often what nobody tells of is looked for, in seconds: jobs that others canceled or deleted, workers that left.
LOOK_AFTER = 3.0


class Awaiting(threading.Thread):
    """Settles the futures of stored jobs.

    Parameters
    ----------
    look_after : callable
        Called every few seconds while jobs are awaited; returns why none of them can ever begin, or None.
    """

    def __init__(self, api: Api, workflow_id: int, look_after: Callable[[], BaseException | None]) -> None:
        super().__init__(name="torc-nb-awaiting", daemon=True)
        self._api = api
        self._watch = api.watch_calls(workflow_id)
        self._look_after = look_after
        self._changed = threading.Condition()
        self._awaited: dict[int, tuple[JobFuture, Decoder]] = {}
        self._is_closing = False
        self._offset = 0
        self._looked_after = 0.0
        self.settled = 0  # how many futures in all

    def expect(self, stored: Iterable[tuple[int, JobFuture, Decoder]]) -> None:
        """Settle these futures when their jobs have ended."""
        with self._changed:
            if not self._awaited:
                self._looked_after = time.monotonic()
            for job_id, future, decoder in stored:
                self._awaited[job_id] = future, decoder
                future.job_id = job_id
            self._changed.notify_all()
        self._watch.wake()  # one of them may have ended before it was awaited

    def job_ids(self) -> list[int]:
        """Return the jobs that are awaited."""
        with self._changed:
            return list(self._awaited)

    def settle(self, ended: Iterable[Ended]) -> int:
        """Settle the futures of jobs that ended, those that nobody settled before; returns how many."""
        n = 0
        for one in ended:
            with self._changed:
                future, _ = self._awaited.pop(one.job_id, (None, None))
            if future is not None:
                n += 1
                future.settle(one)
        self.settled += n
        return n

    def close(self) -> None:
        """End the thread when nothing is awaited any more."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._watch.wake()

    def run(self) -> None:
        """Wait to be told, and look."""
        try:
            while self._has_work():
                try:
                    self._watch.wait(0)  # what is told from now on ends the pause
                    self._look()
                    self._look_after_jobs()
                except DatabaseUnavailable:  # it is tried until it answers, as workers do
                    self._watch.disconnect()
                    time.sleep(LOOK_AFTER / 10)
                except Exception as error:  # it will not answer: nobody shall wait for ever
                    self.settle(Ended(job_id, error=error) for job_id in self.job_ids())
                self._watch.pause(LOOK_AFTER / 3)
        finally:
            self._watch.close()

    def _has_work(self) -> bool:
        """Wait until anything is awaited; False where nothing ever will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._awaited or self._is_closing)
            return bool(self._awaited)

    def _look(self) -> None:
        for piece in self._pieces():
            if not self.settle(self._api.ended_calls(piece)):
                return

    def _pieces(self) -> Iterator[dict[int, Decoder]]:
        """Give the oldest jobs, which mostly end first, then the others in turn, as long as any of them have ended."""
        yield self._piece(0)
        for _ in range(0, len(self._awaited), PIECE):
            self._offset = self._offset + PIECE if self._offset + PIECE < len(self._awaited) else 0
            if self._offset:
                yield self._piece(self._offset)

    def _piece(self, first: int) -> dict[int, Decoder]:
        with self._changed:
            return {job_id: decoder for job_id, (_, decoder) in islice(self._awaited.items(), first, first + PIECE)}

    def _look_after_jobs(self) -> None:
        """Find out whether the jobs are still there, and can begin some time."""
        if time.monotonic() - self._looked_after < LOOK_AFTER:
            return
        self._looked_after = time.monotonic()
        awaited = self.job_ids()
        if not awaited:
            return
        self.settle(self._api.lost_calls(awaited))
        if (reason := self._look_after()) is not None:
            self.settle(Ended(job_id, error=reason) for job_id in awaited)
