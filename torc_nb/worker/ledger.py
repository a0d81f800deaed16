"""The worker's side of the database, in a thread of its own: results go in, jobs come out, the lease is renewed."""

from __future__ import annotations

import math
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence

from torc_nb.errors import CannotLoad, DatabaseUnavailable
from torc_nb.models import Claim, Completion, Membership
from torc_nb.store import Database, claims, dependencies, leases, leftovers, returning
from torc_nb.store.watch import Watch
from torc_nb.worker.appetite import Appetite
from torc_nb.worker.assignments import Assignments, key_of
from torc_nb.worker.backlog import MOST, Backlog
from torc_nb.worker.beginning import Beginning
from torc_nb.worker.news import Errand, News
from torc_nb.worker.packages import versions
from torc_nb.worker.words import say

#: How often the database is looked at for new work while there is none and nobody tells of any, and the shortest pause
#: after one was told of that was not there or was another worker's, in seconds.
LOOK = 0.02
#: The longest pause of the thread where whatever happens is told, in seconds.
REST = 0.25
#: How long a result waits for others to be written with, in seconds.
GATHER = 0.04
#: How often a lease is renewed when nothing else is said, in seconds.
HEARTBEAT = 10.0
#: How soon after it last said something a worker asks what others want of it, when they changed anything, in seconds.
HEARING = 2.0
#: How often those who died are looked for, in seconds, by a worker alone; many share it, but none leaves it for longer.
INSPECTION, LONGEST_INSPECTION = 5.0, 60.0
#: So many workers look as often as each would alone.
INSPECTORS = 4
#: The first and the longest wait between two attempts to reach a database that is away, in seconds.
SHORTEST_WAIT, LONGEST_WAIT = 0.4, 10.0
#: How long a worker that is told to stop waits for a database that is away, in seconds.
FAREWELL = 5.0


