"""What a worker knows of run times, and what it says first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from store.scene import Scene, completion

from torc_nb.models import Request, Room
from torc_nb.store import Database, runtimes
from torc_nb.store.counts import Group
from torc_nb.worker import outlook
from torc_nb.worker.appetite import Appetite
from torc_nb.worker.outlook import Outlook

GIB = 1 << 30


@pytest.fixture
def scene(store_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A started workflow without jobs."""
    database = Database.open(store_url)
    yield Scene(database, tmp_path / "files")
    database.close()


def end(scene: Scene, seconds: dict[int, float], n: int = 12) -> None:
    """Complete so many jobs of each map."""
    worker = scene.worker()
    done = [completion(claim, seconds=seconds[claim.map_id]) for claim in scene.claim(worker, n)]
    scene.exchange(worker, completions=done)


def test_what_is_ready_is_looked_up_before_anything_is_claimed(scene: Scene) -> None:
    """At first all maps at once; what completes later is found when it is asked about, one map at a look."""
    first, second = (scene.declare(range(60), name=name).map_id for name in ("first", "second"))
    end(scene, {first: 30.0, second: 90.0})
    known = Outlook(scene.database, scene.id)
    assert known.likely(first) is None
    known.refresh()
    assert (known.likely(first), known.likely(second)) == (30.0, 90.0)


def test_looks_are_shared_by_all_workers(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The more there are, the more seldom each looks."""
    now = [100]
    monkeypatch.setattr(outlook, "time", SimpleNamespace(monotonic=lambda: float(now[0])))
    looked: list[int] = []

    def observed(_connection: object, map_id: int) -> None:
        looked.append(map_id)

    monkeypatch.setattr(runtimes, "observed", observed)
    known = Outlook(scene.database, scene.id)
    known.workers = int(4 * outlook.LOOKS)  # each of them every four seconds
    ids = [scene.declare(range(60), name=name).map_id for name in ("first", "second")]
    known.refresh()
    assert looked == ids
    for second in range(8):
        now[0] = 100 + int(outlook.LASTS) + second
        for map_id in ids:
            known.likely(map_id)
        known.refresh()
    assert looked == [*ids, *ids]


def ranked(runtime: dict[int, float | None], ready: dict[int, int], asked: Callable[[int], Request]) -> list[int]:
    """The requirements in the order in which they are asked about by one of four workers."""
    appetite = Appetite(
        Room(16, 64 * GIB), Room(16, 64 * GIB), {}, {}, lambda id_: asked(id_)._replace(runtime=runtime[id_])
    )
    ranks = appetite.urgency({Group(id_, id_): n for id_, n in ready.items()}, 4)
    return [group.map_id for group in sorted(ranks, key=ranks.__getitem__, reverse=True)]


def test_the_largest_comes_first_and_what_would_be_waited_for_before_it() -> None:
    """By run time and the part of a node; first what takes half of all the time that is left, then the unknown."""
    asked = {1: Request(1, 0, GIB), 2: Request(8, 0, GIB), 3: Request(1, 0, 60 * GIB), 4: Request(1), 5: Request(1)}
    ready = dict.fromkeys(asked, 50)
    seconds: dict[int, float | None] = {1: 60.0, 2: 30.0, 3: 20.0, 4: None, 5: 350.0}
    assert ranked(seconds, ready, asked.__getitem__) == [4, 5, 3, 2, 1]
    assert ranked(seconds | {5: 9000.0}, ready | {5: 1}, asked.__getitem__) == [5, 4, 3, 2, 1]
    assert ranked(dict.fromkeys(asked), ready, asked.__getitem__) == [1, 2, 3, 4, 5]
