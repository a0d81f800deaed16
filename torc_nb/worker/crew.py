"""The children of a worker: jobs handed out to them, their answers and their deaths taken in."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from torc_nb.errors import TorcError
from torc_nb.models import Claim, JobStatus
from torc_nb.worker.appetite import STOCK, Appetite
from torc_nb.worker.assignments import Assignments, Key
from torc_nb.worker.attempt import Outcome
from torc_nb.worker.child import Role
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.nurseries import Nurseries
from torc_nb.worker.nursery import Nursery
from torc_nb.worker.obituary import obituary, terminated
from torc_nb.worker.oom_killer import OomKiller
from torc_nb.worker.pace import Pace
from torc_nb.worker.packing import Packing, Seat
from torc_nb.worker.reports import Reports
from torc_nb.worker.stock import Stock
from torc_nb.worker.turns import Turns

#: How long running jobs may go on when the worker stops, and then how long they have to end when asked, in seconds.
LAST_JOB, LAST_WORD = 1.0, 1.0

_COMPLETED = int(JobStatus.COMPLETED)


class Crew:
    """Children and the jobs that wait for them; runs in the worker's loop and never waits."""

    def __init__(
        self,
        nurseries: Nurseries,
        packing: Packing,
        assignments: Assignments,
        reports: Reports,
        hire: Callable[[Nursery, Key, Role, Seat], ChildProcess] = ChildProcess,
    ) -> None:
        self._hire = hire
        self._nurseries = nurseries
        self._packing = packing
        self._assignments = assignments
        self._reports = reports
        self._children: dict[int, ChildProcess] = {}
        self._stock = Stock()
        self._pace = Pace()
        self._turns = Turns()
        self._canceled: set[tuple[int, int]] = set()
        self.oom_killer = OomKiller()
        self.peaks: dict[int, int] = {}  # by pid, the most memory seen of the current job's process tree

    @property
    def children(self) -> Iterable[ChildProcess]:
        """The children that live, as far as we know."""
        return self._children.values()

    @property
    def is_idle(self) -> bool:
        """Whether it holds no job at all."""
        return not self._stock and not any(len(child) for child in self.children) and not self._reports

    @property
    def is_gone(self) -> bool:
        """Whether no child can be had any more."""
        return self._nurseries.is_gone

    @property
    def is_busy_with_short_jobs(self) -> bool:
        """Whether every busy child has several jobs before it, so that nothing is urgent."""
        held = [len(child) for child in self.children if len(child)]
        return bool(held) and min(held) > 8

    def outboxes(self) -> list[int]:
        """What to wait for until it can be written to."""
        return [child.outbox.descriptor for child in self.children if not child.outbox.is_empty]

    def descriptors(self) -> list[int]:
        """What to wait for until it can be read."""
        return self._nurseries.descriptors() + [
            child.inbox.descriptor for child in self.children if not child.inbox.is_closed
        ]

    # Jobs come in.

    def accept(self, claims: Sequence[Claim]) -> None:
        """Take new claims; their assignments are known."""
        self._stock.add(claims)

    def cancel(self, attempts: Sequence[tuple[int, int]]) -> None:
        """Stop these attempts: those that wait are dropped, those that run are killed."""
        if not attempts:
            return
        self._canceled.update(attempts)
        for child in self.children:
            if any((claim.job_id, claim.attempt) in self._canceled for claim in child.jobs):
                self.take_back(child)
        self._stock.drop(self._canceled)
        self.kill_canceled()

    def kill_canceled(self) -> None:
        """Stop the children that run a canceled job."""
        for child in self.children if self._canceled else ():
            current = child.current
            if current is not None and (current.job_id, current.attempt) in self._canceled:
                child.kill(JobStatus.TERMINATED, "canceled by the user")

    def forget_waiting(self) -> None:
        """Drop all that has not begun: the lease was lost, and others have these jobs now."""
        for child in self.children:
            self.take_back(child)
        self._stock.clear()

    def appetite(self) -> Appetite | None:
        """What there is room for now; None where the stock of short jobs is still half full and no place is free."""
        held, free = self._held(), self._packing.free
        for child in self.children:
            if not len(child):
                free = free._replace(
                    num_cpus=free.num_cpus + child.seat.num_cpus,
                    memory=free.memory + child.seat.memory,
                    num_gpus=free.num_gpus + len(child.seat.gpus),
                )
        for key in self._stock:
            if self._pace.of_maps.get(max(0, key[0]), STOCK) < STOCK:
                continue  # short jobs wait their turn and occupy nothing
            for claim in self._stock.of(key):
                request = self._assignments.known(claim).request
                free = free._replace(
                    num_cpus=free.num_cpus - request.num_cpus,
                    memory=free.memory - self._packing.memory_of(request),
                    num_gpus=free.num_gpus - request.num_gpus,
                )
        if free.num_cpus <= 0 and not self._is_low(held):
            return None
        # Only what a child is there for is held ahead of time: other workers may have places for the rest.
        pace = {map_id: self._pace.of_maps[map_id] for map_id in held if map_id in self._pace.of_maps}
        return Appetite(
            self._packing.whole,
            free,
            held,
            pace,
            self._assignments.request,
            self._assignments.outlook,
            self._turns,
        )

    def _held(self) -> Counter[int]:
        """For each map that a child is there for, how many of its jobs are here."""
        held: Counter[int] = Counter()
        for child in self.children:
            held[max(0, child.key[0])] += len(child)
        for key in self._stock:
            if max(0, key[0]) in held:
                held[max(0, key[0])] += self._stock.count(key)
        return held

    def _is_low(self, held: Counter[int]) -> bool:
        """Whether a map of short jobs has less than half its stock left."""
        places = max(1, self._packing.whole.num_cpus)
        pace = self._pace.of_maps
        return any(
            n < min(4000, places * STOCK / pace[map_id] / 2)
            for map_id, n in held.items()
            if pace.get(map_id, STOCK) < STOCK
        )

    # Jobs are handed out.

    def hand_out(self) -> None:
        """Give waiting jobs to children, with new children where there are places."""
        for child in self.children:
            if not child.outbox.is_empty:
                child.outbox.flush()
        for key in self._stock:
            for child in [child for child in self.children if child.key == key]:
                self._feed(child)
            while (claim := self._stock.first(key)) is not None and (new := self._new_child(key, claim)) is not None:
                self._feed(new)

    def _feed(self, child: ChildProcess) -> None:
        if child.sentence is not None or child.is_held_up:
            return
        ahead = self._pace.ahead(child.key)
        if len(child) * 2 > ahead or (ahead == 1 and len(child)):
            return
        waiting = self._stock.count(child.key)
        n = ahead - len(child)
        if ahead > 1:  # the last jobs are shared out, not given to whoever asks first
            n = min(n, max(1, math.ceil(waiting / max(1, 2 * self._packing.whole.num_cpus))))
        if chosen := self._stock.take(child.key, n) if waiting else None:
            child.give(chosen, [self._parameters(claim) for claim in chosen])

    def _parameters(self, claim: Claim) -> tuple[str, bool]:
        collects = None if claim.map_id else self._assignments.known(claim).collects
        if collects is None:
            return claim.params, False
        return self._assignments.collected(claim.job_id), True

    def _new_child(self, key: Key, claim: Claim) -> ChildProcess | None:
        assignment = self._assignments.known(claim)
        nursery = self._nurseries.of(assignment)
        if not nursery.is_ready:
            return None
        seat = self._packing.take(assignment.request)
        while seat is None and self._dismiss_idle(key):
            seat = self._packing.take(assignment.request)
        if seat is None:
            return None
        role = self._nurseries.role(assignment, seat)
        try:
            child = self._hire(nursery, key, role, seat)
        except OSError as error:
            self._packing.give_back(seat)
            if not self._children:  # nothing of ours could make room
                raise TorcError(f"no job can be started: {tempfile.gettempdir()}: {error.strerror}") from error
            return None
        if not child.pid:
            self._packing.give_back(seat)
            child.close()
            return None
        self._children[child.pid] = child
        return child

    def _dismiss_idle(self, key: Key) -> bool:
        """Make room by letting an idle child of other jobs go."""
        idle = [child for child in self.children if not len(child) and child.key != key]
        if not idle:
            return False
        child = min(idle, key=lambda child: child.idle_since)
        del self._children[child.pid]
        self._packing.give_back(child.seat)
        child.close()
        return True

    # Jobs go back.

    def take_back(self, child: ChildProcess) -> None:
        """Let what waits behind a child's current job wait for another child."""
        if behind := child.take_back():
            self._stock.put_back(child.key, behind)

    def is_slow(self, child: ChildProcess, seconds: float) -> None:
        """Learn that a child's current job has taken so long already."""
        self._pace.is_at_least(child.key, seconds)

    def take_unserved(self) -> list[Claim]:
        """Take the jobs for which no child here will soon have time."""
        return self._stock.take_unserved()

    def take_waiting(self, map_ids: Collection[int] | None = None) -> list[Claim]:
        """Take all jobs that have not begun; those of some maps only, where these are given."""
        for child in self.children:
            if not child.is_held_up and (map_ids is None or child.key[0] in map_ids):
                self.take_back(child)
        return self._stock.take_all(map_ids)

    # Answers and deaths.

    def collect(self) -> None:
        """Take in what children answered, and what became of those that died."""
        for child in list(self.children):
            self._take_answers(child)
        for nursery in self._nurseries:
            for pid, wait_status in nursery.exits():
                child_or_none = self._children.pop(pid, None)
                if child_or_none is not None:
                    self._bury(child_or_none, wait_status)
            if nursery.is_gone:
                self._bury_orphans()

    def _take_answers(self, child: ChildProcess) -> None:
        n, total = 0, 0.0
        passed_over = []
        for claim, outcome in child.outcomes():
            if outcome is None:
                passed_over.append(claim)
                continue
            n += 1
            total += outcome[5]
            end = self._judged(child, claim, outcome)
            self._reports.add(claim, end, self.peaks.pop(child.pid, 0) if self.peaks else 0)
            if self._canceled:
                self._canceled.discard((claim.job_id, claim.attempt))
        if passed_over:
            self._stock.put_back(child.key, passed_over)
            self._stock.drop(self._canceled)
        if n:
            self._pace.learn(child.key, total / n)

    def _judged(self, child: ChildProcess, claim: Claim, outcome: Outcome) -> Outcome:
        """Return a job's outcome; where it was asked to end, the reason for that, and its process goes with it."""
        if not child.was_warned(claim):
            return outcome
        child.end()
        return terminated(child, outcome)

    def _bury(self, child: ChildProcess, wait_status: int) -> None:
        """Settle the jobs of a child that died: the one that ran fails with the reason, those behind it are run."""
        self._take_answers(child)
        self._packing.give_back(child.seat)
        victim = child.victim
        behind = child.jobs
        peak = self.peaks.pop(child.pid, 0)
        if victim is not None:
            behind = behind[1:]
            self._reports.add(victim, obituary(child, victim, wait_status, self.oom_killer), peak)
            self._canceled.discard((victim.job_id, victim.attempt))
            _clear_up(child, victim)
        self._stock.put_back(child.key, behind)
        child.end_command()
        child.close()

    def _bury_orphans(self) -> None:
        """Children die with their nursery, whose death is no job's fault."""
        for child in [child for child in self.children if child.nursery.is_gone]:
            del self._children[child.pid]
            self._take_answers(child)
            self._packing.give_back(child.seat)
            self._stock.put_back(child.key, child.jobs)
            child.end()
            child.close()

    # The end.

    def running(self) -> dict[int, float]:
        """The jobs that run now, each with the seconds for which it has."""
        now = time.time()
        current = [(child.current, now - child.began) for child in self.children if child.has_begun]
        return {claim.job_id: seconds for claim, seconds in current if claim is not None}

    def stop(self) -> None:
        """End all children: a job that ends within a second counts, the others are stopped and given back."""
        self._reports.forget_doubtful()
        for child in self.children:
            child.take_back()
        self._let_end(LAST_JOB)
        for child in self.children:
            child.ask_to_end()
        self._let_end(LAST_WORD)
        for child in list(self.children):
            child.end()
            self._part_with(child)
        self._reports.forget_doubtful()  # what was stopped has not failed

    def _let_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(len(child) for child in self.children):
            for nursery in self._nurseries:
                for pid, _ in nursery.exits():
                    if pid in self._children:
                        self._part_with(self._children[pid])
            for child in self.children:
                self._take_answers(child)
            time.sleep(0.01)

    def _part_with(self, child: ChildProcess) -> None:
        del self._children[child.pid]
        self._take_answers(child)
        child.end_command()
        child.close()


def _clear_up(child: ChildProcess, victim: Claim) -> None:
    """Remove what a killed job left in its scratch, and set its output aside; a disk may take its time."""
    folders = child.folders(victim.job_id, victim.attempt)
    for act in (folders.give_up, folders.clear):
        threading.Thread(target=act, daemon=True).start()
