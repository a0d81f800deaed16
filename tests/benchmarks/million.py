"""Question: does a map of a million parameters stay cheap: to declare, to look at, to run, and for its neighbours?

Four measurements on each database, one function each: declaring from a generator (seconds and memory) while another
workflow's worker goes on (its longest exchange), counting by status, the rate at the run's two ends, and the worker's
memory at these.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import psutil

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import in_fresh_interpreter, peak_mib
from tests.benchmarks.workload import generated_parameters, run

WORKERS = 2
LIMIT_SECONDS = 3600.0
LOOK_SECONDS = 0.2

NEIGHBOURS_JOBS = 100_000
NEIGHBOURS_BATCH = 10
NEIGHBOURS_PAUSE = 0.02


class Declared(NamedTuple):
    """What `map` took, in a fresh interpreter that did nothing else."""

    seconds: float
    peak_mib: float


class Look(NamedTuple):
    """One look at a run: the time in seconds, the jobs completed by then, and the worker's memory in MiB."""

    time: float
    completed: int
    worker_mib: float


def measure(parameters: int, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""
    columns = {}
    for name, database in DATABASES.items():
        with database(folder) as place:
            columns[name] = _figures(place, parameters)
    rows = [[figure, *(column[figure] for column in columns.values())] for figure in next(iter(columns.values()))]
    return Section(
        f"{parameters:,} parameters from a generator",
        Table(["Figure", *columns], rows),
        [
            "`map` runs in an interpreter that does nothing else; its memory is that process's peak, imports included.",
            "The neighbour is another workflow's worker in the same database; its exchanges are timed.",
            f"An exchange completes and claims {NEIGHBOURS_BATCH} jobs; one in {1000 * NEIGHBOURS_PAUSE:.0f} ms or so.",
            "The worker's memory is the proportional share (PSS) of its process and all its children.",
        ],
    )


def _figures(place: Place, parameters: int) -> dict[str, str]:
    declared, exchanges = declare_beside_a_neighbour(place, parameters)
    counting = count_by_status(place)
    looks = watch_run(place, parameters)
    tenth = parameters // 10
    first, last = rate_between(looks, 0, tenth), rate_between(looks, parameters - tenth, parameters)
    return {
        "map, s": f"{declared.seconds:.1f}",
        "map, peak MiB": f"{declared.peak_mib:.0f}",
        "neighbour's exchanges meanwhile": f"{len(exchanges):,}",
        "neighbour's exchange, 99th percentile ms": f"{1000 * quantiles(exchanges, n=100)[98]:.0f}",
        "neighbour's exchange, longest ms": f"{1000 * max(exchanges):.0f}",
        "counts by status, median ms": f"{1000 * median(counting):.1f}",
        "counts by status, longest ms": f"{1000 * max(counting):.1f}",
        f"first {tenth:,} jobs, jobs/s": f"{first:,.0f}",
        f"last {tenth:,} jobs, jobs/s": f"{last:,.0f}",
        "last / first": f"{last / first:.2f}",
        "worker's memory in the first tenth, MiB": f"{_memory_between(looks, 0, tenth):.0f}",
        "worker's memory in the last tenth, MiB": f"{_memory_between(looks, parameters - tenth, parameters):.0f}",
    }


def declare_beside_a_neighbour(place: Place, parameters: int) -> tuple[Declared, list[float]]:
    """Map in another process; meanwhile be a neighbour's worker here. Returns its exchanges' seconds too."""
    neighbour = place.workflow("neighbour")
    neighbour.map(run, generated_parameters(NEIGHBOURS_JOBS))
    neighbour.start()
    with ThreadPoolExecutor(1) as thread:
        arguments = [*place, str(parameters)]
        mapping = thread.submit(in_fresh_interpreter, "tests.benchmarks.million", arguments, LIMIT_SECONDS)
        exchanges = exchange_until(mapping, place)
    neighbour.cancel()
    return Declared(**mapping.result()), exchanges


def exchange_until(done: Future[Any], place: Place) -> list[float]:
    """Claim and complete the neighbour's jobs as a worker does until `done`; the seconds of each exchange."""
    from torc_nb.store import claims, leases

    database, workflow_id = opened(place, "neighbour")
    worker = joined(database, workflow_id)
    held: list[Any] = []
    seconds: list[float] = []
    while not done.done():
        completions = [completion_of(claim) for claim in held]
        before = time.perf_counter()
        answer = claims.exchange(
            database, workflow_id, worker.id, completions=completions, room=lambda *_: NEIGHBOURS_BATCH
        )
        seconds.append(time.perf_counter() - before)
        held = answer.claims
        if not held and not done.done():
            raise RuntimeError("the neighbour ran out of jobs: raise NEIGHBOURS_JOBS")
        time.sleep(NEIGHBOURS_PAUSE)
    leases.leave(database, worker)
    database.close()
    return seconds


def count_by_status(place: Place, times: int = 50) -> list[float]:
    """The seconds of each of some counts of the large workflow's jobs by status."""
    from torc_nb.store import workflows

    database, workflow_id = opened(place, "million")
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        workflows.statuses(database, workflow_id)
        seconds.append(time.perf_counter() - before)
    database.close()
    return seconds


def watch_run(place: Place, parameters: int) -> list[Look]:
    """Run the large map on this machine and look at it until every job is completed."""
    from torc_nb.models import FINISHED, JobStatus
    from torc_nb.store import leases, workflows

    database, workflow_id = opened(place, "million")
    workflow = place.workflow("million")
    workflow.run(num_cpus=WORKERS)
    looks: list[Look] = []
    while not looks or looks[-1].completed < parameters:
        counts = workflows.statuses(database, workflow_id)
        lost = sum(n for status, n in counts.items() if status in FINISHED and status != JobStatus.COMPLETED)
        if lost:
            raise RuntimeError(f"{lost} jobs did not complete: the rate would mean nothing")
        pids = [worker.pid for worker in leases.listed(database, workflow_id)]
        looks.append(Look(time.perf_counter(), counts.get(JobStatus.COMPLETED, 0), _memory_mib(pids)))
        time.sleep(LOOK_SECONDS)
    database.close()
    return looks


def rate_between(looks: list[Look], low: int, high: int) -> float:
    """Jobs per second between the last look at no more than `low` jobs completed and the first at `high` or more."""
    start = max((look for look in looks if look.completed <= low), key=lambda look: look.time)
    end = min((look for look in looks if look.completed >= high), key=lambda look: look.time)
    return (end.completed - start.completed) / (end.time - start.time)


def _memory_between(looks: list[Look], low: int, high: int) -> float:
    return max(look.worker_mib for look in looks if low <= look.completed <= high)


def _memory_mib(pids: list[int]) -> float:
    """The proportional memory of processes and their descendants; those that have ended count nothing."""
    total = 0
    for pid in pids:
        try:
            worker = psutil.Process(pid)
            total += sum(process.memory_full_info().pss for process in [worker, *worker.children(recursive=True)])
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def opened(place: Place, name: str) -> tuple[Any, int]:
    """The database, and the id of a workflow in it."""
    from torc_nb.store import workflows
    from torc_nb.store.database import Database

    database = Database.open(place.url)
    workflow_id = workflows.listed(database, name)[-1].id
    assert workflow_id is not None
    return database, workflow_id


def joined(database: Any, workflow_id: int) -> Any:
    """Join a workflow as a worker that is this process."""
    from torc_nb.models import Introduction
    from torc_nb.store import leases, machine

    return leases.join(database, Introduction(
        workflow_id=workflow_id, host=socket.gethostname(), pid=os.getpid(),
        boot_id=machine.boot_id(), process_start=machine.process_start(),
    ))  # fmt: skip


def completion_of(claim: Any) -> Any:
    """What a worker reports of a job that did nothing."""
    from torc_nb.models import Completion, JobStatus

    return Completion(
        claim.job_id, claim.attempt, claim.run_id, claim.map_id, claim.requirement_id, claim.function_id,
        int(JobStatus.COMPLETED), return_code=0, started=time.time(), seconds=0.0, cpu_seconds=0.0, peak_memory=0,
        value='{"total":0.5}', fingerprint=claim.params_digest, error_type=None, error=None, traceback=None,
        log_offset=0, stdout_bytes=0, stderr_bytes=0, was_running=False,
    )  # fmt: skip


if __name__ == "__main__":
    url, files, parameters = sys.argv[1:]
    workflow = Place(url, files).workflow("million")
    before = time.perf_counter()
    workflow.map(run, generated_parameters(int(parameters)))
    seconds = time.perf_counter() - before
    print("\n" + json.dumps(Declared(seconds, peak_mib())._asdict()))
