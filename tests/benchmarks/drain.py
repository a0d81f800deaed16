"""Question: how much slower do workers drain trivial jobs than the batched SQL alone could?

Some workers run a map on PostgreSQL. Then as many processes that know nothing of torc_nb claim and complete the jobs of
an equal map by the same statements, in batches as large as the workers' were, and run nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.databases import Place, postgresql
from tests.benchmarks.million import joined, opened
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import generated_parameters, run

WORKERS = 4
LIMIT_SECONDS = 1800.0
LOOK_SECONDS = 0.1
HEADINGS = ["Workers", "Jobs", "torc_nb, jobs/s", "Jobs in a transaction", "SQL alone, jobs/s", "torc_nb / SQL alone"]

RENEW = """
    UPDATE workers SET last_seen = extract(epoch FROM clock_timestamp()),
        lease_expires = extract(epoch FROM clock_timestamp()) + 60
    WHERE id = %(worker)s
"""
CLAIM = """
    UPDATE jobs SET status = 3, worker_id = %(worker)s, attempt = attempt + 1, replaced = NULL
    WHERE id IN (
        SELECT id FROM jobs
        WHERE workflow_id = %(workflow)s AND map_id = %(map)s AND requirement_id = %(requirement)s AND status = 2
            AND (longest_cut IS NULL OR longest_cut < 'infinity')
        ORDER BY priority DESC, id LIMIT %(n)s FOR UPDATE SKIP LOCKED
    )
    RETURNING id, attempt, row, function_id, interruptions, params, params_digest, environment_id, name, priority
"""
LOCK = "SELECT id FROM jobs WHERE id = ANY(CAST((SELECT %(ids)s::bigint[]) AS bigint[])) ORDER BY id FOR UPDATE"
COMPLETE = """
    UPDATE jobs SET status = 5, result_attempt = given.attempt, worker_id = NULL
    FROM unnest((SELECT %(ids)s::bigint[]), (SELECT %(attempts)s::int[])) AS given (id, attempt)
    WHERE jobs.id = given.id AND jobs.status = 3 AND jobs.attempt = given.attempt AND jobs.worker_id = %(worker)s
    RETURNING jobs.id
"""
RECORD = """
    COPY results (job_id, attempt, run_id, status, return_code, late, worker_id, function_id, fingerprint, started,
        seconds, cpu_seconds, peak_memory, value, log_offset, stdout_bytes, stderr_bytes)
    FROM STDIN WITH (FORMAT BINARY)
"""
RECORDED = [
    "int8", "int4", "int4", "int2", "int4", "bool", "int8", "int8", "bytea", "float8", "float8", "float8", "int8",
    "text", "int8", "int8", "int8",
]  # fmt: skip
COUNT = """
    INSERT INTO job_counts (workflow_id, map_id, requirement_id, status, shard, n)
    VALUES (%(workflow)s, %(map)s, %(requirement)s, %(status)s, %(shard)s, %(n)s)
    ON CONFLICT (workflow_id, map_id, requirement_id, status, shard) DO UPDATE SET n = job_counts.n + excluded.n
