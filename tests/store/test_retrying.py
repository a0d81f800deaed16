"""Jobs that failed are ready again, not before their time, as often as their map says."""

from __future__ import annotations

import re

from sqlalchemy import update
from store.scene import Scene, check_counts, completion

from torc_nb.models import JobStatus
from torc_nb.models.retries import Retry
from torc_nb.store import claims, leases, results, schema

FAILED = JobStatus.FAILED


def _let_time_pass(scene: Scene) -> None:
    """Whatever waits for its next try has waited long enough."""
    with scene.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.not_before > 0).values(not_before=1.0))


def test_it_is_tried_so_often_and_then_fails(scene: Scene) -> None:
    """Each try keeps its error; the last one's is the job's."""
    map_id = scene.declare("a", retry=Retry(2).stored()).map_id
    worker = scene.worker()
    for n in (1, 2, 3):
        (claim,) = scene.claim(worker)
        assert claim.attempt == n
        scene.complete(worker, [claim], FAILED, error=f"bad {n}")
        check_counts(scene.database)
    (job,) = scene.jobs(map_id)
    assert (job.status, job.result_attempt, job.retries) == (FAILED, 3, 2)
    assert [one.error for one in results.attempts(scene.database, scene.id)] == ["bad 1", "bad 2", "bad 3"]
    assert scene.claim(worker) == []


def test_it_waits_in_the_database_and_holds_up_nobody(scene: Scene) -> None:
    """Until its time no worker gets it, others are run, and workers stay; then anybody gets it."""
    map_id = scene.declare("abc", retry=Retry(3, wait="1h", factor=2).stored()).map_id
    worker = scene.worker()
    first = scene.claim(worker, 1)
    with scene.database.read() as connection:
        before = scene.database.now(connection)
    scene.complete(worker, first, FAILED)
    job = scene.job(first[0].job_id)
    assert job.status == JobStatus.READY
    assert job.not_before >= before + 3600
    assert re.fullmatch(r"failed and is tried again from .* UTC, 1 of 3: ValueError: bad", job.note)
    assert [claim.params for claim in scene.claim(worker)] == ["b", "c"]
    assert scene.exchange(worker, 5, only_to_claim=True).found_nothing
    assert claims.can_still_get_work(scene.database, scene.id)
    _let_time_pass(scene)
    (again,) = scene.claim(scene.worker())
    assert (again.params, again.attempt) == ("a", 2)
    assert scene.job(again.job_id).note is None
    check_counts(scene.database)
    assert len(scene.jobs(map_id)) == 3


def test_what_was_not_tried_yet_comes_first(scene: Scene) -> None:
    """So that a job that fails again and again delays no other; the priority counts before that."""
    scene.declare("abc", retry=Retry(3).stored())
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1), FAILED)
    assert [claim.params for claim in scene.claim(worker, 2)] == ["b", "c"]


def test_only_what_the_policy_names(scene: Scene) -> None:
    """By a class it derives from, or the return code; a timeout and a cancel are no such failures."""
    scene.declare("abcd", retry=Retry(3, on=(OSError, 75)).stored())
    worker = scene.worker()
    a, b, c, d = scene.claim(worker)
    ended = [
        completion(a, FAILED, error_classes=("ConnectionError", "OSError", "Exception")),
        completion(b, FAILED, return_code=75),
        completion(c, FAILED, error_classes=("ValueError", "Exception")),
        completion(d, JobStatus.TERMINATED, return_code=75),
    ]
    scene.exchange(worker, completions=ended)
    assert scene.counts() == {"ready": 2, "failed": 1, "terminated": 1}
    check_counts(scene.database)


def test_told_twice_it_is_tried_once(scene: Scene) -> None:
    """The report comes again where its acknowledgment was lost, and whether or not it was said that it began."""
    scene.declare("ab", retry=Retry(3).stored())
    worker = scene.worker()
    found = scene.claim(worker)
    scene.exchange(worker, started=found[:1])
    for _ in range(3):
        scene.complete(worker, found, FAILED)
    assert scene.counts() == {"ready": 2}
    assert [job.retries for job in map(scene.job, (claim.job_id for claim in found))] == [1, 1]
    assert scene.rows("results") == 2
    check_counts(scene.database)


def test_a_failure_of_a_lost_claim_uses_up_no_try(scene: Scene) -> None:
    """Another has the job by then."""
    scene.declare("a", retry=Retry(1).stored())
    lost = scene.worker()
    found = scene.claim(lost)
    scene.set_worker(lost, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
    assert leases.expire(scene.database, scene.id) > 0
    other = scene.worker()
    (again,) = scene.claim(other)
    scene.complete(lost, found, FAILED)
    job = scene.job(again.job_id)
    assert (job.status, job.worker_id, job.retries) == (JobStatus.PENDING, other.id, 0)


def test_postprocess_goes_by_the_last_try(scene: Scene) -> None:
    """It waits while one is to be tried again."""
    scene.declare("ab", retry=Retry(1).stored(), postprocess_id=3)
    worker = scene.worker()
    a, b = scene.claim(worker)
    scene.complete(worker, [b])
    scene.complete(worker, [a], FAILED)
    assert scene.counts() == {"completed": 1, "ready": 1, "blocked": 1}
    (again,) = scene.claim(worker)
    scene.complete(worker, [again])
    assert scene.counts() == {"completed": 2, "ready": 1}


def test_mapping_again_changes_the_policy_alone(scene: Scene) -> None:
    """Completed jobs stay, and what fails from then on goes by the new one."""
    assert not scene.declare("ab").policy_changed
    worker = scene.worker()
    a, b = scene.claim(worker)
    scene.complete(worker, [a])
    outcome = scene.declare("ab", retry=Retry(1).stored())
    assert (outcome.policy_changed, outcome.before, outcome.new, outcome.changed) == (True, 2, 0, 0)
    assert not scene.declare("ab", retry=Retry(1).stored()).policy_changed
    scene.complete(worker, [b], FAILED)
    assert scene.counts() == {"completed": 1, "ready": 1}
