"""Workers in allocations whose walltime ends."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from torc_nb.store import events, leases

from .conftest import Site


def endless(row: int) -> int:
    """Run for longer than any allocation; told to end, say so and do."""

    def note(name: str) -> None:
        with Path(name).open("a") as file:
            file.write(f"{row}\n")

    def warned(*_: object) -> None:
        note("warned")
        raise SystemExit(1)

    signal.signal(signal.SIGTERM, warned)
    note("ran")
    time.sleep(100)
    return row


def allocation(seconds: float) -> dict[str, str]:
    """What Slurm tells a worker whose walltime ends so soon."""
    now = int(time.time())
    return {
        "SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "2", "SLURM_JOB_START_TIME": str(now),
        "SLURM_JOB_END_TIME": str(int(now + seconds)),
    }  # fmt: skip


def messages(site: Site) -> list[str]:
    """Why workers left."""
    return [event.data["message"] for event in events.listed(site.database, site.id) if event.kind == "worker left"]


def test_a_job_that_two_full_walltimes_cut_fails(any_site: Site) -> None:
    """As Slurm does it: SIGTERM when the time is over. The message names the walltime; the second time is the last."""
    any_site.map(endless, [1])
    for times, walltime in ((1, 25), (2, 40)):  # it begins in none that is shorter than what it had before
        worker = any_site.worker(environ=allocation(walltime))
        any_site.until(lambda n=times: len(any_site.lines()) == n)
        any_site.until(lambda: any_site.statuses().get("running") == 1)
        time.sleep(any_site.workers()[-1].started + walltime - time.time())
        worker.terminate()
        assert worker.wait(10) == 0
    assert any_site.statuses() == {"failed": 1}
    assert any_site.jobs()[0].note == "needs more than 40 s"
    assert messages(any_site) == [f"its walltime of {seconds} s ended" for seconds in (25, 40)]
    assert any_site.lines("warned") == ["1", "1"]


def test_a_signal_long_before_the_end_is_no_end_of_a_walltime(site: Site) -> None:
    """Neither a scancel nor a preemption counts."""
    site.map(endless, [1])
    worker = site.worker(environ=allocation(3600))
    site.until(lambda: site.statuses().get("running") == 1)
    worker.terminate()
    assert worker.wait(10) == 0
    assert site.statuses() == {"ready": 1}
    assert (site.jobs()[0].longest_cut, site.jobs()[0].interruptions) == (None, 0)
    assert messages(site) == ["it was stopped by SIGTERM"]
    (left,) = (event for event in events.listed(site.database, site.id) if event.kind == "worker left")
    assert left.data["freed"] == 1


def test_a_worker_that_is_killed_at_its_end_left_word(site: Site) -> None:
    """Sites that send SIGKILL at once: the next worker hears why this one ended, and the job is not blamed for it."""
    site.map(endless, [1])
    worker = site.worker(environ=allocation(25))
    site.until(lambda: site.statuses().get("running") == 1)
    site.until(lambda: any(b"ended" in path.read_bytes() for path in (site.files / "spool").glob("*")), 40)
    assert worker.poll() is None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    leases.expire(site.database, site.id)
    assert messages(site) == ["its walltime of 25 s ended"]
    assert site.jobs()[0].interruptions == 0
    assert site.jobs()[0].longest_cut > 0
    assert not list((site.files / "spool").iterdir())


@pytest.mark.parametrize("rows", [0, 1])
def test_a_worker_without_time_begins_nothing(site: Site, rows: int) -> None:
    """When its walltime is over an idle worker leaves, and says why, though there are jobs."""
    site.map(lambda row: time.sleep(0.1), range(rows))
    process = site.worker(environ=allocation(0), linger=60)
    assert process.wait(20) == 0
    assert site.statuses() == ({"ready": 1} if rows else {})
    assert messages(site) == ["its walltime of 0.0 s ended"]
