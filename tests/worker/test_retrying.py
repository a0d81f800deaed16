"""Real workers try again what failed."""

from __future__ import annotations

import sys
from pathlib import Path

from sqlalchemy import update

from torc_nb import Retry
from torc_nb.models import JobStatus
from torc_nb.store import schema, watch

from .conftest import Site


def test_until_it_succeeds_or_the_tries_are_used_up(any_site: Site) -> None:
    """The worker waits for what is due; classes that an error derives from count, and so do return codes."""

    def run(row: int) -> int:
        before = Path(f"tries-{row}")
        with before.open("a") as tries:
            tries.write("x")
        if row == 0 and before.stat().st_size < 3:
            raise ConnectionResetError("not yet")
        if row == 1:
            raise ValueError("never")
        if row == 2 and before.stat().st_size < 2:
            sys.exit(75)
        if row == 3:
            raise OSError("again and again")
        return before.stat().st_size

    retry = Retry(2, wait=0.2, factor=2, on=(OSError, 75))
    map_id = any_site.map(run, range(4), policy={"retry": retry.stored()})
    assert any_site.run(num_cpus=1) == {"completed": 2, "failed": 2}
    assert any_site.values(map_id) == [3, None, 2, None]
    tried = {job.row: [one.error_type for one in any_site.attempts(job.id)] for job in any_site.jobs()}
    assert tried[0] == ["ConnectionResetError", "ConnectionResetError", None]
    assert tried[1] == ["ValueError"]
    assert tried[2] == ["SystemExit", None]
    assert tried[3] == ["OSError"] * 3


def test_an_idle_worker_knows_when_a_try_is_due(any_site: Site) -> None:
    """It does not wait for its heartbeat, or for others to change anything."""

    def run(row: int) -> int:
        before = Path("tries")
        with before.open("a") as tries:
            tries.write("x")
        if before.stat().st_size < 3:
            raise OSError("not yet")
        return row

    any_site.map(run, [0], policy={"retry": Retry(2, wait=0.5, factor=2).stored()})
    rarely = "from torc_nb.worker import ledger; ledger.HEARTBEAT = ledger.INSPECTION = 3600.0; "
    any_site.worker(num_cpus=1, prelude=rarely)
    assert any_site.wait() == {"completed": 1}


def test_a_try_outlives_the_worker_that_was_to_make_it(any_site: Site) -> None:
    """Killed while it waits: the next worker makes it when it is due, and the tries are counted on."""

    def run(_row: int) -> None:
        raise OSError("away")

    any_site.map(run, [0], policy={"retry": Retry(2, wait="1h").stored()})
    (job,) = any_site.jobs()
    first = any_site.worker(num_cpus=1)
    any_site.until(lambda: _waits(any_site, 1))
    first.kill()
    first.wait()
    any_site.worker(num_cpus=1)
    any_site.until(lambda: len(any_site.workers()) == 2)
    assert _waits(any_site, 1)  # it is nobody's yet
    _let_time_pass(any_site)
    any_site.until(lambda: _waits(any_site, 2))
    _let_time_pass(any_site)
    assert any_site.wait() == {"failed": 1}
    by_worker = [one.worker_id for one in any_site.attempts(job.id)]
    known = [worker.id for worker in any_site.workers()]
    assert by_worker == [known[0], known[1], known[1]]


def _waits(site: Site, tries: int) -> bool:
    (job,) = site.jobs()
    return bool(job.status == JobStatus.READY and job.retries == tries and job.not_before > 1)


def _let_time_pass(site: Site) -> None:
    """What waits for its next try is due, and workers look."""
    with site.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.not_before > 0).values(not_before=1.0))
        watch.announce(connection, site.id)
