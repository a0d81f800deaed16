"""Jobs listed as users see them, canceled and made ready again."""

from __future__ import annotations

import pytest
from store.scene import COLLECT, Scene

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import building, jobs, results, workflows
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


def test_cancel_and_rerun_of_many_jobs_in_short_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a piece, all or chosen, are moved once each."""
    monkeypatch.setattr(jobs_module, "PIECE", 7)
    monkeypatch.setattr(jobs_module, "_CHUNK", 3)
    scene.declare(range(50))
    assert jobs.cancel(scene.database, scene.id, []) == 0
    assert jobs.cancel(scene.database, scene.id, range(10, 30)) == 20
    assert jobs.cancel(scene.database, scene.id) == 30
    assert jobs.rerun(scene.database, scene.id, [JobStatus.CANCELED], range(1, 12)) == 11
    assert jobs.rerun(scene.database, scene.id, [JobStatus.CANCELED]) == 39
    assert scene.counts() == {"ready": 50}


def test_rerun_takes_the_chosen_statuses_only(scene: Scene) -> None:
    """Failed jobs run again under a new run id and attempt; completed ones keep their results."""
    scene.declare("abc")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:1])
    scene.complete(worker, found[1:], JobStatus.FAILED)
    assert jobs.rerun(scene.database, scene.id, [JobStatus.FAILED, JobStatus.READY]) == 2
    assert scene.counts() == {"completed": 1, "ready": 2}
    again = scene.claim(worker)
    assert [(claim.run_id, claim.attempt) for claim in again] == [(2, 2), (2, 2)]
    scene.complete(worker, again)
    assert scene.counts() == {"completed": 3}
    assert scene.rows("results") == 5


def test_a_job_that_is_rerun_has_no_result_until_it_ends(scene: Scene) -> None:
    """Its earlier attempt stays in the list of attempts, but is not its result any more."""
    outcome = scene.declare("a")
    worker = scene.worker()
    scene.run_all(worker)
    jobs.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    ((_, _, status, _, value),) = [
        row for chunk in [list(results.of_map(scene.database, scene.id, outcome.map_id))] for row in chunk
    ]
    assert (status, value) == (READY, None)
    assert len(results.attempts(scene.database, scene.id)) == 1
    with pytest.raises(NotFound, match="no result yet"):
        results.effective(scene.database, scene.jobs(outcome.map_id)[0].id)


def test_rerun_of_nothing_starts_no_run(scene: Scene) -> None:
    """Where no job is in the chosen status the run id stays."""
    scene.declare("a")
    assert jobs.rerun(scene.database, scene.id, [JobStatus.FAILED]) == 0
    assert workflows.get(scene.database, scene.id).run_id == 1


def test_rerun_lets_the_postprocess_wait_again(scene: Scene) -> None:
    """Its old result is of the old rows; it runs again when they have, even if it runs at this moment."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    (collecting,) = scene.claim(worker)
    jobs.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert scene.counts() == {"ready": 2, "blocked": 1}
    assert scene.exchange(worker).cancel == [(collecting.job_id, 1)]
    scene.complete(worker, [collecting])
    assert scene.run_all(worker) == 3
    assert scene.counts() == {"completed": 3}
    assert results.effective(scene.database, collecting.job_id).attempt == 2


def test_rerun_of_a_failed_postprocess_alone(scene: Scene) -> None:
    """When all rows completed it becomes ready by itself; when one failed it cannot."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert scene.counts() == {"completed": 2, "failed": 1}
    assert jobs.rerun(scene.database, scene.id, [JobStatus.FAILED]) == 1
    assert workflows.get(scene.database, scene.id).run_id == 2
    scene.run_all(worker)
    assert scene.counts() == {"completed": 3}


def test_rerun_of_a_postprocess_whose_rows_failed_does_nothing(scene: Scene) -> None:
    """Asking for canceled jobs alone leaves it canceled: its rows have not completed."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert jobs.rerun(scene.database, scene.id, [JobStatus.CANCELED]) == 0
    assert scene.counts() == {"failed": 2, "canceled": 1}


def test_jobs_of_a_half_built_map_are_left_alone(scene: Scene) -> None:
    """Neither cancel nor rerun touches rows that are not visible yet."""

    def rows() -> object:
        yield from range(building.PIECE + 1)
        assert jobs.cancel(scene.database, scene.id) == 0

    outcome = scene.declare(rows())
    assert scene.counts() == {"ready": outcome.new}
