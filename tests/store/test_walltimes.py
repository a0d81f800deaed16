"""Walltimes that end under jobs: counted where they were full, told from interruptions, and never for ever."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from store.scene import Scene

from torc_nb.models import Claim, JobStatus, Membership
from torc_nb.store import events, leases, resetting, spool
from torc_nb.store.spool import Cut, Farewell, Spool

HOUR = 3600.0


def begun(scene: Scene, n: int = 1000) -> tuple[Membership, list[Claim]]:
    """A worker that runs jobs."""
    worker = scene.worker()
    found = scene.claim(worker, n)
    scene.exchange(worker, started=found)
    return worker, found


def test_a_job_that_needs_more_than_the_walltime_fails_the_second_time(scene: Scene) -> None:
    """Full walltimes count, no interruption does; what waits for it is canceled, with the reason in both."""
    outcome = scene.declare("a", postprocess_id=3)
    for times in (1, 2):
        worker, (job,) = begun(scene)
        leases.leave(
            scene.database, worker, message="its walltime ended", cut=Cut(4 * HOUR, 14_390.0, {job.job_id: 14_000.0})
        )
        (row,) = scene.jobs(outcome.map_id)
        assert (row.walltimes, row.interruptions) == (times, 0)
    assert (row.status, row.note) == (JobStatus.FAILED, "needs more than 4 h 00 min")
    assert scene.counts() == {"failed": 1, "canceled": 1}
    reasons = [event.data["reason"] for event in events.listed(scene.database, scene.id) if event.kind == "job failed"]
    assert reasons == ["needs more than 4 h 00 min"]
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    (row,) = scene.jobs(outcome.map_id)
    assert (row.status, row.walltimes, row.longest_cut) == (JobStatus.READY, None, None)


def test_part_of_a_walltime_does_not_count(scene: Scene) -> None:
    """A job that began late, one that was not running and one of another worker are not blamed, however often."""
    outcome = scene.declare("ab")
    for _ in range(5):
        worker, (late, _pending) = begun(scene)
        leases.leave(scene.database, worker, cut=Cut(HOUR, HOUR, {late.job_id: 0.8 * HOUR, 10**6: HOUR}))
    assert scene.counts() == {"ready": 2}
    assert [(row.walltimes, row.longest_cut) for row in scene.jobs(outcome.map_id)] == [
        (None, 0.8 * HOUR),
        (None, None),
    ]


def test_what_is_stopped_otherwise_does_not_count(scene: Scene) -> None:
    """scancel, preemption and Ctrl-C: ready again, as if nothing had been."""
    outcome = scene.declare("a")
    for _ in range(5):
        worker, _ = begun(scene)
        leases.leave(scene.database, worker, message="it was stopped by SIGTERM")
    (row,) = scene.jobs(outcome.map_id)
    assert (row.status, row.walltimes, row.interruptions, row.longest_cut) == (JobStatus.READY, None, 0, None)


def test_a_failed_job_that_was_cut_before_is_not_failed_again_for_that(scene: Scene) -> None:
    """Only the walltime that cuts it counts: one that another job's worker meets does not."""
    outcome = scene.declare("a")
    worker, (job,) = begun(scene)
    leases.leave(scene.database, worker, cut=Cut(HOUR, HOUR, {job.job_id: HOUR}))
    worker, (job,) = begun(scene)
    leases.leave(scene.database, worker, cut=Cut(HOUR, HOUR, {}))
    assert scene.counts() == {"ready": 1}
    assert scene.jobs(outcome.map_id)[0].walltimes == 1


@pytest.mark.parametrize(("longest", "expected"), [(0.4 * HOUR, 1), (0.8 * HOUR, 1), (0.9 * HOUR, 2), (math.inf, 2)])
def test_a_cut_job_starts_where_it_gets_further(scene: Scene, longest: float, expected: int) -> None:
    """It waits for a worker with more time than it used up; others do not wait."""
    scene.declare("ab")
    worker, (job, _) = begun(scene)
    leases.leave(scene.database, worker, cut=Cut(HOUR, HOUR, {job.job_id: 0.8 * HOUR}))
    found = scene.exchange(scene.worker(), 5, longest=longest).claims
    assert len(found) == expected
    assert (job.job_id in {claim.job_id for claim in found}) == (expected == 2)


def test_a_worker_that_is_killed_at_the_end_of_its_walltime_left_word(scene: Scene) -> None:
    """Without a moment to say it, what it wrote down before is heard; its jobs are not said to have taken it down."""
    outcome = scene.declare("ab")
    worker = scene.worker(pid=2**22 + 1, process_start=1.0)
    found = scene.claim(worker)
    scene.exchange(worker, started=found)
    files = Path(scene.workflow.files)
    last_words = Spool(files, worker.id)
    last_words.say_farewell(Farewell("its walltime of 1 h 00 min ended", Cut(HOUR, HOUR, {found[0].job_id: 3590.0})))
    path = spool.found(files)[worker.id][0]
    _, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(spool._line({**(spool.header(path) or {}), "pid": 2**22 + 1}) + rest)
    assert leases.expire(scene.database, scene.id) == 2
    rows = scene.jobs(outcome.map_id)
    assert [(row.walltimes, row.interruptions) for row in rows] == [(1, 0), (None, 0)]
    assert spool.found(files) == {}
