"""A node on which everything fails does not burn the jobs that others would complete."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from store.scene import completion

from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import Introduction, JobStatus, Membership, Room
from torc_nb.store import allocations, claims, events, exclusions, leases, machine, suspects
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.beginning import Beginning

from .conftest import Site

GOOD, BAD = {"SLURMD_NODENAME": "n1"}, {"SLURMD_NODENAME": "n2"}


def delicate(row: int) -> int:
    """Need a library that one node lacks."""
    with Path("ran").open("a") as file:
        file.write(f"{row}\n")
    if Path("/proc/self/oom_score_adj").exists() and os.environ.get("SLURMD_NODENAME") == "n2":
        Path("broken").touch()
        raise ImportError("libmissing.so.1: cannot open shared object file")
    while row >= 10 and not Path("broken").exists():  # else the others might be done before the bad node has begun
        time.sleep(0.02)
    time.sleep(0.1)
    return row


def held(row: int) -> None:
    """Go on when the test says so."""
    while not Path("go").exists():
        time.sleep(0.02)


def told(site: Site, kind: str) -> list[dict[str, object]]:
    """What the events of a kind say."""
    return [event.data for event in events.listed(site.database, site.id) if event.kind == kind]


def test_a_broken_node_leaves_and_its_failures_are_tried_elsewhere(any_site: Site) -> None:
    """It says so, an event tells, and in the end everything is complete, by the good node."""
    any_site.map(delicate, range(100), postprocess=len)
    good = any_site.worker(num_cpus=2, environ=GOOD)
    any_site.until(lambda: any_site.statuses().get("completed", 0) > 3)
    bad = any_site.worker(num_cpus=2, environ=BAD)
    assert bad.wait(30) == 0
    assert good.wait(60) == 0  # it stays for what the other one puts back, be it the last of all
    assert any_site.statuses() == {"completed": 101}
    (left,) = [data["message"] for data in told(any_site, "worker left") if "broken" in str(data["message"])]
    assert "first" in str(left)
    assert "ImportError: libmissing.so.1" in str(left)
    assert "while other nodes complete theirs: the node n2 may be broken" in str(left)
    suspected = told(any_site, "node suspected")
    assert suspected
    assert all(data["tried_again"] == data["failed"] for data in suspected)
    assert max(Counter(any_site.lines()).values()) == 2
    (excluded,) = exclusions.listed(any_site.database, any_site.id)
    assert (excluded.node, excluded.worker_id) == ("n2", 2)
    assert excluded.reason in str(left)


def test_a_worker_that_begins_on_an_excluded_node_leaves_at_once(any_site: Site) -> None:
    """It runs nothing, says why, and what to type; on another node the jobs are run."""
    any_site.map(lambda row: row, range(4))
    exclusions.add(any_site.database, any_site.id, "n2", "it hums")
    (allocation_id,) = allocations.create(any_site.database, any_site.id, "slurm", 1)
    assert any_site.worker(num_cpus=1, environ=BAD, allocation_id=allocation_id).wait(30) == 0
    assert any_site.statuses() == {"ready": 4}
    (left,) = told(any_site, "worker left")
    word = "the node n2 is excluded (it hums); `%torc hpc slurm excluded-nodes remove n2` lets it be used again"
    assert left["message"] == word
    assert allocations.get(any_site.database, allocation_id).message == word
    assert any_site.worker(num_cpus=1, environ=GOOD).wait(30) == 0
    assert any_site.statuses() == {"completed": 4}


def test_this_machine_is_never_excluded(site: Site) -> None:
    """A worker that a user starts within an allocation of hers is no node that Slurm gave us."""
    site.map(lambda row: row, range(4))
    exclusions.add(site.database, site.id, "n2", "")
    (allocation_id,) = allocations.create(site.database, site.id, "local", 1)
    assert site.worker(num_cpus=1, environ=BAD, allocation_id=allocation_id).wait(30) == 0
    assert site.statuses() == {"completed": 4}


def test_what_failed_is_handed_back_after_an_outage(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database was away at the first try, the next one puts back all of it."""
    site.map(lambda row: row, range(4))
    worker = leases.join(site.database, Introduction(site.id, "n2", os.getpid(), machine.boot_id(), 0.0))
    found = claims.exchange(site.database, site.id, worker.id, room=lambda *_: 4).claims
    failed = [completion(claim, JobStatus.FAILED) for claim in found]
    assignments = Assignments(site.database, site.id)
    beginning = Beginning(site.database, worker, assignments, Room(num_cpus=1, memory=2**30), "n2")
    monkeypatch.setattr(suspects, "is_suspect", lambda *_: True)
    beginning.note(failed)
    claims.exchange(site.database, site.id, worker.id, completions=failed)
    with monkeypatch.context() as away:
        away.setattr(suspects, "try_elsewhere", _unavailable)
        with pytest.raises(DatabaseUnavailable):
            beginning.hand_back()
    assert site.statuses() == {"failed": 4}
    beginning.hand_back()
    assert site.statuses() == {"ready": 4}
    assignments.scratch.rmdir()


