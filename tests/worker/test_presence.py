"""When a worker stays, when it leaves, where it refuses, and what it survives."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from services.postgres_server import PostgresServer
from sqlalchemy import update

from torc_nb.models import JobStatus
from torc_nb.store import jobs, leases, schema, workflows

from .conftest import Site


def same(row: int) -> int:
    """Give the row back, noting that it ran."""
    with Path("ran").open("a") as file:
        file.write(f"{row}\n")
    return row


def test_a_worker_starts_without_heavy_packages() -> None:
    """What a worker's process and its children import at start holds none of the notebook's packages, nor numpy."""
    code = (
        "import sys, torc_nb.worker.shift, torc_nb.worker.child\n"
        "heavy = {'numpy', 'pandas', 'IPython', 'ipywidgets', 'jupyterlab', 'submitit', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_leaves_when_nothing_can_become_ready(any_site: Site) -> None:
    """Without a job that could ever run a worker leaves at once, and says so."""
    began = time.monotonic()
    assert any_site.run() == {}
    assert time.monotonic() - began < 10
    any_site.map(same, range(5))
    assert any_site.run() == {"completed": 5}


def test_it_lingers_and_takes_new_work_at_once(any_site: Site) -> None:
    """A worker told to linger stays, begins what is declared meanwhile within a moment, and then leaves."""
    worker = any_site.worker(linger=2.5)
    any_site.until(any_site.workers)
    time.sleep(1.0)
    waits = []
    for round_ in range(3):
        map_id = any_site.map(lambda row: row, [1], name=f"map{round_}")
        declared = time.time()
        any_site.until(lambda map_id=map_id: any_site.statuses(map_id) == {"completed": 1})
        waits.append(any_site.attempts()[-1].started - declared)
        time.sleep(0.3)
    assert sorted(waits)[1] < 0.5
    assert worker.poll() is None
    assert worker.wait(15) == 0


def test_it_leaves_after_its_idle_timeout(site: Site) -> None:
    """With ready jobs that never fit, a worker stays for the idle timeout and no longer."""
    site.map(same, [1], num_cpus=100)
    began = time.monotonic()
    assert site.run(idle_timeout=1.0) == {"ready": 1}
    assert 1.0 < time.monotonic() - began < 10


def test_an_idle_worker_rests(any_site: Site) -> None:
    """Two idle workers side by side use next to no CPU time: they do not wake each other."""
    any_site.map(same, [1], num_cpus=100)
    workers = [any_site.worker(linger=60), any_site.worker(linger=60)]
    any_site.until(lambda: len(any_site.workers()) == 2)

    def rest() -> bool:
        before = used()
        time.sleep(2.0)
        return used() - before < 2 * 2.0 * 0.03

    def used() -> float:
        return sum(sum(psutil.Process(worker.pid).cpu_times()[:2]) for worker in workers)

    any_site.until(rest)  # once they have done with starting
    for worker in workers:
        worker.terminate()
        assert worker.wait(10) == 0


def test_maps_declared_while_workers_leave_are_run(any_site: Site) -> None:
    """However a declaration falls on the moment in which a worker leaves, either it stays or it is seen to be gone."""
    for round_ in range(4):
        worker = any_site.worker()
        any_site.until(lambda n=round_: len(any_site.workers()) > n)
        time.sleep(0.01 * round_)
        map_id = any_site.map(lambda row: row, [1], name=f"map{round_}")
        there = any(record.state == "running" for record in any_site.workers())
        worker.wait(20)
        assert any_site.statuses(map_id) == {"completed": 1} or not there


def test_another_version_of_python_is_refused(site: Site) -> None:
    """A function of another minor version is not unpickled: the worker says so and leaves the jobs ready."""
    site.map(same, range(3))
    with site.database.write() as connection:
        connection.execute(update(schema.functions).values(python="3.9"))
    process = site.worker()
    assert process.wait(20) == 1
    assert site.statuses() == {"ready": 3}
    assert "Python 3.9" in site.said()
    assert "Traceback" not in site.said()


def test_an_sqlite_file_of_another_machine_is_refused(site: Site) -> None:
    """A worker that was sent to another machine than the SQLite file's names the command that helps."""
    site.map(same, [1])
    process = site.worker(origin="another-boot-id")
    assert process.wait(20) == 1
    assert "TORC_NB_DATABASE_URL" in site.said()
    assert site.statuses() == {"ready": 1}


def test_a_deleted_workflow_ends_its_workers(site: Site) -> None:
    """A worker whose workflow is deleted under it leaves by itself."""
    site.map(lambda row: time.sleep(30), range(3))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running", 0) == 2)
    workflows.remove(site.database, site.id)
    assert worker.wait(15) == 0


