"""A workflow that is paused while its workers are at it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from torc_nb.store import workflows
from worker.conftest import Site


def test_what_runs_goes_on_and_nothing_begins(any_site: Site) -> None:
    """What was claimed ahead goes back, the worker stays, and after the resume each job has run once."""

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        while not Path("go").exists():
            time.sleep(0.02)
        return row

    map_id = any_site.map(run, range(40))
    worker = any_site.worker(num_cpus=2)
    any_site.until(lambda: any_site.statuses().get("running") == 2)
    assert workflows.set_state(any_site.database, any_site.id, "paused")
    any_site.until(lambda: any_site.statuses() == {"ready": 38, "running": 2})
    (any_site.here / "go").touch()
    any_site.until(lambda: any_site.statuses() == {"ready": 38, "completed": 2})
    assert worker.poll() is None
    assert workflows.set_state(any_site.database, any_site.id, "started")
    assert worker.wait(40) == 0
    assert any_site.values(map_id) == list(range(40))
    assert Counter(any_site.lines()) == Counter(map(str, range(40)))


def test_short_jobs_stop_between_two(any_site: Site) -> None:
    """Those that wait with a child, hundreds at a time, are not run to the last."""

    def run(row: int) -> int:
        time.sleep(0.005)
        return row

    map_id = any_site.map(run, range(4000))
    worker = any_site.worker(num_cpus=1)
    any_site.until(lambda: any_site.statuses().get("completed", 0) > 50)
    workflows.set_state(any_site.database, any_site.id, "paused")
    any_site.until(lambda: set(any_site.statuses()) == {"ready", "completed"})
    assert any_site.statuses()["ready"] > 1000
    stands = any_site.statuses()
    time.sleep(0.5)
    assert any_site.statuses() == stands
    workflows.set_state(any_site.database, any_site.id, "started")
    assert worker.wait(60) == 0
    assert any_site.values(map_id) == list(range(4000))
