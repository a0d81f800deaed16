"""Who waits for whom: postprocess jobs, maps after maps, jobs after jobs."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, select
from store.scene import COLLECT, OTHER_FUNCTION, Scene, completion

from torc_nb.models import JobStatus
from torc_nb.store import building, counts, dependencies, events, maps, resetting, schema


def test_a_postprocess_is_made_once_and_runs_when_all_rows_completed(scene: Scene) -> None:
    """One job that collects the map: blocked until the last row completes, then ready with its own code."""
    outcome = scene.declare("abc", postprocess_id=COLLECT, shape={"postprocess_name": "total"})
    scene.declare("abc", postprocess_id=COLLECT, shape={"postprocess_name": "total"})
    (job,) = scene.jobs(0)
    assert (job.name, job.collects, job.status) == ("total", outcome.map_id, JobStatus.BLOCKED)
    assert maps.get(scene.database, outcome.map_id).postprocess_id == job.id
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:2])
    assert scene.claim(worker) == []
    scene.complete(worker, found[2:])
    (collecting,) = scene.claim(worker)
    assert (collecting.job_id, collecting.map_id, collecting.function_id) == (job.id, 0, COLLECT)


def test_whoever_tells_the_last_end_is_told_that_others_may_be_ready(scene: Scene) -> None:
    """They were released after it had claimed; where nothing waited, or has to wait longer, nothing is said."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    first, last = scene.claim(worker)
    assert not scene.exchange(worker, completions=[completion(first)]).may_have_released
    assert scene.exchange(worker, completions=[completion(last)]).may_have_released
    (collecting,) = scene.claim(worker)
    assert not scene.exchange(worker, completions=[completion(collecting)]).may_have_released


def test_a_failed_row_cancels_the_postprocess_with_its_cause(scene: Scene) -> None:
    """It names the first failed job, its row, its exception, and how many more there are."""
    scene.declare("abc", postprocess_id=COLLECT)
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[1:], JobStatus.FAILED)
    assert scene.jobs(0)[0].status == JobStatus.BLOCKED
    scene.complete(worker, found[:1])
    (job,) = scene.jobs(0)
    assert job.status == JobStatus.CANCELED
    assert job.note == f"job {found[1].job_id}, row 1 of m, failed: ValueError: bad (and 1 more)"
    assert events.listed(scene.database, scene.id)[-1].data == {"reason": job.note}


