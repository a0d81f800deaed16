"""Question: do many workers that claim from one map at the same moment run any job twice, or leave one out?

The workers are there, and idle, when the jobs appear. Each job appends its number to a file of the process that runs
it, outside the database; when all have completed these files are counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.idle import wait_for_workers
from tests.benchmarks.million import opened
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import noted

HEADINGS = ["Database", "Workers", "That ran jobs", "Jobs", "Executions", "Doubled", "Lost", "Seconds"]
STAY_SECONDS = 1200.0


def measure(workers: int, jobs: int, folder: Path) -> Section:
    """Let so many workers run so many jobs, on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place, TemporaryDirectory(prefix="bench-ran-", dir=folder) as ran:
            rows.append([name, *_figures(place, workers, jobs, Path(ran))])
    return Section("Many workers that claim from one map", Table(HEADINGS, rows), [
        "Each worker has one CPU, and is idle when the jobs appear.",
        "Each job appends its number to a file outside the database; executions are the lines of these files.",
        "The clock runs from the call of `map` until all have completed.",
    ])  # fmt: skip


def _figures(place: Place, workers: int, jobs: int, ran: Path) -> list[str]:
    workflow = place.workflow("crowd")
    workflow.start()
    database, workflow_id = opened(place, "crowd")
    try:
        for _ in range(workers):
            workflow.run(num_cpus=1, idle_timeout=STAY_SECONDS, more=True)
        wait_for_workers(database, workflow_id, workers)
        before = time.perf_counter()
        declared = workflow.map(noted, ({"number": number, "folder": str(ran)} for number in range(jobs)))
        declared.wait(progress=False)
        seconds = time.perf_counter() - before
        busy = _busy(database, declared.id)
    finally:
        workflow.cancel()
        database.close()
    times = Counter(_numbers(ran))
    doubled, lost = times.total() - len(times), len(set(range(jobs)) - set(times))
    return [f"{n:,}" for n in (workers, busy, jobs, times.total(), doubled, lost)] + [f"{seconds:.1f}"]


def _busy(database: Any, map_id: int) -> int:
    """How many workers ran jobs of a map."""
    statement = "SELECT count(DISTINCT results.worker_id) FROM results JOIN jobs ON jobs.id = results.job_id"
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"{statement} WHERE jobs.map_id = {map_id}").scalar())


def _numbers(ran: Path) -> Iterator[int]:
    for path in ran.iterdir():
        yield from map(int, path.read_text().split())
