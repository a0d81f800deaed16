"""The worker's side of the database, in a thread of its own: what ended goes in, jobs come out, the lease is renewed."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from torc_nb.errors import CannotLoad, DatabaseUnavailable
from torc_nb.models import Claim, Completion, WorkerModel
from torc_nb.store import Database, claims, dependencies, leases
from torc_nb.store.watch import Watch
from torc_nb.worker.appetite import Appetite
from torc_nb.worker.assignments import Assignments

#: How often the database is looked at for new work while there is none, in seconds.
LOOK = 0.02
#: How long a result waits for others to be written with, in seconds, and how many are written at once.
GATHER, MOST = 0.04, 2000
#: How often a lease is renewed when nothing else is said, in seconds.
HEARTBEAT = 2.0
#: How often those who died are looked for, in seconds.
INSPECTION = 5.0
#: The longest wait between two attempts to reach a database that is away, in seconds.
LONGEST_WAIT = 30.0


@dataclass
class News:
    """What the database said since the worker last asked."""

    claims: list[Claim] = field(default_factory=list)
    cancel: list[tuple[int, int]] = field(default_factory=list)
    state: str = "started"
    may_get_work: bool = True
    error: BaseException | None = None


class Ledger(threading.Thread):
    """Talks with the database so that the worker's loop never waits for it.

    Parameters
    ----------
    wake : callable
        Called, in this thread, when there is news.
    """

    def __init__(
        self, database: Database, worker: WorkerModel, assignments: Assignments, wake: Callable[[], None]
    ) -> None:
        super().__init__(name="ledger", daemon=True)
        self._database = database
        self._worker = worker
        self._assignments = assignments
        self._wake = wake
        self._watch = Watch(database, worker.workflow_id)
        self._changed = threading.Condition()
        self._completions: list[Completion] = []
        self._oldest = 0.0
        self._begun: list[Claim] = []
        self._appetite: Appetite | None = None
        self._is_drained = False
        self._urgent = False
        self._news = News()
        self._stopping = False
        self._said = 0.0
        self._inspected = 0.0
        self._failures = 0

    # What the worker's loop calls.

    def record(self, completions: list[Completion], *, urgent: bool) -> None:
        """Hand over what ended; ``urgent`` when nothing else will follow soon."""
        with self._changed:
            if not self._completions:
                self._oldest = time.monotonic()
            self._completions += completions
            self._urgent |= urgent
            if urgent or len(self._completions) >= MOST:
                self._changed.notify()

    def mark_started(self, jobs: list[Claim]) -> None:
        """Hand over which claimed jobs run by now."""
        with self._changed:
            self._begun += jobs

    def ask(self, appetite: Appetite | None) -> None:
        """Say what there is room for; None: for nothing."""
        with self._changed:
            is_new = appetite is not None and self._appetite is None
            self._appetite = appetite
            if is_new and not self._is_drained:
                self._changed.notify()

    def news(self) -> News:
        """Take what the database said since last asked."""
        with self._changed:
            news = self._news
            self._news = News(state=news.state, may_get_work=news.may_get_work)
            return news

    def finish(self) -> None:
        """Write what is left, claim nothing more, and end the thread."""
        with self._changed:
            self._stopping = True
            self._appetite = None
            self._urgent = True
            self._changed.notify()
        self.join()

    # The thread.

    def run(self) -> None:
        """Exchange news with the database until told to finish."""
        try:
            while True:
                with self._changed:
                    if self._stopping and not self._completions:
                        break
                    if not self._is_due():
                        self._changed.wait(LOOK)
                self._look()
                if self._is_due():
                    self._try_to_exchange()
        except BaseException as error:
            self._tell(error=error)
        finally:
            self._watch.close()

    def _look(self) -> None:
        """Notice that others changed the workflow."""
        try:
            if self._watch.wait(0):
                self._is_drained = False
        except Exception:  # the connection broke; the next look opens another
            self._watch.close()

    def _is_due(self) -> bool:
        if self._failures and time.monotonic() < self._said:
            return False
        now = time.monotonic()
        ripe = bool(self._completions) and (
            self._urgent or len(self._completions) >= MOST or now - self._oldest > GATHER
        )
        hungry = self._appetite is not None and not self._is_drained
        return ripe or hungry or bool(self._begun) or now - self._said > HEARTBEAT

    def _try_to_exchange(self) -> None:
        with self._changed:
            completions, self._completions = self._completions, []
            started, self._begun = self._begun, []
            appetite, self._appetite = self._appetite, None
            self._urgent = False
        try:
            self._exchange(completions, started, appetite)
            self._failures = 0
            self._said = time.monotonic()
        except DatabaseUnavailable as error:
            self._put_back(completions, started, appetite)
            self._wait_after(error)
        except BaseException:
            self._put_back(completions, started, None)
            raise

    def _exchange(self, completions: list[Completion], started: list[Claim], appetite: Appetite | None) -> None:
        workflow_id, worker_id = self._worker.workflow_id, self._worker.id or 0
        if time.monotonic() - self._inspected > INSPECTION:
            leases.expire(self._database, workflow_id)
            dependencies.release_all(self._database, workflow_id)
            self._inspected = time.monotonic()
        answer = claims.exchange(
            self._database,
            workflow_id,
            worker_id,
            completions=completions,
            started=started,
            room=None if appetite is None else appetite.room_for,
        )
        may_get_work = True
        if appetite is not None and not answer.claims:
            self._is_drained = True
            may_get_work = claims.can_still_get_work(self._database, workflow_id)
        for claim in answer.claims:
            self._prepare(claim)
        self._tell(answer, may_get_work)

    def _prepare(self, claim: Claim) -> None:
        """Load what a job needs, once per map."""
        assignment = self._assignments.load(claim)
        function = assignment.function
        if function.payload and function.python != sys.version_info[:2]:
            ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
            theirs = f"{function.python[0]}.{function.python[1]}"
            raise CannotLoad(
                f"{function.name} was mapped with Python {theirs}, and this worker runs Python {ours}: start workers "
                f"from the notebook's own environment, or map again from a kernel with Python {ours}."
            )

    def _tell(
        self, answer: claims.Answer | None = None, may_get_work: bool = True, error: BaseException | None = None
    ) -> None:
        with self._changed:
            news = self._news
            if answer is not None:
                news.claims += answer.claims
                news.cancel += answer.cancel
                news.state = answer.state
                news.may_get_work = may_get_work
            news.error = error
        if error is not None or (answer is not None and (answer.claims or answer.cancel or not may_get_work)):
            self._wake()

    def _put_back(self, completions: list[Completion], started: list[Claim], appetite: Appetite | None) -> None:
        with self._changed:
            self._completions = completions + self._completions
            self._begun = started + self._begun
            self._appetite = self._appetite or appetite

    def _wait_after(self, error: DatabaseUnavailable) -> None:
        """Wait longer after each failure, and not all workers alike."""
        if not self._failures:
            print(f"torc_nb worker: {error}; it goes on with what it has", file=sys.stderr, flush=True)
        self._failures += 1
        self._said = time.monotonic() + min(LONGEST_WAIT, 0.2 * 2**self._failures) * random.uniform(0.5, 1.0)
