"""Results of a map, of a job, of its attempts; failures by kind."""

from __future__ import annotations

import pytest
from store.scene import COLLECT, Scene

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import failures, resetting, results


def _of_map(scene: Scene, map_id: int, **asked: object) -> list[tuple[object, ...]]:
    chunks = results.of_map(scene.database, scene.id, map_id, **asked)  # type: ignore[arg-type]
    return [tuple(found) for found in chunks]


def test_results_of_a_map_that_is_still_running(scene: Scene) -> None:
    """Every job is there, in order, with its value where it completed."""
    outcome = scene.declare("abc")
    worker = scene.worker(host="n1")
    found = scene.claim(worker, 2)
    scene.complete(worker, found[:1])
    scene.complete(worker, found[1:], JobStatus.FAILED)
    rows = _of_map(scene, outcome.map_id)
    assert [row[2:] for row in rows] == [
        (JobStatus.COMPLETED, "a", "result of a"),
        (JobStatus.FAILED, "b", None),
        (JobStatus.READY, "c", None),
    ]
    with_provenance = _of_map(scene, outcome.map_id, provenance=True)
    assert with_provenance[0][5:] == (1, 1, 0, 1, worker.id, 1000.0, 0.5, 0.25, 2**33, None, None, "n1")
    assert with_provenance[2][5:] == (None,) * 12


def test_results_of_some_statuses_and_the_first_few(scene: Scene) -> None:
    """Filters run in the database."""
    outcome = scene.declare("abcd")
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 3))
    completed = _of_map(scene, outcome.map_id, statuses=[JobStatus.COMPLETED])
    assert [row[3] for row in completed] == ["a", "b", "c"]
    assert [row[3] for row in _of_map(scene, outcome.map_id, limit=2)] == ["a", "b"]


def test_reading_results_does_not_keep_others_from_writing(scene: Scene) -> None:
    """A reader that stops half-way, as a notebook does, blocks no worker."""
    outcome = scene.declare(range(10))
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 5))
    reading = results.of_map(scene.database, scene.id, outcome.map_id)
    next(reading)
    scene.run_all(worker)
    reading.close()
    assert scene.counts() == {"completed": 10}


def test_values_for_postprocess_and_of_chosen_jobs(scene: Scene) -> None:
    """The completed ones alone, by job."""
    outcome = scene.declare("abc", postprocess_id=COLLECT)
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:2])
    assert results.values_of_map(scene.database, scene.id, outcome.map_id) == [
        (found[0].job_id, "result of a"),
        (found[1].job_id, "result of b"),
    ]
    chosen = [claim.job_id for claim in found[1:]]
    assert results.values_of_jobs(scene.database, chosen) == {found[1].job_id: "result of b"}


def test_attempts_stay_when_a_job_is_rerun(scene: Scene) -> None:
    """The effective result is the newest; earlier attempts are listed before it."""
    scene.declare("a")
    worker = scene.worker(host="n1")
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    scene.complete(worker, scene.claim(worker), value="second")
    assert results.effective(scene.database, 1).value == "second"
    found = results.attempts(scene.database, scene.id, 1)
    assert [(attempt.attempt, attempt.run_id, attempt.status, attempt.host) for attempt in found] == [
        (1, 1, JobStatus.FAILED, "n1"),
        (2, 2, JobStatus.COMPLETED, "n1"),
    ]


def test_a_job_without_a_result(scene: Scene) -> None:
    """The message names the command that shows where the job stands."""
    scene.declare("a")
    with pytest.raises(NotFound, match="%torc jobs list"):
        results.effective(scene.database, 1)


def test_failures_are_grouped_by_exception(scene: Scene) -> None:
    """The largest group first, each with the first job as its example; those without a traceback by their reason."""
    outcome = scene.declare(range(6))
    scene.declare("x", name="other")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:1], JobStatus.FAILED, error_type="KeyError", error="'k'")
    scene.complete(worker, found[1:4], JobStatus.FAILED)
    scene.complete(worker, found[4:5], JobStatus.TERMINATED, error_type=None, error=None)
    scene.complete(worker, found[6:], JobStatus.FAILED)
    grouped = failures.grouped(scene.database, scene.id, outcome.map_id)
    assert [(group.exception, group.count, group.message, group.job_id) for group in grouped] == [
        ("ValueError", 3, "bad", 2),
        ("KeyError", 1, "'k'", 1),
        ("unknown", 1, "", 5),
    ]
    assert failures.grouped(scene.database, scene.id)[0].count == 4
