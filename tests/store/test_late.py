"""Results that come after their claim was taken away: which of them count."""

from __future__ import annotations

from store.scene import COLLECT, Scene

from torc_nb.models import Claim, JobStatus, Membership
from torc_nb.store import leases, resetting, results


def _lose(scene: Scene, worker: Membership) -> None:
    scene.set_worker(worker, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
    leases.expire(scene.database, scene.id)


def _run(scene: Scene, worker: Membership, claim: Claim) -> None:
    """Let another worker run the one job that is ready, which is that of a claim."""
    (found,) = scene.claim(worker)
    assert found.job_id == claim.job_id
    scene.complete(worker, [found])


def test_a_postprocess_of_fewer_rows_does_not_count(scene: Scene) -> None:
    """Its map grew while it ran, and the new row completed before it did."""
    scene.declare("a", postprocess_id=COLLECT)
    worker, other = scene.worker(), scene.worker()
    scene.complete(worker, scene.claim(worker))
    collecting = scene.claim(worker)
    scene.declare("ab", postprocess_id=COLLECT)
    scene.complete(other, scene.claim(other))
    assert scene.counts() == {"completed": 2, "ready": 1}
    scene.complete(worker, collecting)
    assert scene.counts() == {"completed": 2, "ready": 1}
    (again,) = scene.claim(other)
    scene.complete(worker, collecting)
    scene.complete(other, [again])
    assert results.effective(scene.database, again.job_id).attempt == again.attempt


def test_a_postprocess_of_all_rows_counts(scene: Scene) -> None:
    """Its worker was cut off, and nothing else has happened since."""
    scene.declare("a", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    collecting = scene.claim(worker)
    _lose(scene, worker)
    scene.complete(worker, collecting)
    assert scene.counts() == {"completed": 2}


def test_what_ran_before_those_it_follows_ran_again_does_not_count(scene: Scene) -> None:
    """A map after a map, and a job after a job: what they read may have come anew."""
    first = scene.declare("a")
    second = scene.declare("b", name="n", blocked_by_maps=(first.map_id,))
    third = scene.declare("c", name="o", blocked_by_jobs=(scene.jobs(second.map_id)[0].id,))
    for name in ("n", "o"):
        worker, other = scene.worker(), scene.worker()
        while (claim := scene.claim(worker)[0]).map_id != {"n": second, "o": third}[name].map_id:
            scene.complete(worker, [claim])
        _lose(scene, worker)
        resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
        while (again := scene.claim(other)[0]).job_id != claim.job_id:
            scene.complete(other, [again])
        scene.complete(worker, [claim])
        assert JobStatus(scene.job(claim.job_id).status) is JobStatus.PENDING
        scene.complete(other, [again])
        resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])


def test_an_older_attempt_is_no_answer_to_a_rerun(scene: Scene) -> None:
    """The job ran on another worker since, and the user wants it anew."""
    scene.declare("a")
    worker, other = scene.worker(), scene.worker()
    old = scene.claim(worker)
    _lose(scene, worker)
    _run(scene, other, old[0])
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    scene.complete(worker, old)
    assert scene.counts() == {"ready": 1}
    _run(scene, other, old[0])
    assert results.effective(scene.database, old[0].job_id).attempt == 3


def test_a_rerun_of_others_takes_no_late_result(scene: Scene) -> None:
    """What waits for nobody is as it was, whatever else ran again."""
    scene.declare("ab")
    worker, other = scene.worker(), scene.worker()
    old = scene.claim(worker, 1)
    _lose(scene, worker)
    taken = scene.claim(other)
    scene.complete(other, taken[1:])
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    scene.complete(worker, old)
    assert scene.counts() == {"completed": 1, "ready": 1}


def test_of_two_attempts_told_at_once_the_newest_counts(scene: Scene) -> None:
    """Though the word that it began to run was lost, so that each is judged by itself."""
    scene.declare("a")
    worker = scene.worker()
    old = scene.claim(worker)
    _lose(scene, worker)
    new = scene.claim(worker)
    scene.complete(worker, [*old, *new], was_running=True)
    assert results.effective(scene.database, new[0].job_id).attempt == 2
