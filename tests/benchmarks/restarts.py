"""Question: what does it cost to find the one changed parameter among a million completed jobs, and to act on it?

The jobs and their results are made by SQL directly, as workers would have left them. Three measurements on each
database, each in a fresh interpreter: the dry run with its rows, `reinitialize`, and `reinitialize` when nothing has
changed; seconds, and the peak memory of that process. Meanwhile another workflow's worker goes on; its longest exchange
is what workers notice of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks import completed, steps
from tests.benchmarks.databases import Place
from tests.benchmarks.report import Section
from tests.benchmarks.workload import generated_parameters, run

NAME = "restarts"
STEPS = {"dry run": "dry", "reinitialize": "do", "reinitialize, nothing changed": "again"}

CHANGED = """
UPDATE jobs SET replaced = params, params = '{{"changed":true}}', params_digest = {other}, rev = rev + 1
WHERE id = (SELECT max(id) - 10 FROM jobs WHERE workflow_id = {workflow} AND map_id <> 0)
"""


def measure(jobs: int, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""
    return Section(
        f"One parameter changed among {jobs:,} completed jobs",
        steps.table(folder, "tests.benchmarks.restarts", STEPS, lambda place: _complete(place, jobs), _check),
        [steps.NOTES[0], "The dry run includes its rows: job, reason, old and new value.", steps.NOTES[1]],
    )


def _complete(place: Place, jobs: int) -> None:
    """Make the jobs, complete them, and change one."""
    from torc_nb.store.database import Database

    workflow = place.workflow(NAME)
    workflow.map(run, generated_parameters(jobs), postprocess=len)
    database = Database.open(place.url)
    completed.complete(database, workflow.id)
    words = completed.words_of(database, workflow.id)
    of_no_map = completed.RESULTS.replace("JOIN maps ON maps.id = jobs.map_id ", "")
    postprocess = of_no_map.replace("maps.function_id", "jobs.function_id") + " AND jobs.map_id = 0"
    for statement in (CHANGED, postprocess):
        with database.write() as connection:
            connection.exec_driver_sql(statement.format(**words))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    database.close()


def _check(word: str, told: steps.Told) -> None:
    if (told["ready"], told["waits"]) != ((0, 0) if word == "again" else (1, 1)):
        raise RuntimeError(f"{word}: {told['ready']} ready and {told['waits']} waiting, not the one that was changed")


def _step(api: Any, workflow_id: int, word: str) -> steps.Told:
    report = api.reinitialize(workflow_id, dry_run=word == "dry")
    rows = len(list(report.rows()))
    if word == "dry" and rows != report.affected:
        raise RuntimeError(f"{rows} rows tell of {report.affected} jobs")
    return {"ready": report.ready, "waits": report.waits}


if __name__ == "__main__":
    steps.answer(NAME, _step)
