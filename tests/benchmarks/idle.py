"""Question: what do workers that have nothing to do cost the database's server?

Real workers stay on a workflow without jobs. What all processes of the server use of the CPU is read before and after.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.databases import postgresql
from tests.benchmarks.million import opened
from tests.benchmarks.report import Section, Table

HEADINGS = ["Idle workers", "Connections", "Seconds", "Server's CPU, s", "Share of one core", "Workers' own CPU, cores"]
#: How long they may take to join, and how long they are left alone after that, in seconds.
LIMIT_SECONDS, SETTLING_SECONDS = 600.0, 10.0


def measure(workers: int, seconds: float, folder: Path) -> Section:
    """Let so many workers idle for so long."""
    with postgresql(folder) as place:
        workflow = place.workflow("idle")
        workflow.start()
        database, workflow_id = opened(place, "idle")
        try:
            for _ in range(workers):
                workflow.run(num_cpus=1, idle_timeout=2 * LIMIT_SECONDS, more=True)
            pids = wait_for_workers(database, workflow_id, workers)
            time.sleep(SETTLING_SECONDS)
            row = _idled(database, pids, seconds)
        finally:
            workflow.cancel()
            database.close()
    return Section("Idle workers on PostgreSQL", Table(HEADINGS, [[str(workers), *row]]), [
        "The server's CPU is that of all its processes, those included that ended meanwhile.",
    ])  # fmt: skip


def wait_for_workers(database: Any, workflow_id: int, workers: int) -> list[int]:
    """Wait until all workers hold a lease; returns their processes."""
    from torc_nb.store import leases

    before = time.monotonic() + LIMIT_SECONDS
    while len(found := leases.listed(database, workflow_id)) < workers:
        if time.monotonic() > before:
            raise RuntimeError(f"{len(found)} of {workers} workers joined within {LIMIT_SECONDS:.0f} s")
        time.sleep(0.5)
    return [worker.pid for worker in found]


def _idled(database: Any, pids: list[int], seconds: float) -> list[str]:
    with database.read() as connection:
        backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        connections = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).scalar()
    server = psutil.Process(backend).parent()
    began, of_server, of_workers = time.monotonic(), cpu_of(server), cpu_of(*map(psutil.Process, pids))
    time.sleep(seconds)
    of_server, of_workers = cpu_of(server) - of_server, cpu_of(*map(psutil.Process, pids)) - of_workers
    passed = time.monotonic() - began
    return [
        str(connections), f"{passed:.0f}", f"{of_server:.2f}", f"{of_server / passed:.1%}", f"{of_workers / passed:.2f}"
    ]  # fmt: skip


def cpu_of(*processes: Any) -> float:
    """The seconds of CPU that processes and their descendants have used."""
    total = 0.0
    for process in processes:
        total += sum(process.cpu_times()[:4])  # the last two are of children that have ended
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended just now, as the server's helpers do
                total += sum(child.cpu_times()[:2])
    return total
