"""Jobs listed as users see them, canceled and set aside."""

from __future__ import annotations

import pytest
from store.scene import COLLECT, Scene

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import building, jobs, orders, workflows
from torc_nb.store import jobs as jobs_module

READY, BLOCKED, UNINITIALIZED = JobStatus.READY, JobStatus.BLOCKED, JobStatus.UNINITIALIZED


def test_jobs_before_the_start_are_uninitialized(scene: Scene) -> None:
    """Whatever they stand at, jobs of a workflow that was not started are shown, and found, as uninitialized."""
    first = scene.declare("ab", postprocess_id=COLLECT)
    workflows.set_state(scene.database, scene.id, "created")
    assert workflows.statuses(scene.database, scene.id) == {UNINITIALIZED: 3}
    assert len(jobs.listed(scene.database, scene.id, statuses=[UNINITIALIZED])) == 3
    assert jobs.listed(scene.database, scene.id, statuses=[READY, BLOCKED]) == []
    workflows.set_state(scene.database, scene.id, "started")
    assert workflows.by_map(scene.database, scene.id) == {first.map_id: {READY: 2}, 0: {BLOCKED: 1}}
    assert len(jobs.listed(scene.database, scene.id, statuses=[READY])) == 2


def test_jobs_of_a_map_that_waits_are_blocked(scene: Scene) -> None:
    """The map's flag makes all of its jobs blocked where users look."""
    first = scene.declare("ab")
    second = scene.declare("cd", name="n", blocked_by_maps=(first.map_id,))
    assert workflows.statuses(scene.database, scene.id) == {READY: 2, BLOCKED: 2}
    found = jobs.listed(scene.database, scene.id, statuses=[BLOCKED])
    assert {job.map_id for job in found} == {second.map_id}
    assert {job.map_name for job in found} == {"n"}


def test_listing_by_map_and_in_pages(scene: Scene) -> None:
    """A page is a slice of the jobs in the order of their ids."""
    outcome = scene.declare(range(10))
    scene.declare("xy", name="n")
    page = jobs.listed(scene.database, scene.id, map_id=outcome.map_id, limit=3, offset=8)
    assert [job.params for job in page] == ["8", "9"]
    assert jobs.get(scene.database, page[0].id).map_name == "m"
    with pytest.raises(NotFound, match="no job 99"):
        jobs.get(scene.database, 99)


def test_pages_by_status(scene: Scene) -> None:
    """Of one status, of several, with a map or without: the same jobs as without pages, in the order of their ids."""
    first = scene.declare(range(6))
    scene.declare(range(4), name="n")
    worker = scene.worker()
    claims = scene.claim(worker, 7)
    scene.complete(worker, claims[::2])
    scene.complete(worker, claims[1::2], JobStatus.FAILED)
    for statuses in ([JobStatus.COMPLETED], [JobStatus.FAILED], [JobStatus.COMPLETED, JobStatus.FAILED], [READY], None):
        for map_id in (None, first.map_id):
            all_ids = [job.id for job in jobs.listed(scene.database, scene.id, map_id=map_id, statuses=statuses)]
            assert all_ids == sorted(all_ids)
            for offset in (0, 2):
                page = jobs.listed(
                    scene.database, scene.id, map_id=map_id, statuses=statuses, limit=3, offset=offset, is_brief=True
                )
                assert [job.id for job in page] == all_ids[offset : offset + 3]


def test_no_page_has_jobs_of_a_half_built_map(scene: Scene) -> None:
    """Neither in the order of ids nor in another."""
    seen: list[int] = []

    def rows() -> object:
        yield from range(building.PIECE + 1)
        seen.append(len(jobs.listed(scene.database, scene.id, limit=10)))
        seen.append(len(jobs.listed(scene.database, scene.id, statuses=[READY], limit=10)))
        seen.append(len(orders.ordered(scene.database, scene.id, "seconds", limit=10)))

    scene.declare(rows())
    assert seen == [0, 0, 0]
    assert len(orders.ordered(scene.database, scene.id, "status")) == building.PIECE + 1


def test_cancel_reaches_waiting_pending_and_running_jobs(scene: Scene) -> None:
    """All unfinished jobs are canceled at once; workers are told once which attempts to stop; finished ones stay."""
    scene.declare("abcd", postprocess_id=COLLECT)
    worker = scene.worker()
    done, running, pending = scene.claim(worker, 3)
    scene.complete(worker, [done])
    scene.exchange(worker, started=[running])
    assert jobs.cancel(scene.database, scene.id) == 4
    assert scene.counts() == {"completed": 1, "canceled": 4}
    told = scene.exchange(worker).cancel
    assert sorted(told) == [(running.job_id, 1), (pending.job_id, 1)]
    assert scene.exchange(worker).cancel == []
    scene.complete(worker, [running], JobStatus.TERMINATED, was_running=True)
    assert scene.counts() == {"completed": 1, "canceled": 4}
    assert jobs.cancel(scene.database, scene.id) == 0


def test_cancel_of_chosen_jobs_settles_what_waits_for_them(scene: Scene) -> None:
    """Canceling the last unfinished row cancels the postprocess too, with its cause."""
    outcome = scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1))
    last = scene.jobs(outcome.map_id)[1]
    assert jobs.cancel(scene.database, scene.id, [last.id, last.id, 999]) == 1
    assert scene.counts() == {"completed": 1, "canceled": 2}
    assert scene.jobs(0)[0].note == f"job {last.id}, row 1 of m, canceled: canceled by the user"


def test_cancel_of_many_jobs_in_short_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a piece, all or chosen, are moved once each."""
    monkeypatch.setattr(jobs_module, "PIECE", 7)
    scene.declare(range(50))
    assert jobs.cancel(scene.database, scene.id, []) == 0
    assert jobs.cancel(scene.database, scene.id, range(10, 30)) == 20
    assert jobs.cancel(scene.database, scene.id) == 30
    assert scene.counts() == {"canceled": 50}


def test_jobs_of_a_half_built_map_are_left_alone(scene: Scene) -> None:
    """Cancel does not touch rows that are not visible yet."""

    def rows() -> object:
        yield from range(building.PIECE + 1)
        assert jobs.cancel(scene.database, scene.id) == 0

    outcome = scene.declare(rows())
    assert scene.counts() == {"ready": outcome.new}


def test_disabled_jobs_hold_up_nobody(scene: Scene) -> None:
    """A job that waits or has failed is set aside for good, one that a worker has is not; postprocess does without."""
    scene.declare("abc", postprocess_id=COLLECT)
    worker = scene.worker()
    failed, held = scene.claim(worker, 2)
    scene.complete(worker, [failed], JobStatus.FAILED)
    waiting = next(job_id for job_id in range(1, 4) if job_id not in (failed.job_id, held.job_id))
    assert jobs.disable(scene.database, scene.id, [failed.job_id, held.job_id, waiting]) == 2
    scene.complete(worker, [held])
    assert scene.run_all(worker) == 1
    assert scene.counts() == {"completed": 2, "disabled": 2}
    assert jobs.get(scene.database, waiting).note == "disabled by the user"
