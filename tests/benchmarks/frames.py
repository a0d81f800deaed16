"""Question: what do the tables of a workflow of a million completed jobs cost, beside the least that they could?

The jobs have five parameters and three results each, completed by SQL, as workers would have left them. The floor reads
the same rows by the driver alone: ``fetchall``, ``orjson.loads`` of each text, a DataFrame from columns. Floor and
``results()`` take turns, each in a fresh interpreter; so do the first hundred rows of ``jobs()``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson

from tests.benchmarks.completed import complete
from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import in_fresh_interpreter, peak_mib
from tests.benchmarks.workload import run

NAME = "frames"
LIMIT_SECONDS = 600.0
#: How many rows a notebook looks at first.
FEW = 100

HEADINGS = [
    "Database", "Round", "Floor s", "results() s", "results() / floor", "Peak of the floor MiB", "Peak MiB",
    f"jobs(limit={FEW}) ms", f"results(limit={FEW}) ms",
]  # fmt: skip

#: What each job returned, as SQL: a float, an integer and a text that differ from row to row.
VALUE = """'{"energy":' || jobs.row || '.25,"steps":' || jobs.row || ',"label":"row ' || jobs.row || '"}'"""

#: What the table shows, and no more than that.
FLOOR = """
SELECT jobs.params, results.value FROM jobs
JOIN results ON results.job_id = jobs.id AND results.attempt = jobs.result_attempt
WHERE jobs.workflow_id = {workflow} ORDER BY jobs.id
"""


class Round(NamedTuple):
    """Seconds and mebibytes of both, and the milliseconds of a few rows."""

    floor: float
    results: float
    ratio: float
    floor_mib: float
    results_mib: float
    few_jobs: float
    few_results: float


def measure(jobs: int, rounds: int, folder: Path) -> Section:
    """Make so many jobs on each database and look at them some times."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            prepare(place, jobs)
            taken = [_round(place, jobs) for _ in range(rounds)]
        rows += [[name, str(number), *_in_words(one)] for number, one in enumerate(taken, 1)]
        medians = Round(*(median(column) for column in zip(*taken, strict=True)))
        rows.append([name, "median", *_in_words(medians)])
    return Section(f"Tables of {jobs:,} completed jobs", Table(HEADINGS, rows), [
        "Five parameters and three results a job; each figure is from an interpreter that does nothing else.",
        "Memory is that process's peak, imports included.",
        "Floor: `fetchall` of the driver, `orjson.loads` of each text, a DataFrame from columns.",
    ])  # fmt: skip


def prepare(place: Place, jobs: int) -> None:
    """Make a workflow of so many completed jobs, of five parameters and three results each."""
    from torc_nb.store.database import Database

    workflow = place.workflow(NAME)
    workflow.map(run, _parameters(jobs))
    database = Database.open(place.url)
    complete(database, workflow.id, value=VALUE)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    database.close()


def _parameters(jobs: int) -> Iterator[dict[str, Any]]:
    for i in range(jobs):
        yield {"x": i, "y": i / 7, "mesh": 0.5, "name": f"case {i}", "steady": i % 2 == 0}


def _round(place: Place, jobs: int) -> Round:
    took = {}
    for word in ACTS:
        took[word] = in_fresh_interpreter("tests.benchmarks.frames", [*place, word], LIMIT_SECONDS)
        expected = min(jobs, FEW) if word.startswith("few") else jobs
        if took[word]["rows"] != expected:
            raise RuntimeError(f"{word}: {took[word]['rows']:,} rows, not {expected:,}")
    seconds = {word: one["seconds"] for word, one in took.items()}
    return Round(
        seconds["floor"], seconds["results"], seconds["results"] / seconds["floor"], took["floor"]["peak_mib"],
        took["results"]["peak_mib"], 1000 * seconds["few-jobs"], 1000 * seconds["few-results"],
    )  # fmt: skip


def _in_words(one: Round) -> list[str]:
    return [*(f"{each:.2f}" for each in one[:3]), *(f"{each:.0f}" for each in one[3:])]


def _floor(place: Place, workflow: Any) -> Any:
    """Read the table by the driver alone."""
    import pandas as pd

    from torc_nb.store.database import Database

    connection = Database.open(place.url).connect()
    cursor = connection.cursor()
    cursor.execute(FLOOR.format(workflow=workflow.id))
    found = cursor.fetchall()
    params = [orjson.loads(row[0]) for row in found]
    values = [orjson.loads(row[1]) for row in found]
    table = {name: [one[name] for one in params] for name in params[0]}
    table |= {f"result.{name}": [one[name] for one in values] for name in values[0]}
    return pd.DataFrame(table)


ACTS: dict[str, Callable[[Place, Any], Any]] = {
    "floor": _floor,
    "results": lambda _, workflow: workflow["run"].results(),
    "few-jobs": lambda _, workflow: workflow.jobs(limit=FEW),
    "few-results": lambda _, workflow: workflow["run"].results(limit=FEW),
}


def _timed(url: str, files: str, word: str) -> dict[str, Any]:
    import torc_nb.frames  # noqa: F401  (imports are nobody's time here)

    place = Place(url, files)
    workflow = place.workflow(NAME)
    workflow.status()  # the connection is made
    before = time.perf_counter()
    frame = ACTS[word](place, workflow)
    return {"seconds": time.perf_counter() - before, "rows": len(frame), "peak_mib": peak_mib()}


if __name__ == "__main__":
    print("\n" + json.dumps(_timed(*sys.argv[1:])))
