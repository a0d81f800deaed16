"""Maps that wait for jobs, one row for each of these."""

from __future__ import annotations

import pytest
from store.scene import Scene, check_counts

from torc_nb.errors import Conflict
from torc_nb.models import JobStatus
from torc_nb.store import dependencies, events, jobs, maps, workflows


def test_a_map_after_jobs_of_several_maps(scene: Scene) -> None:
    """It opens when the last of them has completed, and not for others of their maps."""
    first = scene.jobs(scene.declare("abc", "first").map_id)
    second = scene.jobs(scene.declare("de", "second").map_id)
    awaited = (first[0].id, first[1].id, second[1].id)
    last = scene.declare("xy", "last", blocked_by_jobs=awaited).map_id
    worker = scene.worker()
    found = {claim.job_id: claim for claim in scene.claim(worker)}
    assert len(found) == 5
    scene.complete(worker, [found[awaited[0]], found[first[2].id], found[second[0].id]])
    scene.complete(worker, [found[awaited[1]]])
    assert scene.claim(worker) == []
    scene.complete(worker, [found[awaited[2]]])
    assert [claim.map_id for claim in scene.claim(worker)] == [last, last]
    check_counts(scene.database)


def test_a_thousand_before_a_thousand_cost_a_thousand_rows(scene: Scene) -> None:
    """Not a million; and they are let go together."""
    first = [job.id for job in scene.jobs(scene.declare(range(1001), "first").map_id)]
    scene.declare(range(1000), "second", blocked_by_jobs=tuple(first[:1000]))
    assert scene.rows("map_blockers") == 1000
    assert scene.rows("job_dependencies") == scene.rows("map_dependencies") == 0
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1000))
    assert len(scene.claim(worker, 2000)) == 1001


def test_one_that_failed_keeps_the_map_waiting_and_says_so(scene: Scene) -> None:
    """The map stays blocked, and an event names the job."""
    (awaited,) = scene.jobs(scene.declare("a", "first").map_id)
    map_id = scene.declare("x", "second", blocked_by_jobs=(awaited.id,)).map_id
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    dependencies.release_all(scene.database, scene.id)
    assert maps.get(scene.database, map_id).blocked
    assert scene.claim(worker) == []
    (event,) = [one for one in events.listed(scene.database, scene.id) if one.kind == "map stays blocked"]
    assert event.data == {"map_id": map_id, "reason": f"job {awaited.id}, row 0 of first, failed: ValueError: bad"}


def test_jobs_that_have_completed_block_nothing(scene: Scene) -> None:
    """A map declared after them is open at once."""
    (awaited,) = scene.jobs(scene.declare("a", "first").map_id)
    worker = scene.worker()
    scene.run_all(worker)
    map_id = scene.declare("x", "second", blocked_by_jobs=(awaited.id,)).map_id
    assert not maps.get(scene.database, map_id).blocked


def test_whoever_died_before_releasing_is_made_up_for(scene: Scene) -> None:
    """Its completions were written, and nobody was told: the next one that looks opens the map."""
    (awaited,) = scene.jobs(scene.declare("a", "first").map_id)
    map_id = scene.declare("x", "second", blocked_by_jobs=(awaited.id,)).map_id
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dependencies, "release", lambda *_: None)
        worker = scene.worker()
        scene.complete(worker, scene.claim(worker))
    assert maps.get(scene.database, map_id).blocked
    dependencies.release_all(scene.database, scene.id)
    assert not maps.get(scene.database, map_id).blocked


def test_rows_and_names_begin_where_they_are_told(scene: Scene) -> None:
    """Rows of a new map count from its first; what joins later counts on."""
    outcome = scene.declare("ab", first_row=7, job_name=lambda row: f"late_{row}")
    scene.declare("abc", first_row=7, job_name=lambda row: f"late_{row}")
    assert [(job.row, job.name) for job in scene.jobs(outcome.map_id)] == [
        (7, "late_7"), (8, "late_8"), (9, "late_9"),
    ]  # fmt: skip


def test_a_map_that_must_be_new_does_not_join_another(scene: Scene) -> None:
    """It is a conflict, and nothing is left of the call."""
    scene.declare("ab")
    with pytest.raises(Conflict):
        scene.declare("c", is_new=True)
    assert scene.counts() == {"ready": 2}
    assert scene.rows("maps") == 1


def test_nothing_of_a_deleted_workflow_is_left(scene: Scene) -> None:
    """Neither what waited nor what it waited for."""
    (awaited,) = scene.jobs(scene.declare("a", "first").map_id)
    scene.declare("x", "second", blocked_by_jobs=(awaited.id,))
    jobs.cancel(scene.database, scene.id, [awaited.id])
    workflows.remove(scene.database, scene.id)
    assert scene.rows("map_blockers") == scene.rows("jobs") == 0
