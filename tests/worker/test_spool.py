"""The database goes away and workers end meanwhile: what they finished is kept, recorded once, and not run again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.postgres_server import PostgresServer

from torc_nb.models import JobStatus
from torc_nb.store import Database, events

from .conftest import Site, outage


def brief(row: int) -> int:
    """Take a while, then write down that a row was run."""
    time.sleep(0.02)
    with Path("ran").open("a") as file:
        file.write(f"{row}\n")
    return row


def spools(site: Site) -> list[Path]:
    """The files in which results wait."""
    folder = site.files / "spool"
    return sorted(folder.iterdir()) if folder.exists() else []


def run_out(site: Site) -> list[str]:
    """Wait until the worker has run all that it has claimed; returns the rows that it ran."""
    ran: list[str] = []

    def has_stopped() -> bool:
        nonlocal ran
        before, ran = ran, site.lines()
        time.sleep(0.5)
        return bool(ran) and ran == before

    site.until(has_stopped)
    return ran


def kept_events(site: Site, kind: str) -> list[dict[str, object]]:
    """What events of a kind say."""
    return [event.data for event in events.listed(site.database, site.id) if event.kind == kind]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_during_an_outage_loses_nothing(
    postgres_server: PostgresServer, far_site: Site, end: signal.Signals
) -> None:
    """Server stopped, worker killed, server started: the next worker records what ended, and runs none of it again."""
    map_id = far_site.map(brief, range(400))
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("completed", 0) > 30)
    with outage(postgres_server, far_site):
        before = run_out(far_site)
        assert worker.poll() is None, "it goes on with what it has"
        time.sleep(2.0)
        worker.send_signal(end)
        worker.wait(20)
        assert len(spools(far_site)) == (1 if end is signal.SIGKILL else 2), "one that is asked leaves its last word"
        assert {file.stat().st_mode & 0o777 for file in spools(far_site)} == {0o600}
        assert (far_site.files / "spool").stat().st_mode & 0o777 == 0o700
    assert far_site.run(num_cpus=2) == {"completed": 400}
    assert spools(far_site) == []
    assert far_site.values(map_id) == list(range(400))
    ran = Counter(far_site.lines())
    assert ran == Counter(map(str, range(400)))
    assert {ran[row] for row in before} == {1}
    assert len(far_site.attempts()) == 400
    assert not any(attempt.late for attempt in far_site.attempts())
    assert kept_events(far_site, "results taken in")[0]["count"]
    states = [record.state for record in far_site.workers()]
    assert states == (["lost", "left"] if end is signal.SIGKILL else ["left", "left"])
    assert {job.interruptions for job in far_site.jobs()} == {0}


def test_a_worker_that_outlives_the_outage_empties_its_spool_itself(
    postgres_server: PostgresServer, far_site: Site
) -> None:
    """What waited on the disk is in the database soon after its return, and the worker goes on."""
    map_id = far_site.map(brief, range(600))
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("completed", 0) > 30)
    with outage(postgres_server, far_site):
        run_out(far_site)
        far_site.until(lambda: spools(far_site), 5)
    assert worker.wait(60) == 0
    assert spools(far_site) == []
    assert far_site.statuses() == {"completed": 600}
    assert far_site.values(map_id) == list(range(600))
    assert Counter(far_site.lines()) == Counter(map(str, range(600)))
    assert len(far_site.workers()) == 1


def test_a_failure_in_an_outage_is_kept_too(postgres_server: PostgresServer, far_site: Site) -> None:
    """Errors, tracebacks and output of jobs that failed meanwhile arrive whole."""

    def run(row: int) -> int:
        while not Path("go").exists():
            time.sleep(0.05)
        print(f"row {row} speaks")
        return 1 // row

    far_site.map(run, [0, 1])
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("running") == 2)
    with outage(postgres_server, far_site):
        (far_site.here / "go").touch()
        far_site.until(lambda: spools(far_site), 10)
        time.sleep(2.0)
        worker.kill()
        worker.wait()
    far_site.worker(num_cpus=1)
    assert far_site.wait() == {"completed": 1, "failed": 1}
    (failed,) = far_site.jobs(JobStatus.FAILED)
    assert "1 // row" in far_site.result(failed.id).traceback
    assert far_site.printed(failed.id) == ("row 0 speaks\n", "")
    assert len(far_site.attempts()) == 2


def test_many_who_come_at_once_record_it_once(postgres_server: PostgresServer, far_site: Site) -> None:
    """Four workers start together on the return of the database: one result for each job, no job run twice."""
    far_site.map(brief, range(300))
    workers = [far_site.worker(num_cpus=1), far_site.worker(num_cpus=1)]
    far_site.until(lambda: far_site.statuses().get("completed", 0) > 30)
    with outage(postgres_server, far_site):
        run_out(far_site)
        time.sleep(2.0)
        for worker in workers:
            worker.kill()
            worker.wait()
        assert len(spools(far_site)) == 2
    for worker in [far_site.worker(num_cpus=1) for _ in range(4)]:
        assert worker.wait(60) == 0
    assert far_site.statuses() == {"completed": 300}
    assert Counter(far_site.lines()) == Counter(map(str, range(300)))
    assert len(far_site.attempts()) == 300
    assert spools(far_site) == []


def test_a_blip_does_not_touch_the_disk(postgres_server: PostgresServer, far_site: Site) -> None:
    """Connections that break, and can be made again at once, are no reason to spool."""
    far_site.map(brief, range(300))
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("completed", 0) > 30)
    database = Database.open(far_site.url)
    with database.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    database.close()
    far_site.database.close()
    assert worker.wait(60) == 0
    assert not (far_site.files / "spool").exists()
    assert Counter(far_site.lines()) == Counter(map(str, range(300)))


@contextlib.contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another process holds the lock on an SQLite file, as a copying tool or a stopped program would."""
    path = site.url.removeprefix("sqlite:///")
    code = (
        f"import sqlite3; c = sqlite3.connect({path!r}, isolation_level=None, timeout=20)\n"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.kill()


def test_a_locked_sqlite_file_is_an_outage(site: Site) -> None:
    """While the ledger still waits for the lock, what ended stands on the disk: a kill -9 loses none of it."""
    map_id = site.map(brief, range(400))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("completed", 0) > 30)
    with locked(site):
        run_out(site)
        time.sleep(2.0)
        worker.kill()
        worker.wait()
        assert len(spools(site)) == 1
    assert site.run(num_cpus=2) == {"completed": 400}
    assert site.values(map_id) == list(range(400))
    assert Counter(site.lines()) == Counter(map(str, range(400)))
    assert spools(site) == []


