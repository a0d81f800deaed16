"""The children of a worker and the jobs that it holds: handed out, looked after, brought to their end."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence

from torc_nb.models import Claim, Completion, JobStatus, Request, WorkflowModel
from torc_nb.models.quantities import format_duration
from torc_nb.worker import memory
from torc_nb.worker.appetite import STOCK, Appetite
from torc_nb.worker.assignments import Assignment, Assignments, Key, key_of
from torc_nb.worker.attempt import Outcome
from torc_nb.worker.child import Role
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.log import Log
from torc_nb.worker.nursery import THREAD_VARIABLES, Nursery
from torc_nb.worker.packing import Packing

#: How many seconds of short jobs a child is given ahead, so that it never waits for the worker between them.
AHEAD = 0.05
#: The most jobs that a child is given ahead.
MOST = 1000
#: Jobs longer than this travel alone.
SHORT = 0.02
#: What a job costs beside its own run time, in seconds; keeps the pace of empty jobs above nothing.
OVERHEAD = 2e-5
#: A job that runs for this long, in seconds, is shown as running, and those behind it are taken back.
LONG = 0.05
#: How long children are given to end when the worker stops, in seconds.
LAST_WORD = 1.0


class Crew:
    """Children, claims and completions; runs in the worker's loop and never waits."""

    def __init__(
        self, root: Nursery, packing: Packing, assignments: Assignments, workflow: WorkflowModel, log: Log
    ) -> None:
        self._root = root
        self._packing = packing
        self._assignments = assignments
        self._workflow = workflow
        self._log = log
        self._nurseries: dict[tuple[object, ...], Nursery] = {}
        self._children: dict[int, ChildProcess] = {}
        self._waiting: dict[Key, deque[Claim]] = {}
        self._pace: dict[Key, float] = {}
        self._map_pace: dict[int, float] = {}
        self._marked: set[tuple[int, int]] = set()  # attempts that the database knows to be running
        self._peaks: dict[int, int] = {}  # by pid, the most memory seen of the current job's process tree
        self._done: list[Completion] = []

    @property
    def is_idle(self) -> bool:
        """Whether it holds no job at all."""
        return not any(self._waiting.values()) and not any(len(child) for child in self._children.values())

    @property
    def is_gone(self) -> bool:
        """Whether no child can be had any more."""
        return self._root.is_gone

    @property
    def is_busy_with_short_jobs(self) -> bool:
        """Whether every busy child has several jobs before it, so that nothing is urgent."""
        held = [len(child) for child in self._children.values() if len(child)]
        return bool(held) and min(held) > 8

    def descriptors(self) -> list[int]:
        """What to wait for."""
        return [nursery.fileno() for nursery in self._nurseries.values()] + [
            child.inbox.descriptor for child in self._children.values() if not child.inbox.is_closed
        ]

    def completions(self) -> list[Completion]:
        """Take what ended since last asked."""
        done, self._done = self._done, []
        return done

    def accept(self, claims: Sequence[Claim]) -> None:
        """Take new claims; their assignments are known."""
        for claim in claims:
            self._waiting.setdefault(key_of(claim), deque()).append(claim)

    def appetite(self) -> Appetite | None:
        """What there is room for now; None where the stock of short jobs is still half full and no place is free."""
        held = self._held()
        free = self._packing.free
        for child in self._children.values():
            if not len(child):
                free = free._replace(
                    num_cpus=free.num_cpus + child.seat.num_cpus,
                    memory=free.memory + child.seat.memory,
                    num_gpus=free.num_gpus + len(child.seat.gpus),
                )
        for waiting in self._waiting.values():
            for claim in waiting:
                if self._map_pace.get(claim.map_id, STOCK) < STOCK:
                    break  # short jobs wait their turn and occupy nothing
                request = self._assignments.known(claim).request
                free = free._replace(
                    num_cpus=free.num_cpus - request.num_cpus,
                    memory=free.memory - self._packing.memory_of(request),
                    num_gpus=free.num_gpus - request.num_gpus,
                )
        if free.num_cpus <= 0 and not self._is_low(held):
            return None
        return Appetite(self._packing.whole, free, held, dict(self._map_pace), self._assignments.request)

    def _held(self) -> Counter[int]:
        held: Counter[int] = Counter()
        for (map_id, _, _), waiting in self._waiting.items():
            held[max(0, map_id)] += len(waiting)
        for child in self._children.values():
            held[max(0, child.key[0])] += len(child)
        return held

    def _is_low(self, held: Counter[int]) -> bool:
        """Whether a map of short jobs has less than half its stock left."""
        places = max(1, self._packing.whole.num_cpus)
        return any(
            n < min(4000, places * STOCK / self._map_pace[map_id] / 2)
            for map_id, n in held.items()
            if self._map_pace.get(map_id, STOCK) < STOCK
        )

    # Handing out.

    def hand_out(self) -> None:
        """Give waiting jobs to children, with new children where there are places."""
        for key, waiting in list(self._waiting.items()):
            if not waiting:
                continue
            for child in [child for child in self._children.values() if child.key == key]:
                self._feed(child, waiting)
            while waiting and (child := self._new_child(key, waiting[0])) is not None:
                self._feed(child, waiting)

    def _feed(self, child: ChildProcess, waiting: deque[Claim]) -> None:
        if child.killed_because is not None:
            return
        pace = self._pace.get(child.key)
        short = pace is not None and pace < SHORT
        ahead = min(MOST, math.ceil(AHEAD / pace)) if short and pace is not None else 1
        if len(child) * 2 > ahead or (not short and len(child)):
            return
        n = min(ahead - len(child), len(waiting))
        if short:  # the last jobs are shared out, not given to whoever asks first
            n = min(n, max(1, math.ceil(len(waiting) / max(1, 2 * self._packing.whole.num_cpus))))
        chosen = [waiting.popleft() for _ in range(n)]
        if chosen:
            child.give(chosen, [self._parameters(claim) for claim in chosen])

    def _parameters(self, claim: Claim) -> tuple[str, bool]:
        collects = None if claim.map_id else self._assignments.known(claim).collects
        if collects is None:
            return claim.params, False
        return self._assignments.collected(collects), True

    def _new_child(self, key: Key, claim: Claim) -> ChildProcess | None:
        assignment = self._assignments.known(claim)
        seat = self._packing.take(assignment.request)
        while seat is None and self._dismiss_idle(key):
            seat = self._packing.take(assignment.request)
        if seat is None:
            return None
        nursery = self._nursery_for(assignment)
        child = ChildProcess(nursery, key, self._role(assignment, seat.cpus, seat.gpus, seat.num_cpus), seat)
        if not child.pid:
            self._packing.give_back([seat])
            child.close()
            return None
        self._children[child.pid] = child
        return child

    def _dismiss_idle(self, key: Key) -> bool:
        """Make room by letting an idle child of other jobs go."""
        idle = [child for child in self._children.values() if not len(child) and child.key != key]
        if not idle:
            return False
        child = min(idle, key=lambda child: child.idle_since)
        del self._children[child.pid]
        self._packing.give_back([child.seat])
        child.close()
        return True

    def _nursery_for(self, assignment: Assignment) -> Nursery:
        """The nursery that has imported what the function needs; only where its threads are one, so that forking is safe."""
        single = assignment.request.num_cpus == 1
        imports = assignment.function.imports if single else ()
        limits = dict.fromkeys(THREAD_VARIABLES, str(assignment.request.num_cpus))
        kind = (assignment.request.num_cpus, imports)
        nursery = self._nurseries.get(kind)
        if nursery is None or nursery.is_gone:
            preload = imports if nursery is None else ()  # it died of what it imported: the jobs will tell
            nursery = self._nurseries[kind] = self._root.branch(limits, preload)
        return nursery

    def _role(self, assignment: Assignment, cpus: tuple[int, ...], gpus: tuple[str, ...], num_cpus: int) -> Role:
        variables = {**assignment.environment.variables, **dict.fromkeys(THREAD_VARIABLES, str(num_cpus))}
        if assignment.request.num_gpus or self._packing.whole.num_gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        for name, value in os.environ.items():
            # What belongs to this node and this allocation, not to where the notebook ran.
            if name.startswith(("SLURM", "TMPDIR")):
                variables[name] = value
        return Role(
            function=assignment.function,
            call=assignment.call,
            cwd=assignment.environment.cwd,
            variables=variables,
            cpus=cpus,
            spill_folder=os.path.join(self._workflow.files, "values"),
            seed=self._workflow.id or 0,
        )

    # Looking after.

    def look_after(self) -> list[Claim]:
        """Stop what runs too long or takes too much memory, take back what waits behind a long job.

        Returns the jobs that have been running for a while and were not said to.
        """
        now = time.time()
        news = []
        for child in self._children.values():
            current = child.current
            if current is None or now - child.began < LONG:
                continue
            for claim in reversed(child.take_back()):
                self._waiting.setdefault(child.key, deque()).appendleft(claim)
            request = self._assignments.known(current).request
            if request.timeout is not None and now - child.began > request.timeout and child.killed_because is None:
                child.kill(JobStatus.TERMINATED, f"ran longer than its timeout of {format_duration(request.timeout)}")
            if (current.job_id, current.attempt) not in self._marked:
                self._marked.add((current.job_id, current.attempt))
                news.append(current)
        self._watch_memory(now)
        return news

    def _watch_memory(self, now: float) -> None:
        long_running = [child for child in self._children.values() if child.current and now - child.began > 0.5]
        used = memory.of_trees([child.pid for child in long_running])
        for pid, amount in used.items():
            self._peaks[pid] = max(self._peaks.get(pid, 0), amount)
        requests = {child.pid: self._request(child) for child in long_running}
        victim = memory.victim(used, requests, self._packing)
        if victim is not None and self._children[victim].killed_because is None:
            asked = self._packing.memory_of(requests[victim])
            self._children[victim].kill(JobStatus.FAILED, memory.verdict(used[victim], asked))

    def _request(self, child: ChildProcess) -> Request:
        current = child.current
        assert current is not None
        return self._assignments.known(current).request

    def cancel(self, attempts: Sequence[tuple[int, int]]) -> None:
        """Stop these attempts: those that wait are dropped, those that run are killed."""
        wanted = set(attempts)
        if not wanted:
            return
        for key, waiting in self._waiting.items():
            self._waiting[key] = deque(claim for claim in waiting if (claim.job_id, claim.attempt) not in wanted)
        for child in self._children.values():
            if any((claim.job_id, claim.attempt) in wanted for claim in child.jobs):
                current = child.current
                assert current is not None
                if (current.job_id, current.attempt) in wanted:
                    child.kill(JobStatus.TERMINATED, "canceled by the user")

    # Bringing to an end.

    def collect(self) -> None:
        """Take in what children answered, and what became of those that died."""
        for child in list(self._children.values()):
            self._take_answers(child)
        for nursery in list(self._nurseries.values()):
            for pid, wait_status in nursery.exits():
                child_or_none = self._children.pop(pid, None)
                if child_or_none is not None:
                    self._bury(child_or_none, wait_status)

    def _take_answers(self, child: ChildProcess) -> None:
        n, total = 0, 0.0
        for claim, outcome in child.outcomes():
            if outcome is None:
                self._waiting.setdefault(child.key, deque()).appendleft(claim)
                continue
            n += 1
            total += outcome[5]
            self._complete(claim, outcome, self._peaks.pop(child.pid, 0) if self._peaks else 0)
        if n:
            self._learn(child.key, total / n + OVERHEAD)

    def _learn(self, key: Key, seconds: float) -> None:
        """Follow the run times, quickly upwards: a batch that is too long hurts more than one too short."""
        known = self._pace.get(key)
        weight = 0.5 if known is None or seconds > known else 0.2
        pace = seconds if known is None else (1 - weight) * known + weight * seconds
        self._pace[key] = pace
        self._map_pace[max(0, key[0])] = pace

    def _complete(self, claim: Claim, outcome: Outcome, tree_peak: int = 0) -> None:
        (_, _, status, return_code, started, seconds, cpu, peak, value, error_type, error, trace, out, err) = outcome
        was_running = False
        if self._marked:
            attempt = (claim.job_id, claim.attempt)
            if attempt in self._marked:
                was_running = True
                self._marked.discard(attempt)
        self._done.append(
            Completion(
                claim.job_id, claim.attempt, claim.run_id, claim.map_id, claim.requirement_id, claim.function_id,
                status, return_code, started, seconds, cpu, max(peak, tree_peak), value,
                claim.params_digest + self._assignments.known(claim).function.digest, error_type, error, trace,
                self._log.append(out, err) if out or err else 0, len(out), len(err), was_running,
            )
        )  # fmt: skip

    def _bury(self, child: ChildProcess, wait_status: int) -> None:
        """Settle the jobs of a child that died: the one that ran fails with the reason, those behind it run elsewhere."""
        self._take_answers(child)
        self._packing.give_back([child.seat])
        current = child.current
        behind = child.jobs
        if current is not None and (child.killed_because is not None or child.is_to_blame):
            behind = behind[1:]
            self._complete(current, self._obituary(child, current, wait_status), self._peaks.pop(child.pid, 0))
        for claim in reversed(behind):
            self._waiting.setdefault(child.key, deque()).appendleft(claim)
        self._peaks.pop(child.pid, None)
        child.close()

    def _obituary(self, child: ChildProcess, claim: Claim, wait_status: int) -> Outcome:
        status, error_type, error, code = _cause_of_death(child, wait_status)
        out, err = child.printed()
        seconds = max(0.0, time.time() - child.began)
        return (
            claim.job_id, claim.attempt, int(status), code, child.began, seconds, 0.0, 0, None, error_type, error,
            None, out, err,
        )  # fmt: skip

    def stop(self) -> None:
        """End all children: what they finished counts, what they run is stopped and given back."""
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + LAST_WORD
        while time.monotonic() < deadline and any(len(child) for child in self._children.values()):
            for nursery in self._nurseries.values():
                for pid, _ in nursery.exits():
                    self._part_with(pid)
            time.sleep(0.02)
        for pid in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            self._part_with(pid)

    def _part_with(self, pid: int) -> None:
        child = self._children.pop(pid, None)
        if child is not None:
            self._take_answers(child)
            child.close()


def _cause_of_death(child: ChildProcess, wait_status: int) -> tuple[JobStatus, str, str, int]:
    """The status, kind, message and return code of a job whose process ended under it."""
    code = os.waitstatus_to_exitcode(wait_status)
    if child.killed_because is not None:
        status, reason = child.killed_because
        kind = {JobStatus.TERMINATED: "Terminated"}.get(status, "MemoryError")
        return status, kind, reason, code
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; perhaps the node ran out of memory" if -code == signal.SIGKILL else ""
        return JobStatus.FAILED, name, f"its process was killed by {name} ({signal.strsignal(-code)}){hint}", code
    return JobStatus.FAILED, "ProcessExit", f"its process ended itself with exit code {code}", code
