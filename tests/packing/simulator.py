"""Workers on many nodes in a simulated time: their own code decides, on a real database, and only the jobs are played.

What is real: declaring, `claims.exchange`, and of each worker its crew with stock, pace, packing, appetite and
assignments. What is played: the children, which end a job when its time has come, and the worker's loop, which asks the
crew and the database whenever anything ends, as the real one does.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from store.scene import completion

from torc_nb import functions
from torc_nb.models import Claim, Introduction, JobStatus, ResourceRequirementsModel, WorkflowModel
from torc_nb.store import (
    Database,
    claims,
    environments,
    leases,
    machine,
    maps,
    requirements,
    returning,
    schema,
    workflows,
)
from torc_nb.store import functions as stored_functions
from torc_nb.worker import crew, guard, outlook, packing, reports, stock
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.crew import Crew
from torc_nb.worker.packing import Packing
from torc_nb.worker.reports import Reports
from torc_nb.worker.shift import ROUND

from .mixes import NODE, Mix

#: Whoever reads a clock of these reads the simulated one.
_CLOCKED = (crew, outlook, packing, reports, stock)


class Ran(NamedTuple):
    """How long it took, when each job began, as time, job and node, and how often workers spoke to the database."""

    makespan: float
    began: list[tuple[float, int, int]]
    exchanges: int


class Simulation:
    """One mix on so many nodes."""

    def __init__(self, database: Database, folder: Path, mix: Mix, nodes: int, ended_before: int) -> None:
        self.database = database
        self.now = 0.0
        self.began: list[tuple[float, int, int]] = []  # when, which job, where
        self.exchanges = 0
        self._events: list[tuple[float, int, Worker]] = []
        self._numbers = itertools.count()
        self.id = workflows.create(database, WorkflowModel(name="packing", files=str(folder))).id or 0
        workflows.set_state(database, self.id, "started")
        self.seconds = _declare(database, self.id, mix, ended_before)
        self.workers = [Worker(self, number) for number in range(nodes)]

    def run(self) -> float:
        """Run all jobs; returns the makespan."""
        with _clocks(self):
            for worker in self.workers:
                worker.step()
            while self._events:
                self.now = self._events[0][0]
                due = []
                while self._events and self._events[0][0] <= self.now:
                    worker = heapq.heappop(self._events)[2]
                    if worker not in due:
                        due.append(worker)
                for worker in due:
                    worker.step()
        for worker in self.workers:
            worker.close()
        assert len(self.began) == len(self.seconds)
        return max(when + self.seconds[job_id] for when, job_id, _ in self.began)

    def call_at(self, when: float, worker: Worker) -> None:
        """Have a worker's loop turn at a time to come."""
        heapq.heappush(self._events, (when, next(self._numbers), worker))

    def wake_others(self, worker: Worker) -> None:
        """Let all others look again: there is work that was not there."""
        for other in self.workers:
            if other is not worker:
                other.is_told = True
                self.call_at(self.now, other)


