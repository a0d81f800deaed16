"""Commands that workers call when something has become of the workflow: real ones, with what they find."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from torc_nb.api import Api, make_api, telling
from torc_nb.models import JobStatus
from torc_nb.store import events, maps, notifications

from .conftest import Site

#: Leaves what was told in a file of the workflow's folder, a line for each time.
WRITE = 'echo "$TORC_NB_EVENT|$TORC_NB_WORKFLOW|$TORC_NB_WORKFLOW_ID|$TORC_NB_MESSAGE" >> told'


def told(site: Site) -> list[list[str]]:
    """What was told: event, workflow, its id, and the sentence."""
    path = site.files / "told"
    return [line.split("|") for line in path.read_text().splitlines()] if path.exists() else []


def keep(site: Site, *on: str, command: str = WRITE) -> None:
    """Have a command called."""
    notifications.keep(site.database, site.id, command, on or notifications.EVENTS)


def fails(row: int) -> int:
    """Fail, but for a few."""
    if row > 2:
        raise ValueError(f"bad {row}")
    return row


def test_all_is_done(any_site: Site) -> None:
    """One of two workers that leave at the same moment says it, once, in the workflow's folder."""
    keep(any_site)
    any_site.map(lambda row: row, range(20))
    first, second = any_site.worker(num_cpus=1), any_site.worker(num_cpus=1)
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert told(any_site) == [["done", "site", str(any_site.id), "site: all 20 jobs have finished"]]
    (event,) = events.listed(any_site.database, any_site.id, kinds=["notified"])
    assert event.data["message"] == "site: all 20 jobs have finished"


def test_most_of_them_fail(site: Site) -> None:
    """It is said besides that all is done."""
    keep(site)
    site.map(fails, range(10))
    site.run()
    assert [(line[0], line[3]) for line in told(site)] == [
        ("failing", "site: at least half of the jobs of this run fail; 7 failed and 3 completed so far"),
        ("done", "site: all 10 jobs have finished, 7 failed"),
    ]


def test_it_is_said_at_once_though_the_worker_stays(any_site: Site) -> None:
    """A worker on this machine waits for the next cell; who waits for a mail does not."""
    keep(any_site)
    first = any_site.map(fails, [3], name="first")
    waiting = maps.get(any_site.database, any_site.map(lambda row: row, [1], name="second"))
    with any_site.database.write() as connection:
        from torc_nb.store import schema

        connection.execute(schema.map_dependencies.insert().values(map_id=waiting.id, blocked_by_map_id=first))
        connection.execute(schema.maps.update().where(schema.maps.c.id == waiting.id).values(blocked=True))
    process = any_site.worker(linger=600.0)
    any_site.until(lambda: told(any_site))
    ((event, _, _, message),) = told(any_site)
    assert event == "stuck"
    assert "1 of 2 jobs is left and nothing goes on by itself: Workflow site has nothing to run: job" in message
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert len(told(any_site)) == 1


def test_the_last_worker_leaves_with_jobs_left(any_site: Site) -> None:
    """No worker here is large enough; it says with what it left."""
    keep(any_site)
    any_site.map(lambda row: row, range(3), num_cpus=3)
    any_site.run(num_cpus=1, idle_timeout=0.5)
    ((event, _, _, message),) = told(any_site)
    assert event == "stuck"
    assert "3 of 3 jobs are left and nothing goes on by itself: Workflow site with 3 ready jobs waits for" in message
    assert "the last worker left: it had nothing to do for 0 s" in message


def test_a_command_that_fails_is_an_event(site: Site) -> None:
    """Neither the worker's failure nor a job's; what it printed is kept; others are called all the same."""
    keep(site, command="echo no mail here; exit 3")
    keep(site)
    site.map(lambda row: row, range(2))
    assert site.run() == {"completed": 2}
    assert site.processes[0].returncode == 0
    assert len(told(site)) == 1
    (event,) = events.listed(site.database, site.id, kinds=["notification failed"])
    assert event.data["reason"] == "it exited with 3: no mail here"


@pytest.fixture
def api(any_site: Site) -> Iterator[Api]:
    """Whoever looks at the workflow."""
    opened = make_api(any_site.url)
    yield opened
    opened.database.close()


def test_a_worker_that_is_killed_tells_nobody(
    any_site: Site, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who looks has it told, in a process of its own; the looking itself does not wait for it."""
    keep(any_site)

    def waits(row: int) -> None:
        import time

        Path("began").touch()
        time.sleep(1000)

    any_site.map(waits, [1])
    process = any_site.worker()
    any_site.until((any_site.here / "began").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    any_site.until(lambda: api.status(any_site.id).statuses == {JobStatus.READY: 1} and told(any_site))
    ((event, _, _, message),) = told(any_site)
    assert event == "stuck"
    assert "the last worker left: it was killed" in message
    monkeypatch.setattr(telling, "_sent", {})
    assert not notifications.due(any_site.database, any_site.id)


def test_another_users_commands_are_not_called(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only looks at a workflow of another's runs nothing of it."""
    keep(site)
    site.map(lambda row: row, [1])
    site.run()
    started: list[Any] = []
    monkeypatch.setattr(telling.launch, "start_local", lambda *given, **more: started.append(given))
    monkeypatch.setattr(telling.notifications, "due", lambda *given: True)
    monkeypatch.setattr("torc_nb.private.is_user", lambda name: False)
    telling.look(site.database, site.id)
    assert started == []