def test_a_lock_that_outlasts_the_time_out_is_survived(site: Site) -> None:
    """A worker whose transactions give up again and again goes on when the lock is gone, with nothing lost."""
    map_id = site.map(brief, range(400))
    worker = site.worker(num_cpus=2, lock_timeout=0.5)
    site.until(lambda: site.statuses().get("completed", 0) > 30)
    with locked(site):
        run_out(site)
        site.until(lambda: "does not answer" in site.said())
        time.sleep(2.0)
        assert len(spools(site)) == 1
    assert worker.wait(60) == 0
    assert site.values(map_id) == list(range(400))
    assert Counter(site.lines()) == Counter(map(str, range(400)))
    assert spools(site) == []
    assert site.said().count("does not answer") == 1


def test_a_worker_without_a_disk_keeps_results_in_memory(postgres_server: PostgresServer, far_site: Site) -> None:
    """Where nothing can be written to the spool the worker says so once, goes on, and records all in the end."""
    (far_site.files / "spool").write_text("in the way")
    map_id = far_site.map(brief, range(400))
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("completed", 0) > 30)
    with outage(postgres_server, far_site):
        run_out(far_site)
        time.sleep(2.0)
        assert worker.poll() is None
    assert worker.wait(60) == 0
    assert far_site.said().count("cannot be kept on the disk") == 1
    assert far_site.values(map_id) == list(range(400))
    assert Counter(far_site.lines()) == Counter(map(str, range(400)))


def test_postprocess_runs_though_the_database_is_away(postgres_server: PostgresServer, far_site: Site) -> None:
    """What it collects was fetched with its claim: an outage between claim and start does not end the worker."""

    def collect(results: list[int]) -> int:
        while not Path("go").exists():
            time.sleep(0.05)
        return sum(results)

    far_site.map(brief, range(20), postprocess=collect)
    worker = far_site.worker(num_cpus=2)
    far_site.until(lambda: far_site.statuses().get("completed") == 20 and far_site.statuses().get("running") == 1)
    with outage(postgres_server, far_site):
        (far_site.here / "go").touch()
        far_site.until(lambda: spools(far_site), 10)
    assert worker.wait(40) == 0
    assert far_site.statuses() == {"completed": 21}
