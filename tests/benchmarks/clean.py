"""Question: what does it cost to clean a workflow of a million jobs, each of which has run twice?

The jobs and both attempts of each are made by SQL directly, as workers would have left them. Two measurements on each
database, each in a fresh interpreter: `workflows clean` as a dry run, and done. Meanwhile another workflow's worker
goes on; its longest exchange is what workers notice of it.
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
from tests.benchmarks.restarts import COMPLETED, COUNTED, RESULTS, words_of
from tests.benchmarks.trial import peak_mib
from tests.benchmarks.workload import generated_parameters, run

STEPS = {"dry run": "dry", "clean": "do"}


class Step(NamedTuple):
    """What one step took in a fresh interpreter, and how many attempts it was about."""

    seconds: float
    peak_mib: float
    attempts: int


def measure(jobs: int, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""
    return Section(
        f"Cleaning a workflow of {jobs:,} jobs, of which each has run twice",
        steps.table(folder, lambda place: _figures(place, jobs)),
        steps.NOTES,
    )


def _figures(place: Place, jobs: int) -> dict[str, str]:
    _complete_twice(place, jobs)
    steps.begin_neighbour(place)
    figures = {}
    for name, word in STEPS.items():
        answer, found = steps.take(name, "tests.benchmarks.clean", place, word)
        if answer["attempts"] != jobs:
            raise RuntimeError(f"{name}: {answer['attempts']} old attempts, not {jobs}")
        figures |= found
    return figures


def _complete_twice(place: Place, jobs: int) -> None:
    from torc_nb.store.database import Database

    workflow = place.workflow("clean")
    workflow.map(run, generated_parameters(jobs))
    database = Database.open(place.url)
    second = RESULTS.replace("SELECT jobs.id, 1, 1,", "SELECT jobs.id, 2, 2,")
    completed = COMPLETED.replace("attempt = 1", "attempt = 2")
    for statement in (RESULTS, second, completed, COUNTED):
        with database.write() as connection:
            connection.exec_driver_sql(statement.format(**words_of(database, workflow.id)))
    database.close()


def _step(place: Place, word: str) -> Step:
    api: Any = place.workflow("clean").api
    workflow_id = api.list_workflows(name="clean")[-1].id
    before = time.perf_counter()
    cleaned = api.clean_workflow(workflow_id, dry_run=word == "dry")
    return Step(time.perf_counter() - before, peak_mib(), cleaned.attempts)


if __name__ == "__main__":
    url, files, word = sys.argv[1:]
    print("\n" + json.dumps(_step(Place(url, files), word)._asdict()))
