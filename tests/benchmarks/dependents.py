"""Question: how soon does what waits for a job begin when that job has ended, on a worker that is there already?

Pairs, one after the other: a job that takes a moment, and one that waits for it, both declared before the first has
begun. Functions read the clock themselves, at the end of the one and at the beginning of the other; of commands it is
what their worker recorded.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.latency import percentile
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import REPOSITORY
from tests.benchmarks.workload import rested, started

HEADINGS = ["Database", "Which waits", "Pairs", "Median ms", "95th percentile ms", "Largest ms"]
#: How long the first of a pair takes, in seconds; random, so that its end does not fall in step with any polling.
TAKES_SECONDS = (0.2, 0.4)
#: So long nobody looks whether a pair has ended: looking takes CPU time and the database's.
UNSEEN_SECONDS = 0.6

#: Declares a pair and waits for both; returns the seconds between the two.
Pair = Callable[[Any, str], float]


def measure(pairs: int, folder: Path) -> Section:
    """Time pairs of each kind on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            for kind, pair in KINDS.items():
                rows.append([name, kind, str(pairs), *_figures(_gaps(place, kind, pair, pairs))])
    return Section("From the end of a job to the start of one that waits for it", Table(HEADINGS, rows), [
        "One worker of two CPUs that is running already and has nothing else to do, but where that is said.",
        f"The first of a pair takes {TAKES_SECONDS[0]} to {TAKES_SECONDS[1]} s; both are declared before it begins.",
        "For each function, and each postprocess, a process is started; commands share theirs.",
    ])  # fmt: skip


def _command(workflow: Any, name: str) -> float:
    first = workflow.command(f"sleep {_moment():.3f}", name=name)
    second = workflow.command("true", name=f"{name}, then", blocked_by=first)
    _wait(second)
    (before,), (after,) = (workflow.api.list_results(workflow.id, job.id) for job in (first, second))
    return float(after.started - (before.started + before.seconds))


def _function(workflow: Any, name: str) -> float:
    from torc_nb import JobModel

    first = workflow.map(rested, [{"seconds": _moment()}], name=name)
    second = workflow.api.create_job(JobModel(
        workflow_id=workflow.id, name=f"{name}, then", module=started.__module__, func=started.__name__, params={},
        module_directory=str(REPOSITORY), blocked_by=[_only_job(workflow, first)],
    ))  # fmt: skip
    _wait(workflow)
    return float(workflow.api.value(workflow.id, second.id)["started"]) - _ended(first)


def _postprocess(workflow: Any, name: str) -> float:
    declared = workflow.map(rested, [{"seconds": _moment()}], name=name, postprocess=started)
    _wait(workflow)
    return float(declared.postprocess_result()["started"]) - _ended(declared)


def _beside_a_long_job(workflow: Any, name: str) -> float:
    long = workflow.command("sleep 60", name=f"{name}, beside it")
    time.sleep(random.uniform(0.3, 0.6))  # it runs by now
    try:
        return _command(workflow, name)
    finally:
        workflow.cancel([long.id])


KINDS: dict[str, Pair] = {
    "command": _command,
    "command, beside a long job": _beside_a_long_job,
    "function": _function,
    "postprocess": _postprocess,
}


def _gaps(place: Place, kind: str, pair: Pair, pairs: int) -> list[float]:
    workflow = place.workflow(kind)
    workflow.run(num_cpus=2)
    try:
        pair(workflow, "warm-up")
        return [pair(workflow, f"pair {number}") for number in range(pairs)]
    finally:
        workflow.cancel()


def _wait(awaited: Any) -> None:
    time.sleep(UNSEEN_SECONDS)
    awaited.wait(progress=False)


def _moment() -> float:
    return random.uniform(*TAKES_SECONDS)


def _only_job(workflow: Any, declared: Any) -> int:
    (job,) = workflow.api.list_jobs(workflow.id, map_id=declared.id)
    return int(job.id)


def _ended(declared: Any) -> float:
    return float(declared.results()["result.ended"].iloc[0])


def _figures(gaps: list[float]) -> list[str]:
    return [f"{1000 * seconds:.0f}" for seconds in (median(gaps), percentile(gaps, 95), max(gaps))]