def _unavailable(*_: object) -> int:
    raise DatabaseUnavailable("it does not answer")


def test_no_worker_stays_for_one_that_was_told_to_leave(any_site: Site) -> None:
    """Those who wait for what a leaving worker may put back look again once it has left, or died."""
    any_site.map(held, range(2))
    leaving = any_site.worker(num_cpus=1, environ=BAD)
    any_site.until(lambda: any_site.statuses().get("running"))
    other = any_site.worker(num_cpus=1, environ=GOOD)
    any_site.until(lambda: any_site.statuses().get("running") == 2)
    suspects.announce(any_site.database, Membership(1, any_site.id, None))
    (any_site.here / "go").touch()
    assert leaving.wait(30) == 0
    assert other.wait(30) == 0
    assert any_site.statuses() == {"completed": 2}


def test_jobs_that_fail_everywhere_suspect_no_node(any_site: Site) -> None:
    """Where the others fail too nobody leaves, and nothing is tried twice."""

    def run(row: int) -> int:
        time.sleep(0.05)
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        return 1 // (row % 2)

    any_site.map(lambda row: run(0) if row >= 10 else row, range(60))
    workers = [any_site.worker(num_cpus=1, environ=environ) for environ in (GOOD, BAD)]
    for worker in workers:
        assert worker.wait(60) == 0
    assert any_site.statuses() == {"completed": 10, "failed": 50}
    assert told(any_site, "node suspected") == []


def test_a_single_worker_suspects_nobody(site: Site) -> None:
    """What failed first and what was completed before, on the same node, say nothing of the node."""
    site.map(lambda row: row, range(50), name="fine")
    assert site.run() == {"completed": 50}
    site.map(lambda row: 1 // 0, range(20), name="hopeless")
    assert site.run() == {"completed": 50, "failed": 20}
    assert told(site, "node suspected") == []


def test_one_success_is_enough(site: Site) -> None:
    """A worker that has completed a job stays, whatever fails after it."""

    def run(row: int) -> int:
        time.sleep(0.1 if os.environ.get("SLURMD_NODENAME") == "n1" else 0.02)
        if os.environ.get("SLURMD_NODENAME") == "n2" and Path("worked").exists():
            raise RuntimeError
        if os.environ.get("SLURMD_NODENAME") == "n2":
            Path("worked").touch()
        return row

    site.map(run, range(80))
    good = site.worker(num_cpus=1, environ=GOOD)
    site.until(lambda: site.statuses().get("completed", 0) > 3)
    bad = site.worker(num_cpus=1, environ=BAD)
    assert bad.wait(60) == 0
    assert good.wait(60) == 0
    assert site.statuses()["failed"] > 3
    assert told(site, "node suspected") == []