class Worker:
    """A node's worker: the parts that decide, and a loop that turns when told."""

    def __init__(self, simulation: Simulation, number: int) -> None:
        self.simulation, self.number = simulation, number
        who = Introduction(
            simulation.id, f"n{number}", os.getpid(), machine.boot_id(), machine.process_start(),
            num_cpus=NODE.num_cpus, memory=NODE.memory,
        )  # fmt: skip
        database = simulation.database
        self.id = leases.join(database, who).id
        self.assignments = Assignments(database, simulation.id)
        self.packing = Packing(NODE, (), ())
        self.reports = Reports(self.assignments, self.packing, None)  # type: ignore[arg-type]  # nothing is printed
        self.crew = Crew(_Nurseries(), self.packing, self.assignments, self.reports, self._hire)  # type: ignore[arg-type]
        self.is_told = True
        self._unfit: tuple[int, ...] = ()
        self._next_round = 0.0

    def _hire(self, _nursery: object, key: Any, _role: object, seat: Any) -> PlayedChild:
        return PlayedChild(self, key, seat)

    def close(self) -> None:
        """Remove what it has on the disk."""
        self.assignments.scratch.rmdir()

    def step(self) -> None:
        """Take in what ended, ask for jobs while there are any, and begin them: a turn of the loop."""
        self.crew.collect()
        self.crew.hand_out()
        self._make_a_round()
        while True:
            done = self.reports.take()
            appetite = self.crew.appetite()
            is_hungry = appetite is not None and (self.is_told or appetite.places != self._unfit)
            if not done and not is_hungry:
                break
            if is_hungry:
                self.assignments.outlook.refresh()
            answer = claims.exchange(
                self.simulation.database,
                self.simulation.id,
                self.id,
                completions=done,
                room=appetite.room_for if appetite is not None and is_hungry else None,
                urgency=appetite.urgency if appetite is not None else None,
                only_to_claim=not done,
            )
            self.simulation.exchanges += 1
            self.is_told = False
            self._unfit = () if answer.claims or appetite is None else appetite.places
            for claim in answer.claims:
                self.assignments.load(claim)
            self.crew.accept(answer.claims)
            self.crew.hand_out()
        self._plan_a_round()

    def _make_a_round(self) -> None:
        """What the guard and the loop do every now and then, as far as it concerns who runs what."""
        now = self.simulation.now
        if now < self._next_round:
            return
        for child in self.crew.children:
            if len(child) and now - child.began > guard.LONG:
                if not child.is_held_up:
                    self.crew.take_back(child)
                self.crew.is_slow(child, now - child.began)
        self._next_round = now + ROUND
        if back := self.crew.take_unserved():
            returning.give_back(self.simulation.database, self.simulation.id, self.id, [one.job_id for one in back])
            self.simulation.wake_others(self)
            self.is_told = True
        self.crew.hand_out()

    def _plan_a_round(self) -> None:
        """A round changes something only where jobs wait here."""
        if self.crew._stock or any(len(child) > 1 for child in self.crew.children):
            self.simulation.call_at(max(self._next_round, self.simulation.now + ROUND / 10), self)


class PlayedChild:
    """A child that runs nothing: each job ends when its time has come."""

    _pids = itertools.count(1)

    def __init__(self, worker: Worker, key: Any, seat: Any) -> None:
        self.pid = next(self._pids)
        self.nursery = None
        self.key, self.seat = key, seat
        self.sentence = None
        self.is_held_up = False
        self.outbox = SimpleNamespace(is_empty=True)
        self.began = self.idle_since = worker.simulation.now
        self._worker = worker
        self._given: deque[Claim] = deque()
        self._ends = 0.0

    def __len__(self) -> int:
        return len(self._given)

    @property
    def jobs(self) -> list[Claim]:
        """The jobs that it has not answered."""
        return list(self._given)

    @property
    def current(self) -> Claim | None:
        """The job that it runs now."""
        return self._given[0] if self._given else None

    def was_warned(self, _claim: Claim) -> bool:
        """Whether it was asked to end: none is."""
        return False

    def give(self, given: Sequence[Claim], _params: object) -> None:
        """Hand it jobs, after those that it has."""
        is_idle = not self._given
        self._given.extend(given)
        if is_idle:
            self._begin(self._worker.simulation.now)

    def take_back(self) -> list[Claim]:
        """Take back the jobs behind the current one."""
        self.is_held_up = bool(self._given)
        behind = list(self._given)[1:]
        self._given = deque(list(self._given)[:1])
        return behind

    def outcomes(self) -> Iterator[tuple[Claim, Any]]:
        """Yield what has ended by now, and begin the next in time."""
        while self._given and self._ends <= self._worker.simulation.now:
            claim, ended = self._given.popleft(), self._ends
            self.is_held_up = False
            seconds = self._worker.simulation.seconds[claim.job_id]
            if self._given:
                self._begin(ended)
            else:
                self.idle_since = ended
            yield claim, _outcome(claim, seconds)

    def close(self) -> None:
        """There is nothing to close."""

    def _begin(self, when: float) -> None:
        job_id = self._given[0].job_id
        self.began, self._ends = when, when + self._worker.simulation.seconds[job_id]
        self._worker.simulation.began.append((when, job_id, self._worker.number))
        self._worker.simulation.call_at(self._ends, self._worker)


