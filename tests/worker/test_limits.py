"""Workers and a map in which too many jobs fail."""

from __future__ import annotations

import time
from pathlib import Path

from torc_nb.models import FAILURES
from torc_nb.store import events, resetting

from .conftest import Site


def hopeless(row: int) -> int:
    """Fail, but for one that goes on until it is killed."""
    with Path("ran").open("a") as file:
        file.write(f"{row}\n")
    while row == 0:
        time.sleep(0.02)
    return 1 // 0


def bad(row: int) -> int:
    """Fail as long as the test says so."""
    time.sleep(0.02)
    return 1 if Path("mended").exists() else row // 0


def test_workers_leave_what_fails_everywhere(any_site: Site) -> None:
    """Two of them: what is beyond the limit is what ran or was at hand, and nobody waits for the rest."""
    any_site.map(bad, range(400), policy={"max_failures": 5})
    workers = [any_site.worker(num_cpus=1) for _ in range(2)]
    for worker in workers:
        assert worker.wait(60) == 0
    stands = any_site.statuses()
    assert 5 <= stands["failed"] < 100
    assert stands["failed"] + stands["ready"] == 400
    assert [one.kind for one in events.listed(any_site.database, any_site.id)].count("map stopped") == 1


def test_an_idle_worker_goes_on_after_a_rerun(any_site: Site) -> None:
    """It hears of it, as of any other work."""
    any_site.map(bad, range(200), policy={"max_failures": 1})
    worker = any_site.worker(num_cpus=1, linger=60.0)
    any_site.until(lambda: any_site.statuses().get("failed") and set(any_site.statuses()) == {"failed", "ready"})
    (any_site.here / "mended").touch()
    resetting.rerun(any_site.database, any_site.id, list(FAILURES))
    assert any_site.wait() == {"completed": 200}
    worker.terminate()
    worker.wait(30)


def test_a_killed_worker_does_not_lose_it(any_site: Site) -> None:
    """The next one finds the map stopped, runs nothing of it, and leaves; so it does with what the dead one held."""
    any_site.map(hopeless, range(40), policy={"max_failures": 3}, num_cpus=1)
    first = any_site.worker(num_cpus=2)
    any_site.until(lambda: any_site.statuses().get("failed", 0) >= 3)
    any_site.until(lambda: any_site.statuses().get("running") == 1 and "pending" not in any_site.statuses())
    first.kill()
    first.wait()
    ran = any_site.lines()
    assert any_site.worker(num_cpus=2).wait(60) == 0
    assert any_site.lines() == ran
    stands = any_site.statuses()
    assert stands == {"failed": stands["failed"], "ready": 40 - stands["failed"]}
