"""Workers, their children and their nurseries are stopped and killed; no job is lost and none is done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from torc_nb.models import JobStatus
from torc_nb.store import jobs, leases

from .conftest import Site, are_gone, children_of


def slow(row: int) -> int:
    """Note the beginning and the end of some work."""
    with Path("begun").open("a") as file:
        file.write(f"{row}\n")
    time.sleep(0.3 if row % 2 else 0.01)
    with Path("ran").open("a") as file:
        file.write(f"{row}\n")
    return row


def long(row: int) -> int:
    """Say so, and sleep for long, in a program."""
    import subprocess

    with Path("begun").open("a") as file:
        file.write(f"{row}\n")
    subprocess.run(["sleep", "100"], check=True)
    return row


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_worker_cleanly(site: Site, number: signal.Signals) -> None:
    """What ended is recorded, what did not is ready again, nothing stays behind, and the next worker does the rest."""
    map_id = site.map(slow, range(16))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("completed", 0) > 3)
    children = children_of(worker.pid)
    assert len(children) >= 4
    worker.send_signal(number)
    assert worker.wait(10) == 0
    assert are_gone(children)
    found = site.statuses()
    assert set(found) == {"completed", "ready"}
    assert found["completed"] == len(site.lines())
    assert [record.state for record in site.workers()] == ["left"]
    assert site.run(num_cpus=2) == {"completed": 16}
    assert site.values(map_id) == list(range(16))


def test_a_stopped_worker_gives_back_what_runs(site: Site) -> None:
    """A job that runs on is ended with its programs and is ready again, not failed."""
    site.map(long, range(4))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running") == 2)
    programs = children_of(worker.pid)
    assert sum(process.name() == "sleep" for process in programs) == 2
    worker.terminate()
    assert worker.wait(10) == 0
    assert are_gone(programs)
    assert site.statuses() == {"ready": 4}
    assert all(job.interruptions == 0 for job in site.jobs())


def test_a_signal_to_all_processes_fails_no_job(site: Site) -> None:
    """As when Slurm ends an allocation: worker, children and programs get the signal in any order."""
    site.map(long, range(4))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running") == 2)
    family = children_of(worker.pid)
    for process in reversed(family):
        process.terminate()
    time.sleep(0.05)
    worker.terminate()
    assert worker.wait(10) == 0
    assert are_gone(family)
    assert site.statuses() == {"ready": 4}
    assert site.attempts() == []


def test_when_a_worker_is_killed_another_takes_over(site: Site) -> None:
    """A kill -9 of a worker ends its children and their programs; what it did not record is done by the next."""
    map_id = site.map(slow, range(16))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running", 0) > 0)
    children = children_of(worker.pid)
    worker.kill()
    worker.wait()
    site.until(lambda: are_gone(children), 5)
    assert site.run(num_cpus=2) == {"completed": 16}
    assert site.values(map_id) == list(range(16))
    assert [record.state for record in site.workers()] == ["lost", "left"]
    assert 0 < max(job.interruptions for job in site.jobs()) <= 1


def test_programs_die_with_a_killed_worker(site: Site) -> None:
    """A program that a job runs does not outlive a worker that was killed."""
    site.map(long, [0])
    worker = site.worker()
    site.until(lambda: site.statuses().get("running") == 1)
    family = children_of(worker.pid)
    assert any(process.name() == "sleep" for process in family)
    worker.kill()
    worker.wait()
    site.until(lambda: are_gone(family), 5)


def test_a_job_that_takes_its_worker_down_is_failed_in_the_end(site: Site) -> None:
    """A job whose worker dies three times under it is failed, saying so; it does not go round for ever."""
    site.map(long, [0])
    for _ in range(leases.MAX_INTERRUPTIONS):
        worker = site.worker()
        site.until(lambda: site.statuses().get("running") == 1)
        worker.kill()
        worker.wait()
        leases.expire(site.database, site.id)
    assert site.statuses() == {"failed": 1}
    assert "took down its worker 3 times" in site.jobs()[0].note


def test_a_killed_child_fails_its_job_alone(site: Site) -> None:
    """Someone's kill -9 of one child is one failed job; the worker goes on with the others."""

    def run(row: int) -> int:
        Path(f"begun-{row}").write_text(f"{os.getpid()}\n")
        while not Path("killed").exists():
            time.sleep(0.02)
        return row

    site.map(run, range(10))
    worker = site.worker(num_cpus=2)
    begun = site.here / "begun-0"
    site.until(lambda: begun.exists() and begun.read_text().endswith("\n"))
    os.kill(int(begun.read_text()), signal.SIGKILL)
    (site.here / "killed").touch()
    assert worker.wait(30) == 0
    assert site.statuses() == {"completed": 9, "failed": 1}
    assert site.attempts()
    assert site.result(site.jobs(JobStatus.FAILED)[0].id).error_type == "SIGKILL"


def test_a_worker_without_its_nursery_leaves(site: Site) -> None:
    """A kill -9 of the root nursery: no child can be had any more, so the worker gives its jobs back and leaves."""
    site.map(long, range(3))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running") == 2)
    family = children_of(worker.pid)
    psutil.Process(worker.pid).children()[0].kill()
    assert worker.wait(10) == 0
    assert site.statuses() == {"ready": 3}
    site.until(lambda: are_gone(family), 5)


