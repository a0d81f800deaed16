"""Question: on three idle Slurm nodes, how long do torc_nb and dask-jobqueue take for the same trivial jobs?

Clock: from `schedule_nodes`, and for dask-jobqueue from `scale`, with nothing submitted before, to all results in hand.
So it counts the queue and the workers' start, and for dask-jobqueue `client.map`, for which it needs its workers.
"""

# Most peers ship no types, and the tests' environment has none of them.
# mypy: disable-error-code="import-untyped,import-not-found,no-untyped-call,attr-defined"

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from services.slurm_cluster import SlurmCluster

from tests.benchmarks.databases import Place, postgresql
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import CouldNotRun, in_fresh_interpreter
from tests.benchmarks.workload import fresh_parameters, run, totals

NODES = 3
CPUS_PER_NODE = 4
LIMIT_SECONDS = 300.0
IDLE_SECONDS = 60.0


def measure(jobs: int, rounds: int, folder: Path) -> Section:
    """Run the two in turn on one private cluster, each time with all nodes idle."""
    outcomes: dict[str, list[float | CouldNotRun]] = {name: [] for name in SIDES}
    with SlurmCluster(nodes=NODES, cpus=CPUS_PER_NODE) as cluster, postgresql(folder) as place:
        for _ in range(rounds):
            for name, taken in outcomes.items():
                taken.append(_side_seconds(name, jobs, place, folder, cluster.environment))
                cluster.clear()
                cluster.wait_until_idle(IDLE_SECONDS)
    rows = [[name, *map(_shown, taken), _median(taken)] for name, taken in outcomes.items()]
    rows.append(["torc_nb / dask-jobqueue", *_ratios(*outcomes.values())])
    headings = ["System", *(f"Round {number} s" for number in range(1, rounds + 1)), "Median s"]
    return Section(f"{jobs:,} trivial jobs on {NODES} idle Slurm nodes", Table(headings, rows), [
        f"The nodes are slurmd processes on this one machine, which Slurm is told have {CPUS_PER_NODE} CPUs each.",
        "torc_nb: `schedule_nodes`, `wait`, `results`, on PostgreSQL; `map` before.",
        "dask-jobqueue: `SLURMCluster`, one process per node with a thread per CPU, `scale`, `client.map`, `gather`.",
        "The clock of both starts with nothing submitted to Slurm.",
    ])


def _torc_nb(jobs: int, place: Place, folder: Path) -> float:
    import pandas as pd  # as in the user's notebook; the other side's imports are not timed either

    workflow = place.workflow(folder.name)
    params = fresh_parameters(jobs)
    declared = workflow.map(run, params)
    before = time.perf_counter()
    workflow.schedule_nodes(NODES)
    declared.wait(progress=False)
    table: pd.DataFrame = declared.results()
    found = [float(total) for total in table["result.total"]]
    seconds = time.perf_counter() - before
    _check(found, params)
    return seconds


def _dask_jobqueue(jobs: int, place: Place, folder: Path) -> float:
    from dask_jobqueue import SLURMCluster
    from distributed import Client

    cluster = SLURMCluster(
        cores=CPUS_PER_NODE, processes=1, memory="3GB", walltime="00:10:00", interface="lo",
        scheduler_options={"dashboard_address": None}, local_directory=folder, log_directory=folder,
    )
    with cluster, Client(cluster) as client:
        params = fresh_parameters(jobs)
        before = time.perf_counter()
        cluster.scale(jobs=NODES)
        found = totals(client.gather(client.map(run, params, pure=False)))
        seconds = time.perf_counter() - before
    _check(found, params)
    return seconds


SIDES = {"torc_nb": _torc_nb, "dask-jobqueue": _dask_jobqueue}


def _check(found: list[float], params: list[dict[str, float]]) -> None:
    if found != [each["x"] + each["y"] for each in params]:
        raise ValueError("wrong results")


def _side_seconds(
    name: str, jobs: int, place: Place, folder: Path, environment: dict[str, str]
) -> float | CouldNotRun:
    arguments = [name, str(jobs), *place, str(folder)]
    try:
        answer = in_fresh_interpreter("tests.benchmarks.slurm_race", arguments, LIMIT_SECONDS, environment)
    except CouldNotRun as reason:
        return reason
    return float(answer["seconds"])


def _shown(taken: float | CouldNotRun) -> str:
    return f"{taken:.2f}" if isinstance(taken, float) else f"could not run: {taken}"


def _ratios(ours: list[float | CouldNotRun], theirs: list[float | CouldNotRun]) -> list[str]:
    """Round by round, since the machine's speed drifts, and their median."""
    found = [a / b for a, b in zip(ours, theirs, strict=True) if isinstance(a, float) and isinstance(b, float)]
    shown = [f"{each:.2f}" for each in found] + [""] * (len(ours) - len(found))
    return [*shown, f"{median(found):.2f}" if found else "none"]


def _median(taken: list[float | CouldNotRun]) -> str:
    seconds = [each for each in taken if isinstance(each, float)]
    return f"{median(seconds):.2f}" if len(seconds) == len(taken) else "none: a run gave no figure"


if __name__ == "__main__":
    side, jobs, url, files, parent = sys.argv[1:]
    with TemporaryDirectory(prefix="race-", dir=parent, ignore_cleanup_errors=True) as own:
        os.chdir(own)
        seconds = SIDES[side](int(jobs), Place(url, files), Path(own))
    print("\n" + json.dumps({"seconds": seconds}))
