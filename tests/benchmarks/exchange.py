"""Question: what does an exchange between a worker and PostgreSQL cost the server, by how many jobs are in it?

One process is a worker that runs nothing: it completes what it was given and claims as many again. The server's CPU is
read before and after, and how much its files and its journal grew.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from tests.benchmarks.databases import postgresql
from tests.benchmarks.idle import cpu_of
from tests.benchmarks.million import completion_of, joined, opened
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import generated_parameters, run

HEADINGS = [
    "Jobs in an exchange", "Exchanges", "Median, ms", "Server's CPU, ms", "Server's CPU per job, µs",
    "Journal per job, KiB", "Database per job, KiB",
]  # fmt: skip
_SIZE = "SELECT pg_database_size(current_database())"
_JOURNAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
#: How many jobs are in an exchange, and how many exchanges tell: 0 is a heartbeat.
SIZES = {0: 2000, 1: 2000, 10: 1000, 100: 300, 1000: 50}


def measure(folder: Path) -> Section:
    """Exchange in each size."""
    with postgresql(folder) as place:
        rows = [_figures(place, size, n) for size, n in SIZES.items()]
    return Section("What an exchange costs PostgreSQL", Table(HEADINGS, rows), [
        "An exchange completes so many jobs, claims so many and renews the lease; one of no jobs only renews it.",
        "The server's CPU is that of all its processes; a worker that exchanges nothing looks for work besides.",
    ])  # fmt: skip


def _figures(place: Any, size: int, exchanges: int) -> list[str]:
    name = f"by {size}"
    workflow = place.workflow(name)
    database, workflow_id = opened(place, name)
    stored = _number(database, _SIZE)
    workflow.map(run, generated_parameters(size * (exchanges + 1) + 1))
    workflow.start()
    worker = joined(database, workflow_id)
    server = psutil.Process(_number(database, "SELECT pg_backend_pid()")).parent()
    claims = _exchange(database, worker, [], size)
    journal, used, seconds = _number(database, _JOURNAL), cpu_of(server), []
    for _ in range(exchanges):
        began = time.perf_counter()
        claims = _exchange(database, worker, claims, size)
        seconds.append(time.perf_counter() - began)
    used, journal = cpu_of(server) - used, _number(database, _JOURNAL) - journal
    stored = _number(database, _SIZE) - stored
    database.close()
    jobs = size * exchanges
    return [
        f"{size:,}", f"{exchanges:,}", f"{1000 * median(seconds):.2f}", f"{1000 * used / exchanges:.2f}",
        *(_per_job(used, journal, stored, jobs) if jobs else [""] * 3),
    ]  # fmt: skip


def _per_job(used: float, journal: int, stored: int, jobs: int) -> list[str]:
    return [f"{1e6 * used / jobs:.0f}", f"{journal / 1024 / jobs:.1f}", f"{stored / 1024 / jobs:.1f}"]


def _exchange(database: Any, worker: Any, claims: list[Any], size: int) -> list[Any]:
    from torc_nb.store.claims import exchange

    answer = exchange(
        database,
        worker.workflow_id,
        worker.id,
        completions=[completion_of(claim) for claim in claims],
        room=(lambda _group, _ready, _workers: size) if size else None,
    )
    return answer.claims


def _number(database: Any, question: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(question).scalar())
