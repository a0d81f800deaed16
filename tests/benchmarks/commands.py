"""Question: how many commands that do nothing does torc_nb run a second, and how many HyperQueue?

Clock: from the submission of all commands in one call to the end of the last, with the worker there and warm.
"""

# HyperQueue ships no types, and the tests' environment does not have it.
# mypy: disable-error-code="import-untyped,import-not-found,no-untyped-call"

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.databases import Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import CouldNotRun, in_fresh_interpreter

CPUS = 2
COMMAND = "true"
WARM_UP = 20
LIMIT_SECONDS = 300.0
#: How often torc_nb is asked whether it is done, in seconds.
LOOK_SECONDS = 0.05

REMARKS = [
    f"torc_nb: `api.create_jobs` with all; SQLite, one worker of {CPUS} CPUs; output, memory and CPU time recorded.",
    f"HyperQueue: one `Job` with all, `Job.program`; `LocalCluster` with a worker of {CPUS} cores, no journal.",
    "torc_nb runs `sh -c true`; HyperQueue executes `true` and, as is its default, writes two files for its output.",
    "HyperQueue's `wait_for_jobs` looks once a second: its clock stops when the last command's output file is made.",
    "torc_nb's clock stops when the database says that all have completed.",
]


def measure(commands: int, pairs: int, folder: Path) -> Section:
    """Run the two in turn, `pairs` times: what slows the machine for a while then slows both."""
    headings = ["Pair", *(f"{name} commands/s" for name in SIDES), "Ratio"]
    rows, ratios = [], []
    for pair in range(1, pairs + 1):
        hyperqueue, torc_nb = (_rate(name, commands, folder) for name in SIDES)
        if isinstance(hyperqueue, float) and isinstance(torc_nb, float):
            ratios.append(torc_nb / hyperqueue)
        ratio = f"{ratios[-1]:.2f}" if len(ratios) == pair else ""
        rows.append([str(pair), _shown(hyperqueue), _shown(torc_nb), ratio])
    rows.append(["median", "", "", f"{median(ratios):.2f}" if len(ratios) == pairs else "none: a run gave no figure"])
    return Section(f"{commands:,} commands `{COMMAND}`, torc_nb and HyperQueue in turn", Table(headings, rows), REMARKS)


def _torc_nb(commands: int, folder: Path) -> float:
    from torc_nb import JobModel

    workflow = Place(f"sqlite:///{folder}/torc.db", f"{folder}/files").workflow("commands")

    def run(count: int, prefix: str) -> float:
        new = [JobModel(workflow_id=workflow.id, name=f"{prefix} {number}", command=COMMAND) for number in range(count)]
        before = time.perf_counter()
        workflow.api.create_jobs(new)
        while not workflow.api.progress(workflow.id).is_done:
            time.sleep(LOOK_SECONDS)
        return time.perf_counter() - before

    workflow.run(num_cpus=CPUS)
    try:
        run(WARM_UP, "warm-up")
        seconds = run(commands, "timed")
        _check(workflow, commands + WARM_UP)
        return seconds
    finally:
        workflow.cancel()


def _check(workflow: Any, commands: int) -> None:
    found = {status.label: n for status, n in workflow.api.progress(workflow.id).statuses.items() if n}
    if found != {"completed": commands}:
        raise RuntimeError(f"not all completed: {found}")


def _hyperqueue(commands: int, folder: Path) -> float:
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig

    def run(count: int, own: Path) -> float:
        own.mkdir()
        job = Job(default_workdir=own)
        for _ in range(count):
            job.program([COMMAND])
        began, before = time.time(), time.perf_counter()
        submitted = client.submit(job)
        if not client.wait_for_jobs([submitted]):
            raise RuntimeError("not all completed")
        latest = time.perf_counter() - before
        outputs = [path.stat().st_mtime for path in own.glob("*.stdout")]
        if len(outputs) != count:
            raise RuntimeError(f"{count} commands left {len(outputs)} output files")
        return min(latest, max(outputs) - began)

    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=CPUS))
        client = cluster.client()
        run(WARM_UP, folder / "warm-up")
        return run(commands, folder / "timed")


SIDES: dict[str, Callable[[int, Path], float]] = {"HyperQueue": _hyperqueue, "torc_nb": _torc_nb}


def _rate(name: str, commands: int, folder: Path) -> float | CouldNotRun:
    arguments = [name, str(commands), str(folder)]
    try:
        answer = in_fresh_interpreter("tests.benchmarks.commands", arguments, LIMIT_SECONDS)
    except CouldNotRun as reason:
        return reason
    return commands / float(answer["seconds"])


def _shown(outcome: float | CouldNotRun) -> str:
    return f"{outcome:,.0f}" if isinstance(outcome, float) else f"could not run: {outcome}"


if __name__ == "__main__":
    side, commands, parent = sys.argv[1:]
    with TemporaryDirectory(prefix="commands-", dir=parent, ignore_cleanup_errors=True) as own:
        os.chdir(own)
        seconds = SIDES[side](int(commands), Path(own))
    print("\n" + json.dumps({"seconds": seconds}))
