"""Question: what does it cost to find the one changed parameter among a million completed jobs, and to act on it?

The jobs and their results are made by SQL directly, as workers would have left them. Three measurements on each
database, each in a fresh interpreter: the dry run with its rows, `reinitialize`, and `reinitialize` when nothing has
changed; seconds, and the peak memory of that process. Meanwhile another workflow's worker goes on; its longest exchange
is what workers notice of it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import steps
from tests.benchmarks.databases import Place
from tests.benchmarks.report import Section
from tests.benchmarks.trial import peak_mib
from tests.benchmarks.workload import generated_parameters, run

STEPS = {"dry run": "dry", "reinitialize": "do", "reinitialize, nothing changed": "again"}

#: One result for each job of the only map, as its worker would have written it.
RESULTS = """
INSERT INTO results (job_id, attempt, run_id, status, return_code, late, worker_id, function_id, fingerprint, started,
    seconds, cpu_seconds, peak_memory, value, log_offset, stdout_bytes, stderr_bytes)
SELECT jobs.id, 1, 1, 5, 0, {false}, 1, maps.function_id, {fingerprint}, 1.0, 1.0, 1.0, 100000000, '{{"total":0.5}}',
    0, 0, 0
FROM jobs JOIN maps ON maps.id = jobs.map_id JOIN functions ON functions.id = maps.function_id
WHERE jobs.workflow_id = {workflow}
"""
COMPLETED = "UPDATE jobs SET status = 5, attempt = 1, result_attempt = 1 WHERE workflow_id = {workflow}"
COUNTED = "UPDATE job_counts SET status = 5 WHERE workflow_id = {workflow} AND n <> 0"
CHANGED = """
UPDATE jobs SET replaced = params, params = '{{"changed":true}}', params_digest = {other}, rev = rev + 1
WHERE id = (SELECT max(id) - 10 FROM jobs WHERE workflow_id = {workflow} AND map_id <> 0)
"""


class Step(NamedTuple):
    """What one step took in a fresh interpreter, and what it said."""

    seconds: float
    peak_mib: float
    ready: int
    waits: int


def measure(jobs: int, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""
    return Section(
        f"One parameter changed among {jobs:,} completed jobs",
        steps.table(folder, lambda place: _figures(place, jobs)),
        [steps.NOTES[0], "The dry run includes its rows: job, reason, old and new value.", steps.NOTES[1]],
    )


def _figures(place: Place, jobs: int) -> dict[str, str]:
    _complete(place, jobs)
    steps.begin_neighbour(place)
    figures = {}
    for name, word in STEPS.items():
        answer, found = steps.take(name, "tests.benchmarks.restarts", place, word)
        took = Step(**answer)
        if (took.ready, took.waits) != ((0, 0) if word == "again" else (1, 1)):
            raise RuntimeError(f"{name}: {took.ready} ready and {took.waits} waiting, not the one that was changed")
        figures |= found
    return figures


def _complete(place: Place, jobs: int) -> None:
    """Make the jobs, complete them, and change one."""
    from torc_nb.store.database import Database

    workflow = place.workflow("restarts")
    workflow.map(run, generated_parameters(jobs), postprocess=len)
    database = Database.open(place.url)
    words = words_of(database, workflow.id)
    for statement in (RESULTS, COMPLETED, COUNTED, CHANGED):
        with database.write() as connection:
            connection.exec_driver_sql(statement.format(**words))
    with database.write() as connection:  # the postprocess, which is of no map
        own = RESULTS.replace("JOIN maps ON maps.id = jobs.map_id ", "").replace("maps.function_id", "jobs.function_id")
        own = own.format(**words) + " AND jobs.map_id = 0"
        connection.exec_driver_sql(own)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    database.close()


def words_of(database: Any, workflow_id: int) -> dict[str, Any]:
    """What the statements above are to be filled in with: the databases write some of it in their own ways."""
    return {
        "workflow": workflow_id,
        "false": "0" if database.is_sqlite else "false",
        "other": "zeroblob(16)" if database.is_sqlite else r"'\x00000000000000000000000000000000'::bytea",
        "fingerprint": "CAST(jobs.params_digest || functions.digest AS BLOB)"
        if database.is_sqlite
        else "jobs.params_digest || functions.digest",
    }


def _step(place: Place, word: str) -> Step:
    api: Any = place.workflow("restarts").api
    workflow_id = api.list_workflows(name="restarts")[-1].id
    before = time.perf_counter()
    report = api.reinitialize(workflow_id, dry_run=word == "dry")
    rows = list(report.rows())
    seconds = time.perf_counter() - before
    if word == "dry" and len(rows) != report.affected:
        raise RuntimeError(f"{len(rows)} rows tell of {report.affected} jobs")
    return Step(seconds, peak_mib(), report.ready, report.waits)


if __name__ == "__main__":
    url, files, word = sys.argv[1:]
    print("\n" + json.dumps(_step(Place(url, files), word)._asdict()))