"""


def measure(jobs: int, rounds: int, folder: Path) -> Section:
    """Drain a map of so many jobs in both ways, in so many rounds."""
    rows, ratios = [], []
    for _ in range(rounds):
        with postgresql(folder) as place:
            rate, batch = _by_workers(place, jobs)
            bare = _by_sql(place, jobs, batch)
        ratios.append(rate / bare)
        rows.append([str(WORKERS), f"{jobs:,}", f"{rate:,.0f}", f"{batch:,}", f"{bare:,.0f}", f"{rate / bare:.2f}"])
    return Section("Draining trivial jobs on PostgreSQL, beside the SQL alone", Table(HEADINGS, rows), [
        f"The median ratio of {rounds} rounds, each on a new server: {median(ratios):.2f}.",
        "The workers are there and warm; the clock runs from when the map is visible until all is completed.",
        "SQL alone: as many processes of psycopg, in batches of the mean size of the workers' transactions.",
        "They run no job, and encode and decode nothing.",
    ])  # fmt: skip


def _by_workers(place: Place, jobs: int) -> tuple[float, int]:
    """Run a map; returns the jobs per second, and how many ended in a transaction."""
    workflow = place.workflow("workers")
    for _ in range(WORKERS):
        workflow.run(num_cpus=1, more=True)
    workflow.map(run, generated_parameters(100), name="warm-up").wait(progress=False)
    declared = workflow.map(run, generated_parameters(jobs))
    began = time.perf_counter()
    database, workflow_id = opened(place, "workers")
    while _completed(database, workflow_id) < jobs + 100:
        if time.perf_counter() - began > LIMIT_SECONDS:
            raise RuntimeError(f"not drained within {LIMIT_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - began
    workflow.cancel()
    with database.read() as connection:
        of_map = f"SELECT id FROM jobs WHERE map_id = {declared.id}"
        writers = f"SELECT count(DISTINCT xmin::text) FROM results WHERE job_id IN ({of_map})"
        transactions = connection.exec_driver_sql(writers).scalar()
    database.close()
    return jobs / seconds, max(1, round(jobs / transactions))


def _completed(database: Any, workflow_id: int) -> int:
    from torc_nb.models import JobStatus
    from torc_nb.store import workflows

    return int(workflows.statuses(database, workflow_id).get(JobStatus.COMPLETED, 0))


def _by_sql(place: Place, jobs: int, batch: int) -> float:
    """Do the same to an equal map without the library; returns the jobs per second."""
    workflow = place.workflow("sql")
    declared = workflow.map(run, generated_parameters(jobs))
    database, workflow_id = opened(place, "sql")
    with database.read() as connection:
        (requirement,) = connection.exec_driver_sql(
            f"SELECT DISTINCT requirement_id FROM jobs WHERE map_id = {declared.id}"
        ).one()
    workers = [joined(database, workflow_id).id for _ in range(WORKERS)]
    names = {"workflow": workflow_id, "map": declared.id, "requirement": requirement, "n": batch}
    hands = [_hand(place, names | {"worker": worker}) for worker in workers]
    for hand in hands:
        hand.stdout.readline()  # it is connected
    began = time.perf_counter()
    for hand in hands:
        hand.stdin.write("go\n")
        hand.stdin.flush()
    if any(hand.wait(LIMIT_SECONDS) for hand in hands):
        raise RuntimeError("a process failed")
    seconds = time.perf_counter() - began
    completed = _completed(database, workflow_id)
    database.close()
    if completed != jobs:
        raise RuntimeError(f"{completed:,} of {jobs:,} jobs were completed")
    return jobs / seconds


def _hand(place: Place, names: dict[str, int]) -> Any:
    address = place.url.replace("+psycopg", "")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.drain", address, json.dumps(names)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _drain(address: str, names: dict[str, int]) -> None:
    """Claim and complete until there is nothing: each round one transaction, as an exchange is."""
    import psycopg

    with psycopg.connect(address) as connection:
        print("connected", flush=True)
        sys.stdin.readline()
        held: list[Any] = []
        while True:
            with connection.cursor() as cursor, connection.transaction():
                cursor.execute(RENEW, names)
                _complete(cursor, names, held)
                ended, held = len(held), cursor.execute(CLAIM, names).fetchall()
                for status, n in ((2, -len(held)), (3, len(held) - ended), (5, ended)):
                    cursor.execute(COUNT, names | {"status": status, "n": n, "shard": names["worker"] % 16})
            if not held:
                break


def _complete(cursor: Any, names: dict[str, int], held: list[Any]) -> None:
    if not held:
        return
    ids, attempts = [row[0] for row in held], [row[1] for row in held]
    cursor.execute(LOCK, {"ids": ids})
    cursor.execute(COMPLETE, names | {"ids": ids, "attempts": attempts})
    now = time.time()
    with cursor.copy(RECORD) as copy:
        copy.set_types(RECORDED)
        for row in held:
            fingerprint = bytes(row[6]) * 2
            copy.write_row(
                (row[0], row[1], 1, 5, 0, False, names["worker"], 1, fingerprint, now, 0.0, 0.0, 0, '{"total":0.5}',
                 0, 0, 0)
            )  # fmt: skip


if __name__ == "__main__":
    _drain(sys.argv[1], json.loads(sys.argv[2]))