def test_jobs_of_a_dead_branch_run_again_in_the_same_worker(site: Site) -> None:
    """A kill -9 of the nursery that bore the children costs no job."""
    map_id = site.map(slow, range(1, 20, 2))
    worker = site.worker(num_cpus=2)
    site.until(lambda: site.statuses().get("running", 0) == 2)
    root = psutil.Process(worker.pid).children()[0]
    root.children()[0].kill()
    assert worker.wait(30) == 0
    assert site.statuses() == {"completed": 10}
    assert site.values(map_id) == list(range(1, 20, 2))


def test_a_daemon_that_a_job_leaves_blocks_nobody(site: Site) -> None:
    """A process in a session of its own, holding all that it inherited, keeps nobody waiting."""

    def run(row: int) -> int:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        return pid

    map_id = site.map(run, range(3))
    began = time.monotonic()
    try:
        assert site.run(num_cpus=1) == {"completed": 3}
        assert time.monotonic() - began < 20
    finally:
        for pid in site.values(map_id):
            with contextlib.suppress(ProcessLookupError):  # it ended with the worker
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3, 0.6])
def test_ctrl_c_at_any_moment_of_the_start_is_quiet(site: Site, moment: float) -> None:
    """A worker that is stopped while it starts leaves no traceback of ours, no process and no claimed job."""
    site.map(long, [0])
    worker = site.worker()
    site.until(lambda: psutil.Process(worker.pid).children())
    family = children_of(worker.pid)
    time.sleep(moment)
    worker.send_signal(signal.SIGINT)
    worker.wait(15)
    site.until(lambda: are_gone(family), 5)
    assert site.statuses() == {"ready": 1}
    assert "Traceback" not in site.said()


def test_cancel_stops_what_runs_and_what_waits(any_site: Site) -> None:
    """A canceled job is stopped within five seconds, its program too, and those that wait never begin."""
    any_site.map(long, range(6))
    worker = any_site.worker(num_cpus=2)
    any_site.until(lambda: any_site.statuses().get("running") == 2)
    programs = [process for process in children_of(worker.pid) if process.name() == "sleep"]
    assert jobs.cancel(any_site.database, any_site.id) == 6
    any_site.until(lambda: are_gone(programs), 5)
    assert worker.wait(10) == 0
    assert any_site.statuses() == {"canceled": 6}
    assert len(any_site.lines("begun")) == 2


def test_cancel_of_one_job_leaves_the_others(site: Site) -> None:
    """Of many short jobs and a long one only the chosen is stopped, wherever it stands."""

    def run(row: int) -> int:
        time.sleep(30 if row in (5, 7) else 0.001)
        return row

    site.map(run, range(200))
    worker = site.worker(num_cpus=2)
    chosen = [job.id for job in site.jobs() if job.row in (5, 7)]
    site.until(lambda: site.statuses().get("running") == 2 and site.statuses().get("completed", 0) >= 6)
    jobs.cancel(site.database, site.id, chosen)
    assert worker.wait(20) == 0
    assert site.statuses() == {"completed": 198, "canceled": 2}


def test_a_timeout_terminates_the_job_alone(site: Site) -> None:
    """A job above its time limit is terminated, with the limit named; the others complete."""

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        time.sleep(60 if row == 3 else 0.01)
        return row

    site.map(run, range(8), timeout=1)
    assert site.run(num_cpus=2) == {"completed": 7, "terminated": 1}
    ended = site.result(site.jobs(JobStatus.TERMINATED)[0].id)
    assert "timeout of" in ended.error
    assert 0.9 < ended.seconds < 20
    assert max(Counter(site.lines()).values()) == 1


def test_a_timeout_asks_before_it_kills(any_site: Site) -> None:
    """SIGTERM lets a job save what it has; whatever comes of it, it is terminated; SIGKILL ends one that stays."""

    def run(row: int) -> int:
        def warned(*_: object) -> None:
            with Path("ran").open("a") as file:
                file.write(f"{row}\n")
            if row == 1:
                raise SystemExit("saved")
            if row == 2:
                raise TimeoutError("saved")

        signal.signal(signal.SIGTERM, warned)
        with contextlib.suppress(TimeoutError):
            time.sleep(100)
        return row

    map_id = any_site.map(run, [1, 2, 3], timeout=1)
    any_site.worker(num_cpus=3, prelude="from torc_nb.worker import guard; guard.LAST_SECONDS = 1.0; ")
    assert any_site.wait() == {"terminated": 3}
    assert sorted(any_site.lines()) == ["1", "2", "3"]
    assert any_site.values(map_id) == [None] * 3
    ends = [any_site.result(job.id) for job in any_site.jobs()]
    assert {one.error for one in ends} == {"ran longer than its timeout of 1.0 s"}
    assert [one.return_code for one in ends] == [-15, -15, -9]
    assert all(len(any_site.attempts(job.id)) == 1 for job in any_site.jobs())
