"""Idle workers notice at once that there may be work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from store.scene import COLLECT, Scene

from torc_nb.models import JobStatus
from torc_nb.store import Database, leases, resetting, workflows
from torc_nb.store.watch import Watch


@pytest.fixture
def server_scene(postgres_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A scene on PostgreSQL, for what SQLite's counter, which counts every commit, cannot tell."""
    database = Database.open(postgres_url)
    yield Scene(database, tmp_path / "files")
    database.close()


@pytest.fixture
def watch(scene: Scene) -> Iterator[Watch]:
    """A watch that has just looked."""
    watch = Watch(scene.database, scene.id)
    assert watch.wait(0), "the first look cannot know"
    assert not watch.wait(0)
    yield watch
    watch.close()


def _map(scene: Scene) -> None:
    scene.declare("ab")


def _start(scene: Scene) -> None:
    workflows.set_state(scene.database, scene.id, "canceled")


def _rerun(scene: Scene) -> None:
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])


def _release(scene: Scene) -> None:
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))


def _leave(scene: Scene) -> None:
    worker = scene.worker()
    scene.claim(worker)
    leases.leave(scene.database, worker)


def _lose(scene: Scene) -> None:
    scene.claim(scene.worker(pid=2**22 + 1))
    leases.expire(scene.database, scene.id)


@pytest.mark.parametrize("change", [_map, _start, _rerun, _release, _leave, _lose])
def test_whatever_makes_jobs_ready_is_noticed(scene: Scene, watch: Watch, change: Callable[[Scene], None]) -> None:
    """A map, a start, a rerun, a release, a leave and a loss each wake whoever waits."""
    scene.declare("xy", name="before", postprocess_id=COLLECT)
    assert watch.wait(5)
    change(scene)
    assert watch.wait(5)
    while watch.wait(0.3):  # a change may be several transactions, each told, the last one late
        pass
    assert not watch.wait(0.05)


def _listening(scene: Scene) -> Watch:
    watch = Watch(scene.database, scene.id)
    watch.wait(0)
    return watch


def test_claims_alone_wake_nobody(server_scene: Scene) -> None:
    """Notifications are for work that appears; a thousand workers do not wake one another by claiming."""
    server_scene.declare("ab")
    worker = server_scene.worker()
    watch = _listening(server_scene)
    server_scene.exchange(worker, started=server_scene.claim(worker))
    assert not watch.wait(0.1)
    watch.close()


def test_other_workflows_are_not_heard(server_scene: Scene) -> None:
    """Each workflow has a channel of its own."""
    watch = _listening(server_scene)
    with server_scene.database.write() as connection:
        connection.execute(text(f"SELECT pg_notify('torc_{server_scene.id + 1}', '')"))
    assert not watch.wait(0.1)
    watch.close()


def test_a_transaction_that_failed_announces_nothing(server_scene: Scene) -> None:
    """A call cut short wakes nobody for work that is not there."""
    watch = _listening(server_scene)

    def rows() -> Iterator[str]:
        yield from "ab"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        server_scene.declare(rows())
    assert not watch.wait(0.1)
    watch.close()


def test_a_watch_survives_its_connection(database: Database, scene: Scene, watch: Watch) -> None:
    """When the server drops it, the watch says that something may have happened and listens anew."""
    if database.is_sqlite:
        watch.disconnect()
        assert watch.wait(0)
        return
    with database.read() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
    assert watch.wait(5)
    assert watch.wait(0), "the new connection cannot know"
    scene.declare("a")
    assert watch.wait(5)
