"""Question: how many rows does it cost that a thousand jobs wait for a thousand others?

A map that waits for all jobs of another, and one that waits for all but one of them; each in a workflow of its own. No
clock: what is written for it is counted, beside the jobs themselves.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import REPOSITORY
from tests.benchmarks.workload import fresh_parameters, run

#: Where it is written who waits for whom.
TABLES = ["job_dependencies", "map_dependencies", "map_blockers"]
HEADINGS = ["Database", "What is waited for", *(f"Rows in {table}" for table in TABLES), "Declared in ms"]


def measure(jobs: int, folder: Path) -> Section:
    """Declare the two barriers on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            rows.append([name, f"all {jobs:,} jobs of a map", *_counted(place, jobs, jobs)])
        with database(folder) as place:
            rows.append([name, f"{jobs:,} jobs of a map of {jobs + 1:,}", *_counted(place, jobs + 1, jobs)])
    return Section(f"{jobs:,} jobs that wait for {jobs:,}", Table(HEADINGS, rows), [
        "`map_function_to_jobs` with the ids of all jobs that are waited for in `blocked_by_job_ids`.",
    ])  # fmt: skip


def _counted(place: Place, there: int, awaited: int) -> list[str]:
    from torc_nb import map_function_to_jobs
    from torc_nb.api import Api

    workflow = place.workflow("barrier")
    api: Api = workflow.api
    where = {"module": run.__module__, "func": run.__name__, "module_directory": REPOSITORY}
    first = map_function_to_jobs(api, workflow.id, params=fresh_parameters(there), **where)
    ids = [job.id or 0 for job in first[:awaited]]
    before = time.perf_counter()
    map_function_to_jobs(api, workflow.id, params=fresh_parameters(awaited), blocked_by_job_ids=ids, **where)
    seconds = time.perf_counter() - before
    with api.database.read() as connection:
        counts = [connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in TABLES]
    return [*(f"{n:,}" for n in counts), f"{1000 * seconds:.0f}"]
