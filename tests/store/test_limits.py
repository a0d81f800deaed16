"""A map is stopped when as many of its jobs have failed as it was given; it goes on when fewer have."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from store.scene import Scene

from torc_nb.models import FAILURES, Claim, JobStatus, Membership
from torc_nb.models.retries import Retry
from torc_nb.store import claims, counts, demand, dependencies, events, limits, resetting

FAILED = JobStatus.FAILED


def told(scene: Scene) -> list[dict[str, Any]]:
    """What the events say of maps that were stopped."""
    return [event.data for event in events.listed(scene.database, scene.id) if event.kind == "map stopped"]


def fail(scene: Scene, worker: Membership, found: Iterable[Claim], error_type: str = "ValueError") -> None:
    """Let jobs fail, one report each."""
    for claim in found:
        scene.complete(worker, [claim], FAILED, error_type=error_type)


def test_no_further_job_begins(scene: Scene) -> None:
    """What runs goes on to its end and may fail beyond the limit; other maps are not concerned; it is told once."""
    map_id = scene.declare(range(20), max_failures=3).map_id
    worker = scene.worker()
    first = scene.claim(worker, 6)
    fail(scene, worker, first[:1], "OSError")
    assert len(scene.claim(worker, 1)) == 1
    fail(scene, worker, first[1:3])
    assert scene.claim(worker) == []
    scene.complete(worker, first[3:4])
    fail(scene, worker, first[4:])
    scene.declare(range(2), "other")
    assert {claim.map_id for claim in scene.claim(worker)} == {map_id + 1}
    (event,) = told(scene)
    assert event == {"map_id": map_id, "name": "m", "failed": 3, "max_failures": 3, "reason": "ValueError: bad"}
    (stop,) = limits.stops(scene.database, scene.id)
    assert stop == limits.Stop(map_id, "m", failed=5, max_failures=3, left=13, at_work=1)
    assert sum(n for _, n in demand.left(scene.database, scene.id)) == 0


def test_what_was_stopped_by_a_limit_of_time_counts(scene: Scene) -> None:
    """A sweep in which every job runs into its timeout burns an allocation too."""
    scene.declare(range(5), max_failures=2)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 2), JobStatus.TERMINATED)
    assert scene.claim(worker) == []


def test_no_worker_stays_for_it(scene: Scene) -> None:
    """Unless something runs whose end may bring work, or another map has some; what waits for it stays blocked."""
    m = scene.declare(range(5), postprocess_id=3, max_failures=1).map_id
    after = scene.declare(range(2), "after", blocked_by_maps=(m,))
    worker = scene.worker()
    first, second = scene.claim(worker, 2)
    fail(scene, worker, [first])
    assert claims.can_still_get_work(scene.database, scene.id), "one runs"
    scene.complete(worker, [second])
    assert not claims.can_still_get_work(scene.database, scene.id)
    assert {job.status for job in scene.jobs(after.map_id)} == {int(JobStatus.READY)}
    assert scene.claim(worker) == []
    scene.declare(range(2), "other")
    assert claims.can_still_get_work(scene.database, scene.id)


def test_failed_jobs_made_to_run_again_let_it_go_on(scene: Scene) -> None:
    """By themselves; and should it be stopped once more, that is told once more."""
    scene.declare(range(9), max_failures=2)
    worker = scene.worker()
    for n in (1, 2):
        fail(scene, worker, scene.claim(worker, 3)[:2])
        assert scene.claim(worker) == []
        assert len(told(scene)) == n
        resetting.rerun(scene.database, scene.id, list(FAILURES))
    assert scene.claim(worker, 1) != []


def test_a_higher_limit_lets_it_go_on(scene: Scene) -> None:
    """Declaring again says what changed; declaring the same changes nothing; a lower one stops it at once."""
    assert scene.declare(range(9), max_failures=2).new_limit is None
    worker = scene.worker()
    fail(scene, worker, scene.claim(worker, 2))
    assert scene.declare(range(9), max_failures=2).new_limit is None
    assert scene.claim(worker) == []
    assert scene.declare(range(9), max_failures=3).new_limit == (3, 2)
    assert len(scene.claim(worker, 1)) == 1
    assert scene.declare(range(9), max_failures=1).new_limit == (1, 3)
    assert scene.claim(worker) == []
    assert [event["max_failures"] for event in told(scene)] == [2, 1]
    assert scene.declare(range(9)).new_limit == (None, 1)
    assert len(scene.claim(worker)) == 6


def test_a_failure_that_is_tried_again_does_not_count(scene: Scene) -> None:
    """Before it has failed for good; a retry that waits begins no more once the map is stopped."""
    scene.declare(range(4), max_failures=1, retry=Retry(1).stored())
    worker = scene.worker()
    a, b, c, d = scene.claim(worker)
    fail(scene, worker, [a, b])
    assert told(scene) == []
    again, other = scene.claim(worker)
    fail(scene, worker, [again, c])
    assert len(told(scene)) == 1
    assert scene.claim(worker) == []
    scene.complete(worker, [d, other])
    assert not claims.can_still_get_work(scene.database, scene.id)


def test_two_that_fail_at_the_same_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both transactions are committed before either looks: both find it stopped, and it is told once."""
    scene.declare(range(6), max_failures=2)
    workers = [scene.worker(), scene.worker()]
    found = [scene.claim(worker, 1) for worker in workers]
    both_recorded = threading.Barrier(2, timeout=60)
    release = dependencies.release

    def after_both(*arguments: Any) -> bool:
        both_recorded.wait()
        return release(*arguments)

    monkeypatch.setattr(dependencies, "release", after_both)
    threads = [threading.Thread(target=fail, args=(scene, *one)) for one in zip(workers, found, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["failed"] for event in told(scene)] == [2]
    assert scene.claim(workers[0]) == []


def test_a_worker_that_dies_before_it_tells_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are the limit, not the word of it; the next that has nothing to do tells."""
    scene.declare(range(6), max_failures=1)
    worker = scene.worker()
    with monkeypatch.context() as dead:
        dead.setattr(limits, "tell", lambda *_: None)
        fail(scene, worker, scene.claim(worker, 1))
    assert (scene.claim(worker), told(scene)) == ([], [])
    assert not claims.can_still_get_work(scene.database, scene.id)
    assert len(told(scene)) == 1


def test_what_is_ready_is_found_on_indices(scene: Scene) -> None:
    """It is asked with every exchange: by the counts of the workflow, never by the jobs, and no table is read whole."""
    for n in range(50):
        scene.declare(range(3), f"m{n}", max_failures=1 + n % 2)
    asked = counts._READY.params(workflow=scene.id)
    with scene.database.read() as connection:
        question = asked.compile(connection.engine, compile_kwargs={"literal_binds": True})
        if scene.database.is_sqlite:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}")]
        else:  # which reads a small table whole, unless told not to
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {question}")]
    assert len([line for line in plan if "job_counts" in line or "failed" in line]) >= 2
    assert not any("SCAN" in line.upper() and "INDEX" not in line.upper() for line in plan), plan
