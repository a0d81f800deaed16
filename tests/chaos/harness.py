"""A workflow run to its end while faults come, with workers brought again whenever they are gone."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from chaos import processes, schedule
from chaos.schedule import Planned
from chaos.sites import Site
from torc_nb.errors import DatabaseUnavailable, LaunchError
from torc_nb.models import JobStatus

#: How often the workflow is looked after, in seconds.
LOOK = 0.5
#: How often it is told how it goes, in seconds.
TELL = 20.0
#: How many faults may last at once.
AT_ONCE = 5
#: How long, after all jobs have finished, workers may take to leave, and what they left to be taken in, in seconds.
AFTERWARDS = 60.0


@dataclass(frozen=True)
class Injected:
    """A fault that came, and what it hit."""

    kind: str
    began: float
    ended: float
    hit: str


@dataclass
class Course:
    """What happened."""

    injected: list[Injected] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # faults that could not be injected
    rows: list[tuple[str, int, int]] = field(default_factory=list)  # of each map: name, first row, count
    reruns: int = 0  # of jobs that had failed
    seconds: float = 0.0
    timed_out: bool = False
    processes_left: list[int] = field(default_factory=list)
    spools_left: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> int:
        """How many were mapped."""
        return sum(count for _, _, count in self.rows)


class Harness:
    """Runs at least so many jobs, and more while there are faults to come.

    Parameters
    ----------
    limit : float
        The seconds after which what has not finished is stuck.
    """

    def __init__(self, site: Site, seed: int, jobs: int, faults: Sequence[Planned], limit: float) -> None:
        self._site = site
        self._faults = faults
        self._jobs = jobs
        self._round = max(200, min(1000, jobs // 10))
        self._seed = seed
        self._limit = limit
        self._told = time.monotonic()
        self.course = Course()

    def run(self) -> Course:
        """Run it; returns when all jobs have finished, and all faults are over, or the limit is reached."""
        began = time.monotonic()
        deadline = began + self._limit
        with self._faults_coming() as are_over:
            while not (are_over.is_set() and self._has_finished()):
                if time.monotonic() > deadline:
                    self.course.timed_out = True
                    break
                self._look_after(are_over.is_set())
                time.sleep(LOOK)
        self.course.seconds = time.monotonic() - began
        self._wait_for_peace()
        return self.course

    @contextmanager
    def _faults_coming(self) -> Iterator[threading.Event]:
        """Inject the faults meanwhile, each in a thread of its own; the event is set when all are over."""
        are_over = threading.Event()

        def inject() -> None:
            began = time.monotonic()
            with ThreadPoolExecutor(AT_ONCE) as hands:
                for planned in self._faults:
                    if self._site.scene.is_over.wait(max(0.0, began + planned.at - time.monotonic())):
                        break
                    self._note(planned, hands.submit(self._site.kinds[planned.kind], self._site.scene, planned))
            are_over.set()

        injector = threading.Thread(target=inject)
        injector.start()
        try:
            yield are_over
        finally:
            self._site.scene.is_over.set()
            injector.join()

    def _note(self, planned: Planned, fault: Future[str]) -> None:
        came = time.time()

        def note(fault: Future[str]) -> None:
            error = fault.exception()
            if error is None:
                self.course.injected.append(Injected(planned.kind, came, time.time(), fault.result()))
            else:
                self.course.refused.append(f"{planned.kind}: {''.join(traceback.format_exception(error))}")

        fault.add_done_callback(note)

    def _look_after(self, are_faults_over: bool) -> None:
        """Do what a user does who comes by: map, run failed jobs again, bring workers."""
        try:
            numbers = self._site.api.numbers(self._site.workflow_id)
            left = sum(n for status, n in numbers.items() if not status.is_finished)
            if left < self._round / 2 and not (are_faults_over and self.course.jobs >= self._jobs):
                self._map_more()
            self._tell(numbers)
            if numbers.get(JobStatus.FAILED):
                self.course.reruns += self._site.api.rerun(self._site.workflow_id, [JobStatus.FAILED]).ready
            self._site.bring_workers()
        except DatabaseUnavailable:
            pass  # that was the fault; next time
        except LaunchError as error:
            print(f"workers could not be brought: {error}", file=sys.stderr)

    def _tell(self, numbers: dict[JobStatus, int]) -> None:
        """Say now and then how it goes."""
        if time.monotonic() - self._told > TELL:
            self._told = time.monotonic()
            stand = ", ".join(f"{n} {status.label}" for status, n in sorted(numbers.items()) if n)
            alive = len(processes.workers(self._site.scene.files))
            print(f"{len(self.course.injected)} faults; {alive} workers; {stand}", file=sys.stderr, flush=True)

    def _map_more(self) -> None:
        first = self.course.jobs
        name = f"round_{len(self.course.rows)}"
        self._site.map_more(name, first, schedule.lengths(self._seed + first, self._round))
        self.course.rows.append((name, first, self._round))

    def _has_finished(self) -> bool:
        """Whether all jobs have completed, with the parameters that they have by now."""
        if self.course.jobs < self._jobs:
            return False
        api, workflow_id = self._site.api, self._site.workflow_id
        try:
            numbers = api.numbers(workflow_id)
            if any(n for status, n in numbers.items() if status is not JobStatus.COMPLETED):
                return False
            return api.reinitialize(workflow_id).affected == 0
        except DatabaseUnavailable:
            return False

    def _wait_for_peace(self) -> None:
        """Wait until all workers have left, and what the dead ones left is taken in."""
        deadline = time.monotonic() + AFTERWARDS
        while time.monotonic() < deadline:
            self._site.api.status(self._site.workflow_id)
            self.course.processes_left = processes.left(self._site.scene.files)
            self.course.spools_left = sorted(str(path) for path in self._site.scene.files.glob("spool/*"))
            if self.course.timed_out or not (self.course.processes_left or self.course.spools_left):
                break
            time.sleep(LOOK)
