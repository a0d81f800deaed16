"""Looks after running jobs: time limits, memory, and those behind a long one."""

from __future__ import annotations

import time

from torc_nb.models import Claim, JobStatus
from torc_nb.models.quantities import format_duration
from torc_nb.worker import memory
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.crew import Crew
from torc_nb.worker.packing import Packing
from torc_nb.worker.reports import Reports

#: A job that runs for this long is shown as running, and those behind it are taken back, in seconds.
LONG = 0.05
#: From which run time on, and how often, a job's memory is looked at, in seconds.
SAMPLE = 0.25
#: What ran into its timeout may end in its own way after SIGTERM, before SIGKILL, in seconds.
LAST_SECONDS = 10.0


class Guard:
    """Stops what runs too long or takes too much memory."""

    def __init__(self, crew: Crew, packing: Packing, assignments: Assignments, reports: Reports) -> None:
        self._crew = crew
        self._packing = packing
        self._assignments = assignments
        self._reports = reports
        self._next_sample = 0.0

    def make_a_round(self) -> list[Claim]:
        """Look at every running job; returns those that run for a while and were not said to."""
        now = time.time()
        self._crew.kill_canceled()
        long_running = [child for child in self._crew.children if self._ran_for(child, now) > LONG]
        for child in long_running:
            if not child.is_held_up:
                self._crew.take_back(child)
            self._crew.is_slow(child, now - child.began)
            self._check_time(child, now)
        if now > self._next_sample:
            self._crew.oom_killer.look()
            self._check_memory([child for child in long_running if now - child.began > SAMPLE])
            # On a node of thousands of processes a look takes its time: a twentieth of ours at most.
            self._next_sample = now + max(SAMPLE, 20 * (time.time() - now))
        running = [child.current for child in long_running]
        return [claim for claim in running if claim is not None and self._reports.mark(claim)]

    def _ran_for(self, child: ChildProcess, now: float) -> float:
        if not child.has_begun:  # loading the function is not the job's time
            child.began = now
        return now - child.began

    def _check_time(self, child: ChildProcess, now: float) -> None:
        if child.current is None:
            return
        timeout = self._assignments.known(child.current).request.timeout
        if timeout is not None and now - child.began > timeout:
            child.warn(JobStatus.TERMINATED, f"ran longer than its timeout of {format_duration(timeout)}", LAST_SECONDS)

    def _check_memory(self, children: list[ChildProcess]) -> None:
        used = memory.of_trees([child.pid for child in children])
        for pid, amount in used.items():
            self._crew.peaks[pid] = max(self._crew.peaks.get(pid, 0), amount)
        asked = {
            child.pid: self._packing.memory_of(self._assignments.known(child.current).request)
            for child in children
            if child.current is not None
        }
        victim = memory.victim(used, asked, self._packing.whole.memory)
        for child in children:
            if child.pid == victim:
                child.kill(JobStatus.FAILED, memory.verdict(used[child.pid], asked[child.pid]))