class Ledger(threading.Thread):
    """Talks with the database so that the worker's loop never waits for it.

    Parameters
    ----------
    wake : callable
        Called, in this thread, when there is news.
    only : sequence of int, optional
        The jobs that the worker is there for.
    """

    def __init__(
        self,
        database: Database,
        worker: Membership,
        assignments: Assignments,
        backlog: Backlog,
        beginning: Beginning,
        wake: Callable[[], None],
        *,
        only: Sequence[int] = (),
    ) -> None:
        super().__init__(name="ledger", daemon=True)
        self._database = database
        self._worker = worker
        self._assignments = assignments
        self._backlog = backlog
        self._beginning = beginning
        self._wake = wake
        self._only = only
        self._watch = Watch(database, worker.workflow_id)
        self._changed = threading.Lock()
        self._errand = Errand()
        self._urgent = False
        self._news = News()
        self._stop_at: float | None = None
        # The thread's own:
        self._unfit: tuple[int, ...] = ()  # the free CPUs, memory and GPUs for which nothing was there
        self._until_retry = math.inf  # when a job that waits for its next try may be had
        self._others_changed_it = False
        self._was_told = False  # by the database, not by the clock
        self._deaf_until = 0.0  # others are told of work too, and too many ask for what one of them has had
        self._wrote = False  # a change that is told next is, on SQLite, its own
        self._is_to_hear = False  # what others changed may concern what it runs, or itself
        self._held: set[int] = set()  # the jobs that the loop was told to run, as the database knows
        self._lost_answer = False
        self._noted: frozenset[str] = frozenset()  # the packages whose versions are recorded
        self._said = 0.0
        self._began = time.monotonic()
        self._inspected = 0.0  # when those who died were looked for; 0: not yet
        self._until_inspection = INSPECTION
        self._backoff = 0.0  # till it is asked again, while the database does not answer

    # What the worker's loop calls.

    def record(self, completions: list[Completion], *, urgent: bool) -> None:
        """Hand over what ended; ``urgent`` when nothing else will follow soon."""
        n = self._backlog.add(completions)
        with self._changed:
            self._urgent |= urgent
            if urgent or n >= MOST:
                self._watch.wake()

    def secure(self) -> None:
        """Write to the disk what the database does not take."""
        self._backlog.secure()

    @property
    def is_cut_off(self) -> bool:
        """Whether the database did not answer when it was last spoken to."""
        return self._backoff > 0

    def mark_started(self, jobs: list[Claim]) -> None:
        """Hand over which claimed jobs run by now."""
        if jobs:
            with self._changed:
                self._errand.begun += jobs
                self._watch.wake()

    def give_back(self, jobs: list[Claim]) -> None:
        """Hand over claimed jobs that did not begin, for others."""
        if jobs:
            with self._changed:
                self._errand.given_back += jobs
                self._watch.wake()

    def ask(self, appetite: Appetite | None) -> None:
        """Say what there is room for; None: for nothing."""
        with self._changed:
            self._errand.appetite, self._errand.was_asked = appetite, True
            if self._is_hungry():
                self._watch.wake()

    def news(self) -> News:
        """Take what the database said since last asked."""
        with self._changed:
            news = self._news
            news.is_suspect = self._beginning.verdict
            self._news = News(state=news.state, may_get_work=news.may_get_work)
            return news

    def finish(self) -> None:
        """Write what is left, claim nothing more, and end the thread; what the database does not take is spooled."""
        with self._changed:
            self._stop_at = time.monotonic() + FAREWELL
            self._errand.appetite = None
            self._urgent = True
            self._watch.wake()
        # The thread may be in the midst of a call that does not return.
        while self.is_alive() and time.monotonic() < self._stop_at + FAREWELL:
            self.join(0.1)
            self._backlog.secure()
        self._backlog.give_up()
        if self._backlog.unsafe:
            say(f"{self._backlog.unsafe} results are lost")

    # The thread.

    def run(self) -> None:
        """Exchange news with the database until told to finish."""
        try:
            while not self._has_finished():
                if not self._is_due():
                    self._pause()
                self._assignments.check_collections()
                if self._may_try():
                    self._look()
                    if self._is_due():
                        self._try_to_exchange()
        except BaseException as error:
            self._tell(News(error=error))
        finally:
            self._watch.close()

    def _pause(self) -> None:
        """Wait until the loop has something to say, others changed the workflow, or it is time to look."""
        deaf = time.monotonic() < self._deaf_until
        is_awaited = deaf or self._backoff or not self._backlog.is_empty
        self._watch.pause(LOOK if is_awaited else REST, deaf=deaf)

    def _has_finished(self) -> bool:
        return self._stop_at is not None and (self._backlog.is_empty or time.monotonic() > self._stop_at)

    def _may_try(self) -> bool:
        """Whether the database answered last time, or the wait after a failure is over."""
        return not self._backoff or time.monotonic() >= self._said or self._stop_at is not None

    def _look(self) -> None:
        """Notice that others changed the workflow."""
        try:
            if time.monotonic() >= self._deaf_until and self._watch.wait(0):
                self._others_changed_it = self._is_to_hear = self._was_told = True
        except Exception:  # the connection broke; the next look opens another
            self._watch.disconnect()

    def _is_due(self) -> bool:
        if not self._may_try():
            return False
        errand = self._errand
        return (
            self._backlog.is_ripe(0.0 if self._urgent else GATHER)
            or bool(errand.begun or errand.given_back)
            or self._is_hungry()
            or self._has_been_silent()
        )

    def _has_been_silent(self) -> bool:
        """Whether it has said nothing for so long that it has to, be it to be told what others want."""
        return time.monotonic() - self._said > (HEARING if self._is_to_hear else HEARTBEAT)

    def _is_hungry(self) -> bool:
        """Whether there is room, and nothing was found unfit for it since anything changed or became due."""
        appetite = self._errand.appetite
        if appetite is None:
            return False
        return self._others_changed_it or appetite.places != self._unfit or time.monotonic() > self._until_retry

    def _try_to_exchange(self) -> None:
        with self._changed:
            errand, self._errand = self._errand, Errand()
            self._urgent = False
        if errand.appetite is not None:  # else what others changed is still to be looked at
            self._others_changed_it = False
        was_told, self._was_told = self._was_told, False
        try:
            self._empty_spool()
            ended = self._backlog.take()
            self._beginning.note(ended)
            if self._exchange(errand, ended):
                self._wrote = self._database.is_sqlite
            elif was_told and not self._wrote:
                self._deaf_until = time.monotonic() + LOOK
            else:
                self._wrote = False
            self._backlog.written()
            errand = Errand()  # it is done, should what follows fail
            self._backoff = 0.0
            self._beginning.hand_back()
            if time.monotonic() - max(self._began, self._inspected) > self._until_inspection:
                self._inspect()
        except BaseException as error:
            self._backlog.failed()
            self._put_back(errand)
            self._others_changed_it = True
            if not isinstance(error, DatabaseUnavailable):
                raise
            self._lost_answer = True
            self._wait_after(error)

    def _empty_spool(self) -> None:
        """Write what waited on the disk before anything else is said: others may have given these jobs up."""
        while self._backlog.is_spooled:
            ended = self._backlog.take()
            leftovers.record(self._database, self._worker, ended)
            self._backlog.written()
            self._held.difference_update(done.job_id for done in ended)

    def _exchange(self, errand: Errand, ended: list[Completion]) -> bool:
        """Tell and ask; whether anything was written: idle workers must not wake each other by writing."""
        is_only_hungry = not (ended or errand.begun or errand.given_back or self._has_been_silent())
        if is_only_hungry and errand.appetite is None:
            return False
        workflow_id, worker_id = self._worker.workflow_id, self._worker.id
        if self._lost_answer:
            self._give_back_unknown()
        if errand.given_back:
            returning.give_back(self._database, workflow_id, worker_id, [claim.job_id for claim in errand.given_back])
            self._held.difference_update(claim.job_id for claim in errand.given_back)
        if self._beginning.verdict is not None:
            errand.appetite = None
        appetite = errand.appetite
        if appetite is not None:
            self._assignments.outlook.refresh()
        answer = claims.exchange(
            self._database,
            workflow_id,
            worker_id,
            completions=ended,
            started=errand.begun,
            room=None if appetite is None else appetite.anew().room_for,
            urgency=None if appetite is None else appetite.urgency,
            longest=math.inf if appetite is None else appetite.longest,
            only_to_claim=is_only_hungry,
            only=self._only,
        )
        until_retry = time.monotonic() + answer.next_retry
        self._until_retry = until_retry if errand.appetite is not None else min(until_retry, self._until_retry)
        if answer.found_nothing:
            if errand.appetite is not None:
                self._found_nothing(errand.appetite)
            return False
        self._is_to_hear = False
        self._said = time.monotonic()
        self._held.difference_update(done.job_id for done in ended)
        # Said at once, as it is said only once; what is claimed can still turn out not to be had.
        also = (answer.state, self._news.may_get_work, answer.had_lost_lease, answer.stopped)
        self._tell(News([], answer.cancel, answer.show, *also))
        for claim in {key_of(claim): claim for claim in answer.claims}.values():
            self._prepare(claim)
        self._held.update(claim.job_id for claim in answer.claims)
        self._tell(News(answer.claims, state=answer.state, may_get_work=self._news.may_get_work))
        if answer.may_have_released:  # after the claims were made: the loop asks again now, not in its next round
            self._wake()
        if answer.claims or answer.may_have_released:
            self._unfit = ()
        elif errand.appetite is not None:
            self._found_nothing(errand.appetite)
        self._note_packages()
        return True

    def _give_back_unknown(self) -> None:
        """Give back what was claimed for us in an answer that was lost on its way."""
        workflow_id, worker_id = self._worker.workflow_id, self._worker.id
        unknown = set(returning.held(self._database, worker_id)) - self._held
        returning.give_back(self._database, workflow_id, worker_id, sorted(unknown))
        self._lost_answer = False

    def _inspect(self) -> None:
        """See to what others left behind."""
        self._database.check_exists()
        leases.expire(self._database, self._worker.workflow_id)
        dependencies.release_all(self._database, self._worker.workflow_id, thorough=False)
        self._inspected = time.monotonic()
        sharing = leases.running(self._database, self._worker.workflow_id) / INSPECTORS
        self._until_inspection = min(LONGEST_INSPECTION, INSPECTION * max(1.0, sharing)) * random.uniform(0.8, 1.2)
        self._others_changed_it = True  # perhaps: what was freed is ours as well

    def _found_nothing(self, appetite: Appetite) -> None:
        """Note that nothing is there for this room, and whether anything may come; at first look closer."""
        if not self._inspected and not self._held:
            self._inspect()
        self._unfit = appetite.places
        with self._changed:  # the loop asks again when anything changed; until then it is to be had at once
            if not self._errand.was_asked:
                self._errand.appetite = appetite
        may_get_work = claims.can_still_get_work(self._database, self._worker.workflow_id, self._only)
        self._tell(News(state=self._news.state, may_get_work=may_get_work))

    def _prepare(self, claim: Claim) -> None:
        """Load what a job needs, once per map, and what it collects."""
        assignment = self._assignments.load(claim)
        if assignment.collects is not None:
            self._assignments.collect(claim.job_id, assignment.collects)
        function = assignment.function
        if function.payload and function.python != sys.version_info[:2]:
            ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
            theirs = f"{function.python[0]}.{function.python[1]}"
            raise CannotLoad(
                f"{function.name} was mapped with Python {theirs}, and this worker runs Python {ours}: start workers "
                f"from the notebook's own environment, or map again from a kernel with Python {ours}."
            )

    def _note_packages(self) -> None:
        """Record the versions of what the functions import, when the first jobs of one are under way."""
        imports = self._assignments.imports()
        if not imports <= self._noted:
            leases.note_packages(self._database, self._worker.id, versions(imports))
            self._noted = imports

    def _tell(self, latest: News) -> None:
        with self._changed:
            news = self._news
            news.claims += latest.claims
            news.cancel += latest.cancel
            news.show += latest.show
            news.state = latest.state
            news.may_get_work = latest.may_get_work or bool(latest.claims)
            news.had_lost_lease |= latest.had_lost_lease
            news.stopped |= latest.stopped
            news.error = latest.error
        if latest.claims or latest.cancel or latest.stopped or latest.error or not latest.may_get_work:
            self._wake()

    def _put_back(self, errand: Errand) -> None:
        with self._changed:
            later = self._errand
            errand.begun += later.begun
            errand.given_back += later.given_back
            errand.appetite = later.appetite or errand.appetite
            self._errand = errand

    def _wait_after(self, error: DatabaseUnavailable) -> None:
        """Wait longer after each failure, and not all workers alike."""
        if not self._backoff:
            say(f"{error}; it goes on with what it has")
        longest = LONGEST_WAIT if self._stop_at is None else 1.0
        self._backoff = min(longest, 2 * self._backoff or SHORTEST_WAIT)
        self._said = time.monotonic() + self._backoff * random.uniform(0.5, 1.0)
        if self._stop_at is not None:
            time.sleep(0.2)
