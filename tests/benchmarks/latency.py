"""Question: how soon does a worker that idles start a job that becomes ready?

A job notes when it started; that is set against the moment `map` returned (the job may have started before: then the
figure is negative) and against the moment `map` was called, which includes declaring and storing the job.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import fresh_parameters, started

HEADINGS = ["Database", "Jobs", "Median ms", "95th percentile ms", "Largest ms", "95th percentile ms from the call"]
#: Pauses between the jobs, in seconds; random, so that they do not fall in step with the worker's polling.
IDLE_SECONDS = (0.2, 1.2)


class Start(NamedTuple):
    """How long after `map` was called, and after it returned, a job started; in seconds."""

    since_call: float
    since_return: float


def measure(singles: int, folder: Path) -> Section:
    """Time single jobs, one after the other, on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            try:
                rows.append([name, *_figures(_starts(place, singles))])
            except Exception as reason:
                rows.append([name, f"could not run: {reason}", "", "", "", ""])
    return Section(
        "From ready to started, on an idle worker",
        Table(HEADINGS, rows),
        [
            f"Each job is a map of its own, declared after a pause of {IDLE_SECONDS[0]} to {IDLE_SECONDS[1]} s.",
            "The clock of the first three figures starts when `map` returns; one that began before counts as negative.",
        ],
    )


def _starts(place: Place, singles: int) -> list[Start]:
    workflow = place.workflow("latency")
    workflow.run(num_cpus=1)
    try:
        _start(workflow, "warm-up")
        return [_start(workflow, f"single{number}") for number in range(singles)]
    finally:
        workflow.cancel()


def _start(workflow: Any, name: str) -> Start:
    time.sleep(random.uniform(*IDLE_SECONDS))
    called = time.time()
    declared = workflow.map(started, fresh_parameters(1), name=name)
    returned = time.time()
    declared.wait(progress=False)
    began = float(declared.results()["result.started"].iloc[0])
    return Start(began - called, began - returned)


def _figures(starts: list[Start]) -> list[str]:
    since_return = [start.since_return for start in starts]
    shown = [
        median(since_return),
        percentile(since_return, 95),
        max(since_return),
        percentile([start.since_call for start in starts], 95),
    ]
    return [str(len(starts)), *(f"{1000 * seconds:.0f}" for seconds in shown)]


def percentile(values: list[float], percent: int) -> float:
    """The percentile of values, between those nearest to it."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
