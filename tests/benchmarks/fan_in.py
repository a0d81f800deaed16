"""Question: how soon does the postprocess of a million jobs begin, and what does the list that it is given cost?

All jobs but the last are completed by SQL, as workers would have left them; those a worker runs. Three moments follow
the end of the last: the postprocess is claimed, which begins the collecting of the list; its attempt begins; the
function has the list. The same list, read by the driver alone in a process that does nothing else, is what it is
compared with, in the same round.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson

from tests.benchmarks.completed import COMPLETED, RESULTS, words_of
from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import in_fresh_interpreter
from tests.benchmarks.workload import collected, generated_parameters, run

NAME = "fan-in"
#: How many jobs the worker runs itself.
LAST = 100
LOOK_SECONDS = 0.005
LIMIT_SECONDS = 600.0

HEADINGS = [
    "Database", "Round", "Claimed after s", "Attempt begins after s", "List in hand after s", "List built in s",
    "Bare s", "List / bare", "Peak of the child MiB",
]  # fmt: skip

#: The values of a map in the order of its jobs, and no more than that.
BARE = """
SELECT results.value FROM jobs JOIN results ON results.job_id = jobs.id AND results.attempt = jobs.result_attempt
WHERE jobs.workflow_id = {workflow} AND jobs.map_id = {map} AND jobs.status = 5 ORDER BY jobs.id
"""


class Round(NamedTuple):
    """Seconds from the end of the last job, and what the bare list took."""

    claimed: float
    begins: float
    has_list: float
    bare: float
    peak_mib: float

    @property
    def built(self) -> float:
        """From the query to the list in the function's hands."""
        return self.has_list - self.claimed


def measure(jobs: int, rounds: int, folder: Path) -> Section:
    """Let the postprocess of so many jobs run, on each database, some times."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            map_id = _complete_all_but_last(place, jobs)
            taken = [_round(place, map_id, jobs, number) for number in range(rounds)]
        rows += [[name, str(number), *_shown(one)] for number, one in enumerate(taken, 1)]
        rows.append([name, "median", *_medians(taken)])
    return Section(f"The postprocess of {jobs:,} jobs", Table(HEADINGS, rows), [
        f"The last {LAST} jobs are run by a worker of two CPUs; the others were completed by SQL.",
        "Seconds are those after the end of the last job, as its worker recorded it.",
        "The list is built from the claim to the function's first line.",
        "Bare: the values selected in the jobs' order through the driver, `orjson.loads` of each.",
    ])  # fmt: skip


def _complete_all_but_last(place: Place, jobs: int) -> int:
    """Make the jobs and complete them, but for some; returns the map."""
    from torc_nb.models import JobStatus
    from torc_nb.store import counts
    from torc_nb.store.database import Database

    workflow = place.workflow(NAME)
    declared = workflow.map(run, generated_parameters(jobs), postprocess=collected)
    requirement_id = workflow.api.list_jobs(workflow.id, map_id=declared.id, limit=1)[0].requirement_id
    database = Database.open(place.url)
    chosen = f" AND jobs.map_id = {declared.id} AND jobs.id <= (SELECT max(id) - {LAST} FROM jobs WHERE map_id <> 0)"
    with database.write() as connection:
        for statement in (RESULTS, COMPLETED):
            connection.exec_driver_sql(statement.format(**words_of(database, workflow.id)) + chosen)
        tally = counts.Tally(workflow.id)
        tally.move(declared.id, requirement_id, JobStatus.READY, JobStatus.COMPLETED, jobs - LAST)
        tally.write(connection)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    database.close()
    return int(declared.id)


def _round(place: Place, map_id: int, jobs: int, number: int) -> Round:
    workflow = place.workflow(NAME)
    arguments = [place.url, str(workflow.id), str(map_id)]
    bare = float(in_fresh_interpreter("tests.benchmarks.fan_in", arguments, LIMIT_SECONDS)["seconds"])
    ids = [job.id for job in workflow.api.list_jobs(workflow.id, map_id=map_id)[-LAST:]]
    if number:
        workflow.rerun(jobs=ids)
    postprocess_id = workflow.api.get_map(workflow.id, workflow.maps[0].name).postprocess_id
    workflow.run(num_cpus=2)
    claimed = _claimed_at(workflow.api.database, postprocess_id)
    workflow.wait(progress=False)
    ended = max(_newest(workflow, job_id).started + _newest(workflow, job_id).seconds for job_id in ids)
    own = _newest(workflow, postprocess_id)
    value = workflow.api.value(workflow.id, postprocess_id)
    if value["n"] != jobs:
        raise RuntimeError(f"the postprocess was given {value['n']:,} results of {jobs:,}")
    return Round(claimed - ended, own.started - ended, value["began"] - ended, bare, own.peak_memory / 2**20)


def _claimed_at(database: Any, job_id: int) -> float:
    """Look at a job until a worker has it; returns when that was."""
    from torc_nb.models import JobStatus

    waits = {int(JobStatus.BLOCKED), int(JobStatus.READY)}
    before = time.time() + LIMIT_SECONDS
    while time.time() < before:
        with database.read() as connection:
            (status,) = connection.exec_driver_sql(f"SELECT status FROM jobs WHERE id = {job_id}").one()
        if status not in waits:
            return time.time()
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"the postprocess was not claimed within {LIMIT_SECONDS:.0f} s")


def _newest(workflow: Any, job_id: int) -> Any:
    return workflow.api.list_results(workflow.id, job_id)[-1]


def _shown(one: Round) -> list[str]:
    return _in_words(_figures(one))


def _medians(taken: list[Round]) -> list[str]:
    return _in_words([median(column) for column in zip(*map(_figures, taken), strict=True)])


def _figures(one: Round) -> list[float]:
    return [one.claimed, one.begins, one.has_list, one.built, one.bare, one.built / one.bare, one.peak_mib]


def _in_words(figures: list[float]) -> list[str]:
    return [*(f"{each:.2f}" for each in figures[:-1]), f"{figures[-1]:.0f}"]


def _bare_seconds(url: str, workflow_id: str, map_id: str) -> float:
    """Read the list by the driver alone."""
    from torc_nb.store.database import Database

    connection = Database.open(url).connect()
    cursor = connection.cursor()
    before = time.perf_counter()
    cursor.execute(BARE.format(workflow=workflow_id, map=map_id))
    found = [orjson.loads(row[0]) for row in cursor]
    seconds = time.perf_counter() - before
    if not found:
        raise RuntimeError("no job has completed")
    return seconds


if __name__ == "__main__":
    print("\n" + json.dumps({"seconds": _bare_seconds(*sys.argv[1:])}))
