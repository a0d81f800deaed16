"""Question: does completing a job cost more where a postprocess waits for all jobs of the map?

Two workflows in one database, one with a postprocess and one without. This process is the worker of both and completes
jobs of the one and of the other in turn, a batch at a time, so that what slows the machine slows both.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.million import completion_of, joined, opened
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import collected, generated_parameters, run

HEADINGS = ["Database", "Jobs of each", "Without, jobs/s", "With, jobs/s", "Median ratio of pairs", "Fastest tenth"]
#: How many ends of jobs a worker tells of at once while jobs are short.
BATCH = 1000
SIDES = {"without": None, "with": collected}


def measure(jobs: int, folder: Path) -> Section:
    """Complete so many jobs of each workflow, on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            rows.append([name, f"{jobs:,}", *_figures(_batches(place, jobs))])
    return Section("Completing jobs, with and without a postprocess that waits for them", Table(HEADINGS, rows), [
        f"Exchanges that record {BATCH:,} ends of jobs and claim nothing, of the two workflows in turn.",
        "The ratio is that of the rates of two exchanges that follow one another, with / without.",
        "Fastest tenth: the ratio of the rates of each side's fastest exchanges, which the machine's noise spares.",
    ])  # fmt: skip


def _batches(place: Place, jobs: int) -> dict[str, list[float]]:
    """The seconds of each exchange, by side."""
    for side, postprocess in SIDES.items():
        workflow = place.workflow(side)
        # One more than is completed: the postprocess goes on waiting.
        workflow.map(run, generated_parameters(jobs + 1), postprocess=postprocess)
        workflow.start()
    hands = {side: _Hand(place, side) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(jobs // BATCH):
        for side in reversed(SIDES) if number % 2 else SIDES:
            seconds[side].append(hands[side].complete_batch())
    for hand in hands.values():
        hand.leave()
    return seconds


class _Hand:
    """A worker that does nothing but say that its jobs have ended."""

    def __init__(self, place: Place, name: str) -> None:
        self._database, self._workflow_id = opened(place, name)
        self._worker = joined(self._database, self._workflow_id)

    def complete_batch(self) -> float:
        """Claim a batch and say that it has completed; returns the seconds for the latter."""
        from torc_nb.store import claims

        held = claims.exchange(self._database, self._workflow_id, self._worker.id, room=lambda *_: BATCH).claims
        if len(held) != BATCH:
            raise RuntimeError(f"{len(held)} jobs were claimed, not {BATCH}")
        completions: list[Any] = [completion_of(claim) for claim in held]
        before = time.perf_counter()
        claims.exchange(self._database, self._workflow_id, self._worker.id, completions=completions)
        return time.perf_counter() - before

    def leave(self) -> None:
        """Leave the workflow."""
        from torc_nb.store import leases

        leases.leave(self._database, self._worker)
        self._database.close()


def _figures(seconds: dict[str, list[float]]) -> list[str]:
    without, with_ = seconds["without"], seconds["with"]
    ratios = [a / b for a, b in zip(without, with_, strict=True)]
    tenth = max(1, len(without) // 10)
    fastest = sum(sorted(without)[:tenth]) / sum(sorted(with_)[:tenth])
    rates = [f"{BATCH * len(taken) / sum(taken):,.0f}" for taken in (without, with_)]
    return [*rates, f"{median(ratios):.2f}", f"{fastest:.2f}"]
