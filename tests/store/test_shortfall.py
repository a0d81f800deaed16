"""A postprocess that is given what there is: when it runs, with what, and when again."""

from __future__ import annotations

from typing import Any

import pytest
from store.scene import COLLECT, Scene, check_counts

from torc_nb.models import JobStatus
from torc_nb.models.retries import Retry
from torc_nb.store import jobs, leases, maps, resetting, results, shortfall

FAILED, READY, BLOCKED, CANCELED = JobStatus.FAILED, JobStatus.READY, JobStatus.BLOCKED, JobStatus.CANCELED
WITHOUT = "on 1 of 2 results: 1 failed"


def _declare(scene: Scene, values: str, **changes: Any) -> maps.Outcome:
    return scene.declare(values, postprocess_id=COLLECT, **({"postprocess_partial": True} | changes))


def _collector(scene: Scene) -> Any:
    """The job that collects."""
    (job,) = [job for job in scene.jobs(0) if job.collects is not None]
    return job


def _one_failed(scene: Scene, **changes: Any) -> Any:
    """Of two rows the second has failed; returns (worker, map's id, the failed job's id)."""
    map_id = _declare(scene, "ab", **changes).map_id
    worker = scene.worker()
    a, b = scene.claim(worker)
    scene.complete(worker, [a])
    assert _collector(scene).status == BLOCKED
    scene.complete(worker, [b], FAILED)
    return worker, map_id, b.job_id


def test_it_runs_when_all_have_finished_with_those_that_completed(scene: Scene) -> None:
    """It is said how many were left out: before it runs in its note, then of the map."""
    worker, map_id, _ = _one_failed(scene)
    assert (_collector(scene).status, _collector(scene).note) == (READY, WITHOUT)
    scene.complete(worker, scene.claim(worker))
    assert scene.counts() == {"completed": 2, "failed": 1}
    assert shortfall.told(scene.database, scene.id, map_id) == WITHOUT
    check_counts(scene.database)


def test_where_it_was_not_asked_for_it_is_canceled(scene: Scene) -> None:
    """With the job that failed as the reason."""
    _, map_id, failed = _one_failed(scene, postprocess_partial=False)
    assert _collector(scene).status == CANCELED
    assert f"job {failed}, row 1 of m, failed" in _collector(scene).note
    assert shortfall.told(scene.database, scene.id, map_id) is None


def test_of_nothing_it_is_canceled(scene: Scene) -> None:
    """And a rerun of it alone does nothing."""
    _declare(scene, "ab")
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), FAILED)
    assert _collector(scene).status == CANCELED
    assert resetting.rerun(scene.database, scene.id, [CANCELED]).ready == 0
    assert _collector(scene).status == CANCELED


def test_canceled_ones_are_left_out_too(scene: Scene) -> None:
    """Whatever became of a job that did not complete; one that is disabled is none of the map's."""
    map_id = _declare(scene, "abcd").map_id
    worker = scene.worker()
    a, b, _c, _d = scene.jobs(map_id)
    jobs.disable(scene.database, scene.id, [b.id])
    scene.complete(worker, [claim for claim in scene.claim(worker, 1) if claim.job_id == a.id])
    jobs.cancel(scene.database, scene.id, [job.id for job in scene.jobs(map_id) if job.status == READY])
    assert (_collector(scene).status, _collector(scene).note) == (READY, "on 1 of 3 results: 2 canceled")


def test_it_waits_for_what_is_tried_again(scene: Scene) -> None:
    """Its map has not finished as long as a try is to come."""
    worker, _, failed = _one_failed(scene, retry=Retry(1).stored())
    assert (scene.job(failed).status, _collector(scene).status) == (READY, BLOCKED)
    scene.complete(worker, scene.claim(worker), FAILED)
    assert _collector(scene).status == READY


@pytest.mark.parametrize("by_then", ["ready", "running", "completed"])
def test_it_runs_again_with_all_when_the_failed_ones_are_rerun(scene: Scene, by_then: str) -> None:
    """What it has made, or makes, of fewer does not count, however late it comes."""
    worker, map_id, _ = _one_failed(scene)
    other = scene.worker()
    partial = [] if by_then == "ready" else scene.claim(worker)
    if by_then == "completed":
        scene.complete(worker, partial)
    done = resetting.rerun(scene.database, scene.id, [FAILED])
    assert (done.ready, done.waits, _collector(scene).status) == (1, 1, BLOCKED)
    scene.complete(worker, partial)
    assert _collector(scene).status == BLOCKED
    (again,) = scene.claim(other)
    scene.complete(other, [again])
    assert (_collector(scene).status, _collector(scene).note) == (READY, None)
    scene.complete(worker, partial)
    (whole,) = scene.claim(other)
    scene.complete(worker, partial)
    assert _collector(scene).status == JobStatus.PENDING
    scene.complete(other, [whole])
    assert results.effective(scene.database, whole.job_id).attempt == whole.attempt
    assert shortfall.told(scene.database, scene.id, map_id) is None
    check_counts(scene.database)


def test_what_waits_for_it_goes_on(scene: Scene) -> None:
    """Its result is one like any other."""
    worker, _, _ = _one_failed(scene)
    scene.declare("x", name="next", blocked_by_jobs=(_collector(scene).id,))
    (collecting,) = scene.claim(worker)
    scene.complete(worker, [collecting])
    assert [claim.params for claim in scene.claim(worker)] == ["x"]


def test_it_is_rerun_alone(scene: Scene) -> None:
    """As when it failed itself; the rows that did not complete stay as they are."""
    worker, _, _ = _one_failed(scene)
    (collecting,) = scene.claim(worker)
    scene.complete(worker, [collecting], FAILED)
    assert resetting.rerun(scene.database, scene.id, [FAILED], [collecting.job_id]).ready == 1
    assert scene.counts() == {"completed": 1, "failed": 1, "ready": 1}


def test_mapping_again_says_so_later(scene: Scene) -> None:
    """One that was canceled is rerun then; a call without postprocess leaves it at that."""
    _one_failed(scene, postprocess_partial=False)
    assert _declare(scene, "ab").policy_changed
    assert not scene.declare("ab").policy_changed
    assert _collector(scene).status == CANCELED
    assert resetting.rerun(scene.database, scene.id, [CANCELED]).ready == 1
    assert scene.counts() == {"completed": 1, "failed": 1, "ready": 1}


@pytest.mark.parametrize("by_then", ["ready", "running", "lost", "completed"])
def test_it_runs_again_without_what_is_set_aside(scene: Scene, by_then: str) -> None:
    """What it made of a row that is disabled then is not to stand; where a failed one is, nothing has changed."""
    map_id = _declare(scene, "abc").map_id
    worker = scene.worker()
    a, b, c = scene.claim(worker)
    scene.complete(worker, [a, b])
    scene.complete(worker, [c], FAILED)
    partial = [] if by_then == "ready" else scene.claim(worker)
    if by_then == "lost":
        scene.set_worker(worker, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
        leases.expire(scene.database, scene.id)
    elif by_then == "completed":
        scene.complete(worker, partial)
    stood = _collector(scene).status
    jobs.disable(scene.database, scene.id, [c.job_id])
    assert _collector(scene).status == stood
    jobs.disable(scene.database, scene.id, [a.job_id])
    scene.complete(worker, partial)
    assert _collector(scene).status == READY
    scene.complete(worker, scene.claim(worker))
    assert scene.counts() == {"completed": 2, "disabled": 2}
    assert [value for _, value in results.values_of_map(scene.database, scene.id, map_id)] == ["result of b"]
    check_counts(scene.database)
