"""Question: from nothing running, how long does it take from `wf.run()` to the first result?"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import fresh_parameters, run

HEADINGS = ["Database", "Starts", "Fastest s", "Median s", "Slowest s"]
JOBS = 1000


def measure(starts: int, folder: Path) -> Section:
    """Start a worker `starts` times on each database, on a workflow with jobs that wait."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            seconds = [_first_result(place, number) for number in range(starts)]
        rows.append([name, str(starts), *(f"{each:.2f}" for each in (min(seconds), median(seconds), max(seconds)))])
    return Section("From run() to the first result, cold", Table(HEADINGS, rows), [
        f"A workflow with {JOBS:,} trivial jobs and no worker; the clock stops when the first of them is completed.",
    ])  # fmt: skip


def _first_result(place: Place, number: int) -> float:
    workflow = place.workflow(f"cold{number}")
    workflow.map(run, fresh_parameters(JOBS))
    began = time.perf_counter()
    workflow.run(num_cpus=2)
    while not any(status.label == "completed" for status in workflow.api.progress(workflow.id).statuses):
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    workflow.wait(progress=False)
    workflow.cancel()
    return seconds
