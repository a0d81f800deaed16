"""Question: what does it cost to clean a workflow of a million jobs, each of which has run twice?

The jobs and both attempts of each are made by SQL directly, as workers would have left them. Two measurements on each
database, each in a fresh interpreter: `workflows clean` as a dry run, and done. Meanwhile another workflow's worker
goes on; its longest exchange is what workers notice of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks import completed, steps
from tests.benchmarks.databases import Place
from tests.benchmarks.report import Section
from tests.benchmarks.workload import generated_parameters, run

NAME = "clean"
STEPS = {"dry run": "dry", "clean": "do"}


def measure(jobs: int, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""

    def check(word: str, told: steps.Told) -> None:
        if told["attempts"] != jobs:
            raise RuntimeError(f"{word}: {told['attempts']} old attempts, not {jobs}")

    return Section(
        f"Cleaning a workflow of {jobs:,} jobs, of which each has run twice",
        steps.table(folder, "tests.benchmarks.clean", STEPS, lambda place: _complete_twice(place, jobs), check),
        steps.NOTES,
    )


def _complete_twice(place: Place, jobs: int) -> None:
    from torc_nb.store.database import Database

    workflow = place.workflow(NAME)
    workflow.map(run, generated_parameters(jobs))
    database = Database.open(place.url)
    completed.complete(database, workflow.id, attempts=2)
    database.close()


def _step(api: Any, workflow_id: int, word: str) -> steps.Told:
    return {"attempts": api.clean_workflow(workflow_id, dry_run=word == "dry").attempts}


if __name__ == "__main__":
    steps.answer(NAME, _step)
