"""A few jobs that are run first: which they are, and that a worker which is there for them takes no others."""

from __future__ import annotations

from store.scene import OTHER_FUNCTION, Scene

from torc_nb.models import Claim, JobStatus, Membership
from torc_nb.store import allocations, canaries, claims, counts, schema


def of_map(scene: Scene, n: int, requirements: list[int] | None = None) -> canaries.Canary:
    """What is chosen of the only map."""
    (found,) = canaries.of_maps(scene.database, scene.id, n, requirements or [scene.requirement])
    return found


def rows_of(scene: Scene, map_id: int, ids: list[int]) -> list[int]:
    """The rows that these jobs are."""
    return [job.row for job in scene.jobs(map_id) if job.id in ids]


def only(scene: Scene, worker: Membership, ids: list[int], n: int = 1000) -> list[Claim]:
    """Claim some of these jobs."""
    return scene.exchange(worker, n, only=ids).claims


def test_they_are_spread_over_the_rows(scene: Scene) -> None:
    """The first, the last and those between; what has ended or was asked for otherwise is stepped over."""
    large = scene.require(num_cpus=8)
    map_id = scene.declare(range(100)).map_id
    assert rows_of(scene, map_id, of_map(scene, 4).chosen) == [0, 33, 66, 99]
    assert rows_of(scene, map_id, of_map(scene, 1).chosen) == [0]
    assert len(of_map(scene, 1000).chosen) == 100
    worker = scene.worker()
    ids = [job.id for job in scene.jobs(map_id)]
    scene.complete(worker, only(scene, worker, [ids[0], ids[99]]))
    assert rows_of(scene, map_id, of_map(scene, 4).chosen) == [1, 98]
    assert of_map(scene, 4, [large]).chosen == []


def test_those_that_ended_or_are_under_way_count(scene: Scene) -> None:
    """With the current code; with other code they say nothing, and what was canceled neither."""
    map_id = scene.declare(range(100)).map_id
    worker = scene.worker()
    ids = [job.id for job in scene.jobs(map_id)]
    scene.complete(worker, only(scene, worker, ids[:2]))
    scene.complete(worker, only(scene, worker, ids[2:3]), JobStatus.FAILED)
    running = only(scene, worker, ids[3:5])
    found = of_map(scene, 8)
    assert (found.completed, found.failed, found.expected) == (2, 1, ids[3:5])
    assert len(found.chosen) == 3
    (allocation_id,) = allocations.create(scene.database, scene.id, "local", 1, only=found.chosen)
    again = of_map(scene, 8)
    assert (again.expected, again.chosen) == (sorted([*ids[3:5], *found.chosen]), [])
    allocations.end(scene.database, allocation_id, "ended", "over")
    assert of_map(scene, 8).chosen == found.chosen
    scene.complete(worker, running)
    scene.declare(range(100), function_id=OTHER_FUNCTION)
    other = of_map(scene, 8)
    assert (other.completed, other.failed, len(other.chosen)) == (0, 0, 8)


def test_a_worker_that_is_there_for_some_jobs_takes_no_others(scene: Scene) -> None:
    """When these have ended, it has nothing to do; until then it has, be they another worker's or not."""
    map_id = scene.declare(range(10)).map_id
    mine, other = scene.worker(), scene.worker()
    ids = [job.id for job in scene.jobs(map_id)]
    wanted = [ids[0], ids[5], ids[9]]
    theirs = only(scene, other, ids[:1])
    found = only(scene, mine, wanted, n=1)
    assert [claim.job_id for claim in found] == [ids[5]]
    scene.complete(mine, found)
    scene.complete(mine, only(scene, mine, wanted))
    assert scene.exchange(mine, 1000, only=wanted, only_to_claim=True).found_nothing
    assert claims.can_still_get_work(scene.database, scene.id, wanted)
    scene.complete(other, theirs)
    assert not claims.can_still_get_work(scene.database, scene.id, wanted)
    assert claims.can_still_get_work(scene.database, scene.id)
    assert canaries.statuses(scene.database, wanted) == {JobStatus.COMPLETED: 3}


def test_neither_a_blocked_map_nor_a_later_try_is_taken(scene: Scene) -> None:
    """Though their jobs were chosen when they could begin."""
    scene.declare("a", name="first")
    map_id = scene.declare("bc", name="second", blocked_by_maps=(scene.declare("a", name="first").map_id,)).map_id
    ids = [job.id for job in scene.jobs(map_id)]
    assert only(scene, scene.worker(), ids) == []
    assert [one.name for one in canaries.of_maps(scene.database, scene.id, 8, [scene.requirement])] == ["first"]
    with scene.database.write() as connection:
        connection.execute(schema.jobs.update().where(schema.jobs.c.id == ids[0]).values(not_before=5.0))
    with scene.database.read() as connection:
        group = counts.Group(map_id, scene.requirement)
        assert canaries.ready(connection, scene.id, ids, 1.0) == {group: 1}
        assert canaries.ready(connection, scene.id, ids, 6.0) == {group: 2}


def test_such_a_worker_is_not_the_one_that_is_to_be_there(scene: Scene) -> None:
    """It leaves after its jobs: who wants a worker gets another."""
    scene.declare(range(10))
    allocations.create(scene.database, scene.id, "local", 1, up_to=True, only=[1])
    assert len(allocations.create(scene.database, scene.id, "local", 1, up_to=True)) == 1
    assert allocations.create(scene.database, scene.id, "local", 1, up_to=True) == []
