"""What attempts took of the nodes on which they ran, by what became of them."""

from __future__ import annotations

from store.scene import Scene

from torc_nb.models import JobStatus
from torc_nb.store import occupancy, resetting
from torc_nb.store.occupancy import FAILED, REPLACED, STANDS, Occupied, Presence


def test_attempts_by_their_fate(scene: Scene) -> None:
    """Those that stand, those that failed, and those that were replaced or are to be."""
    large = scene.require(num_cpus=4, memory=2**30)
    scene.declare(["a", "b", "c"])
    scene.declare(["d"], "large", requirement_id=large)
    worker = scene.worker(num_cpus=8, memory=2**33)
    first = scene.claim(worker)
    of_large = [claim for claim in first if claim.requirement_id == large]
    small = [claim for claim in first if claim.requirement_id != large]
    scene.complete(worker, of_large, seconds=100.0)
    scene.complete(worker, small[:1], JobStatus.FAILED, seconds=10.0)
    scene.complete(worker, small[1:2], JobStatus.TERMINATED, seconds=20.0)
    scene.complete(worker, small[2:], seconds=7.0)
    assert _found(scene) == {(STANDS, 100.0, 4, 2**30), (STANDS, 7.0, 1, None), (FAILED, 30.0, 1, None)}
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    replaced = {(REPLACED, 100.0, 4, 2**30), (REPLACED, 7.0, 1, None), (FAILED, 30.0, 1, None)}
    assert _found(scene) == replaced
    scene.complete(worker, scene.claim(worker), seconds=8.0)
    assert _found(scene) == replaced | {(STANDS, 8.0, 4, 2**30), (STANDS, 8.0, 1, None)}


def _found(scene: Scene) -> set[tuple[int, float, int, int | None]]:
    found: list[Occupied] = occupancy.occupied(scene.database, scene.id)
    return {(one.fate, one.seconds, one.num_cpus, one.memory) for one in found}


def test_how_long_workers_were_there(scene: Scene) -> None:
    """From when they began until they were last seen, by the database's clock; a clock gone wrong gives nothing."""
    worker, other = scene.worker(num_cpus=8, num_gpus=2, memory=2**33), scene.worker()
    scene.set_worker(worker, started=1000.0, last_seen=4600.0)
    scene.set_worker(other, started=1000.0, last_seen=900.0)
    found = occupancy.presences(scene.database, scene.id)
    assert found[worker.id] == Presence(3600.0, 8, 2, 2**33)
    assert found[other.id].seconds == 0.0