@pytest.mark.parametrize("at", ["ready", "running", "completed"])
def test_new_rows_let_the_postprocess_wait_again(scene: Scene, at: str) -> None:
    """Rows added when it was ready, ran or had completed are collected too."""
    scene.declare("a", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    if at != "ready":
        collecting = scene.claim(worker)
        scene.exchange(worker, started=collecting)
        if at == "completed":
            scene.complete(worker, collecting, was_running=True)
    scene.declare("ab", postprocess_id=OTHER_FUNCTION)
    assert scene.jobs(0)[0].status == JobStatus.BLOCKED
    if at == "running":
        assert scene.exchange(worker).cancel == [(collecting[0].job_id, 1)]
        scene.complete(worker, collecting, was_running=True)
        assert scene.jobs(0)[0].status == JobStatus.BLOCKED
    scene.complete(worker, scene.claim(worker))
    assert [claim.function_id for claim in scene.claim(worker)] == [OTHER_FUNCTION]


def test_a_postprocess_over_nothing_is_ready_at_once(scene: Scene) -> None:
    """A map without rows has nothing to wait for."""
    scene.declare([], postprocess_id=COLLECT)
    assert scene.counts() == {"ready": 1}


def test_dropping_the_last_unfinished_rows_releases_the_postprocess(scene: Scene) -> None:
    """What is no longer there is not waited for."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1))
    scene.declare("a", postprocess_id=COLLECT, drop=True)
    assert scene.counts() == {"completed": 1, "ready": 1}


def test_a_map_after_a_map(scene: Scene) -> None:
    """Its jobs are not claimed until every row of the other completed."""
    first = scene.declare("ab")
    second = scene.declare("cd", name="n", blocked_by_maps=(first.map_id,))
    worker = scene.worker()
    found = scene.claim(worker)
    assert {claim.map_id for claim in found} == {first.map_id}
    scene.complete(worker, found)
    assert {claim.map_id for claim in scene.claim(worker)} == {second.map_id}


def test_a_map_after_a_finished_map_is_open_at_once(scene: Scene) -> None:
    """It waits for nothing that will still report."""
    first = scene.declare("ab")
    worker = scene.worker()
    scene.run_all(worker)
    scene.declare("cd", name="n", blocked_by_maps=(first.map_id,))
    assert len(scene.claim(worker)) == 2


def test_a_map_after_a_failed_map_stays_blocked_and_says_so_once(scene: Scene) -> None:
    """The reason is one event, however often workers look; a rerun that succeeds opens the map."""
    first = scene.declare("ab")
    scene.declare("cd", name="n", blocked_by_maps=(first.map_id,))
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    for _ in range(3):
        dependencies.release_all(scene.database, scene.id)
    told = [event for event in events.listed(scene.database, scene.id) if event.kind == "map stays blocked"]
    assert [event.data["reason"] for event in told] == ["job 1, row 0 of m, failed: ValueError: bad (and 1 more)"]
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    scene.complete(worker, scene.claim(worker))
    assert len(scene.claim(worker)) == 2


def _chain(scene: Scene, n: int) -> list[int]:
    """Jobs of no map, each after the one before it."""
    with scene.database.write() as connection:
        first = building.take_ids(connection, n)
        tally = counts.Tally(scene.id)
        for job_id in range(first, first + n):
            status = JobStatus.READY if job_id == first else JobStatus.BLOCKED
            connection.execute(
                insert(schema.jobs).values(
                    id=job_id, workflow_id=scene.id, map_id=0, row=0, status=int(status), priority=0,
                    requirement_id=scene.requirement, params="", params_digest=b"", declared_digest=b"", rev=1,
                    attempt=0, interruptions=0, function_id=1,
                )
            )  # fmt: skip
            dependencies.after_jobs(connection, job_id, [] if job_id == first else [job_id - 1])
            tally.add(0, scene.requirement, status)
        tally.write(connection)
    return list(range(first, first + n))


def test_jobs_after_jobs(scene: Scene) -> None:
    """A chain runs one by one."""
    chain = _chain(scene, 3)
    worker = scene.worker()
    ran = []
    while found := scene.claim(worker):
        ran += [claim.job_id for claim in found]
        scene.complete(worker, found)
    assert ran == chain


def test_a_failure_cancels_all_that_follows(scene: Scene) -> None:
    """Down the chain each job names the one before it."""
    first, second, third = _chain(scene, 3)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert scene.counts() == {"failed": 1, "canceled": 2}
    assert scene.job(second).note.startswith(f"job {first} failed")
    assert scene.job(third).note.startswith(f"job {second} canceled: job {first} failed")


def test_two_workers_that_finish_a_map_together_release_it(scene: Scene) -> None:
    """Whoever commits last sees both; the postprocess is released, once."""
    worker_count, rounds = 4, 5
    workers = [scene.worker() for _ in range(worker_count)]
    for i in range(rounds):
        scene.declare(range(worker_count), name=f"m{i}", postprocess_id=COLLECT)
        found = [scene.claim(worker, 1) for worker in workers]
        threads = [
            threading.Thread(target=scene.complete, args=(worker, claims))
            for worker, claims in zip(workers, found, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with scene.database.read() as connection:
            status = connection.scalar(select(schema.jobs.c.status).order_by(schema.jobs.c.id.desc()).limit(1))
        assert status == JobStatus.READY
        scene.complete(workers[0], scene.claim(workers[0]))