class _Nurseries:
    """One nursery, which is ready and loses no child."""

    is_ready = True

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def of(self, _assignment: object) -> _Nurseries:
        return self

    def role(self, _assignment: object, _seat: object) -> None:
        return None


def _outcome(claim: Claim, seconds: float) -> Any:
    return (
        claim.job_id, claim.attempt, int(JobStatus.COMPLETED), 0, 0.0, seconds, seconds, 0, "null", None, None, None,
        b"", b"", None, None, None,
    )  # fmt: skip


def _work(row: int) -> int:
    return row


def _declare(database: Database, workflow_id: int, mix: Mix, ended_before: int) -> dict[int, float]:
    """Declare a map for each of the mix's, of which so many more have completed; returns how long each job takes."""
    function_id = stored_functions.keep(database, workflow_id, functions.capture(_work))
    environment_id = environments.keep(database, workflow_id, environments.Environment("/", {}))
    by_map: dict[int, list[float]] = {}
    rows = iter(maps.Parameters(str(n), n.to_bytes(16, "big")) for n in itertools.count())
    for number, jobs in itertools.groupby(mix.jobs, key=lambda job: job.map_number):
        same = list(jobs)
        asked = ResourceRequirementsModel(
            workflow_id=workflow_id, num_cpus=same[0].num_cpus, memory=same[0].memory, runtime=mix.runtimes[number]
        )
        requirement_id = requirements.keep(database, asked).id or 0
        declaration = maps.Declaration(f"map {number}", function_id, environment_id, requirement_id)
        of_map = itertools.islice(rows, len(same) + ended_before)
        map_id = maps.declare(database, workflow_id, declaration, of_map).map_id
        by_map[map_id] = [job.seconds for job in same]
    if ended_before:
        _end_some(database, workflow_id, by_map, ended_before)
    with database.read() as connection:
        found = connection.execute(
            select(schema.jobs.c.id, schema.jobs.c.map_id)
            .where(schema.jobs.c.status == int(JobStatus.READY))
            .order_by(schema.jobs.c.id)
        ).all()
    return {job_id: by_map[map_id].pop(0) for job_id, map_id in found}


def _end_some(database: Database, workflow_id: int, by_map: dict[int, list[float]], n: int) -> None:
    """Complete so many jobs of each map before anything else, as quickly as others of it."""
    worker = leases.join(
        database,
        Introduction(workflow_id, "before", os.getpid(), machine.boot_id(), machine.process_start(), num_cpus=1),
    )
    answer = claims.exchange(database, workflow_id, worker.id, room=lambda *_: n)
    ended = [
        completion(claim, seconds=by_map[claim.map_id][place % len(by_map[claim.map_id])])
        for place, claim in enumerate(answer.claims)
    ]
    claims.exchange(database, workflow_id, worker.id, completions=ended)
    leases.leave(database, worker)


@contextlib.contextmanager
def _clocks(simulation: Simulation) -> Iterator[None]:
    """Have the workers' code read the simulated clock."""
    clock = SimpleNamespace(monotonic=lambda: simulation.now, time=lambda: simulation.now)
    with pytest.MonkeyPatch.context() as patch:
        for module in _CLOCKED:
            patch.setattr(module, "time", clock)
        yield


def simulate(url: str, folder: Path, mix: Mix, nodes: int, *, ended_before: int = 0) -> Ran:
    """Run a mix on so many nodes, in a database of its own; so many more jobs of each map have completed before."""
    database = Database.open(url)
    try:
        simulation = Simulation(database, folder, mix, nodes, ended_before)
        makespan = simulation.run()
        return Ran(makespan, simulation.began, simulation.exchanges)
    finally:
        database.close()