def test_a_worker_that_is_asked_to_leave_gives_its_jobs_back(site: Site) -> None:
    """Asked through the database, a worker leaves as if it had been signalled."""
    site.map(lambda row: time.sleep(30), range(3))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running", 0) == 2)
    leases.ask_to_leave(site.database, site.id)
    assert worker.wait(15) == 0
    assert site.statuses() == {"ready": 3}


def test_postprocess_gets_the_results_in_input_order(any_site: Site) -> None:
    """Its argument is the list of all results as the rows were given, the values as they were returned."""

    def run(row: int) -> tuple[int, complex]:
        time.sleep(0.02 * (row % 3))
        return row, complex(row, 1)

    def collect(results: list[tuple[int, complex]]) -> dict[str, object]:
        return {"rows": [row for row, _ in results], "last": results[-1]}

    rows = [5, 3, 9, 1, 7, 0, 2, 8]
    any_site.map(run, rows, postprocess=collect)
    assert any_site.run(num_cpus=2) == {"completed": 9}
    (job,) = [job for job in any_site.jobs() if job.collects]
    from torc_nb import values

    assert values.decode(any_site.result(job.id).value) == {"rows": rows, "last": (8, 8 + 1j)}


def test_postprocess_is_canceled_where_a_job_failed(site: Site) -> None:
    """It does not run on half of the results, and names the job that is to blame."""
    site.map(lambda row: 1 // row, [1, 0], postprocess=len)
    assert site.run() == {"completed": 1, "failed": 1, "canceled": 1}
    assert "ZeroDivisionError" in site.jobs(JobStatus.CANCELED)[0].note


def test_two_workers_share_the_jobs(any_site: Site) -> None:
    """Two workers at once run every job once."""
    map_id = any_site.map(same, range(1500))
    workers = [any_site.worker(num_cpus=1), any_site.worker(num_cpus=1)]
    for worker in workers:
        assert worker.wait(60) == 0
    assert any_site.statuses() == {"completed": 1500}
    assert any_site.values(map_id) == list(range(1500))
    assert Counter(any_site.lines()) == Counter(map(str, range(1500)))


def test_a_worker_records_what_it_ran_with(site: Site) -> None:
    """Its record names the Python and the versions of the packages that its functions use."""

    def run(row: int) -> float:
        import numpy as np

        return float(np.sqrt(row))

    import numpy as np

    site.map(run, [4])
    assert site.run() == {"completed": 1}
    (record,) = site.workers()
    assert record.packages["numpy"] == np.__version__
    assert record.python.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")


@pytest.mark.parametrize("pause", [0.0, 3.0])
def test_an_outage_of_the_database_costs_nothing(postgres_server: PostgresServer, tmp_path: Path, pause: float) -> None:
    """The server goes away in mid-run, for longer than the jobs that are held last: all run once and are recorded."""

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        time.sleep(0.02)
        return row

    url = postgres_server.create_database()
    site = Site(url, tmp_path)
    try:
        map_id = site.map(run, range(300))
        worker = site.worker(num_cpus=2)
        site.until(lambda: site.statuses().get("completed", 0) > 30)
        postgres_server.shut_down()
        try:
            time.sleep(pause)
            assert worker.poll() is None
        finally:
            postgres_server.bring_up()
        assert worker.wait(60) == 0
        assert site.statuses() == {"completed": 300}
        assert site.values(map_id) == list(range(300))
        assert Counter(site.lines()) == Counter(map(str, range(300)))
        assert site.said().count("does not answer") == 1
    finally:
        site.close()
        postgres_server.drop_database(url)


def test_a_worker_whose_lease_was_lost_goes_on(any_site: Site) -> None:
    """Declared dead by mistake, it drops what has not begun, its running job counts, and no job is run for nothing."""

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        while not Path("lost").exists():
            time.sleep(0.02)
        return row

    map_id = any_site.map(run, range(40))
    worker = any_site.worker(num_cpus=2)
    any_site.until(lambda: any_site.jobs()[0].status == JobStatus.RUNNING)
    true_start = any_site.workers()[0].process_start
    with any_site.database.write() as connection:
        connection.execute(update(schema.workers).values(process_start=1.0))
    leases.expire(any_site.database, any_site.id)
    with any_site.database.write() as connection:
        connection.execute(update(schema.workers).values(process_start=true_start))
    (any_site.here / "lost").touch()
    assert worker.wait(40) == 0
    assert any_site.statuses() == {"completed": 40}
    assert any_site.values(map_id) == list(range(40))
    assert jobs.get(any_site.database, any_site.jobs()[0].id).interruptions == 1
