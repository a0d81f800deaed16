"""Jobs that ran out of memory are ready again with more of it, and never again ask for less."""

from __future__ import annotations

from typing import Any

import pytest
from store.scene import Scene, check_counts

from torc_nb.models import Claim, JobStatus, Membership, ResourceRequirementsModel
from torc_nb.models.growth import Growth
from torc_nb.models.quantities import GIB
from torc_nb.models.retries import Retry
from torc_nb.store import leases, requirements, resetting, results, returning

FAILED = JobStatus.FAILED
GROWTH = Growth(32 * GIB).stored()


def _run_out(scene: Scene, worker: Membership, found: list[Claim], used: int = 0, **changes: Any) -> None:
    """End attempts that had less memory than they needed."""
    had = {claim.job_id: _asked(scene, claim.requirement_id) for claim in found}
    for claim in found:
        what = {"error_type": "MemoryError", "error": "too little", "outgrown": had[claim.job_id], "peak_memory": used}
        scene.complete(worker, [claim], FAILED, **(what | changes))


def _asked(scene: Scene, requirement_id: int) -> int:
    return requirements.get(scene.database, requirement_id).memory or 0


def _memory(scene: Scene, job_id: int) -> float:
    """What a job asks, in GiB."""
    return _asked(scene, scene.job(job_id).requirement_id) / GIB


def _grown(scene: Scene, worker: Membership) -> int:
    """A job that asked for 4 GiB and is ready again with 8; returns its id."""
    scene.declare("a", growth=GROWTH, requirement_id=scene.require(memory=4 * GIB))
    found = scene.claim(worker)
    _run_out(scene, worker, found)
    assert _memory(scene, found[0].job_id) == 8
    return found[0].job_id


def test_it_asks_for_more_until_it_has_all_that_it_may(scene: Scene) -> None:
    """Each attempt is kept, none counts as a retry, and the last one's error names the ceiling."""
    asks = scene.require(memory=10 * GIB)
    scene.declare("ab", growth=GROWTH, retry=Retry(5).stored(), requirement_id=asks)
    worker = scene.worker()
    a, b = scene.claim(worker)
    _run_out(scene, worker, [a])
    job = scene.job(a.job_id)
    assert (job.status, job.retries, job.worker_id) == (JobStatus.READY, 0, None)
    assert job.note == "needed more than 10 GiB, again with 20 GiB"
    scene.complete(worker, [b])
    for memory in (20, 32):
        (again,) = scene.claim(worker)
        assert _asked(scene, again.requirement_id) == memory * GIB
        _run_out(scene, worker, [again])
        check_counts(scene.database)
    assert scene.counts() == {"completed": 1, "failed": 1}
    tried = results.attempts(scene.database, scene.id, a.job_id)
    assert [one.error for one in tried][:2] == ["too little"] * 2
    assert tried[2].error == "too little; it had 32 GiB, and max_memory is 32 GiB"
    assert scene.job(b.job_id).requirement_id == asks


def test_it_asks_for_no_less_than_it_used(scene: Scene) -> None:
    """In the steps of its map, so that jobs share a request; of those that named none, from what they were given."""
    scene.declare("ab", growth=GROWTH)
    worker = scene.worker()
    a, b = scene.claim(worker)
    _run_out(scene, worker, [a], used=9 * GIB, outgrown=2 * GIB)
    _run_out(scene, worker, [b], used=10 * GIB, outgrown=2 * GIB)
    assert _memory(scene, a.job_id) == 16
    assert scene.job(a.job_id).requirement_id == scene.job(b.job_id).requirement_id
    assert len(scene.claim(worker)) == 2
    check_counts(scene.database)


def test_other_failures_and_other_maps_do_not_grow(scene: Scene) -> None:
    """They fail as they did, or are tried again as they were."""
    scene.declare("a", growth=GROWTH, retry=Retry(1).stored())
    scene.declare("b", name="n", retry=Retry(1).stored())
    scene.declare("c", name="o")
    worker = scene.worker()
    a, b, c = scene.claim(worker)
    scene.complete(worker, [a], FAILED)
    _run_out(scene, worker, [b, c])
    assert scene.counts() == {"ready": 2, "failed": 1}
    assert {scene.job(one.job_id).requirement_id for one in (a, b, c)} == {scene.requirement}
    assert [scene.job(one.job_id).retries for one in (a, b)] == [1, 1]


def test_told_twice_it_grows_once(scene: Scene) -> None:
    """The report comes again where its acknowledgment was lost; from a worker that lost the job it is nothing."""
    scene.declare("a", growth=GROWTH, requirement_id=scene.require(memory=4 * GIB))
    worker, other = scene.worker(), scene.worker()
    found = scene.claim(worker)
    for _ in range(3):
        _run_out(scene, worker, found)
    assert _memory(scene, found[0].job_id) == 8
    (again,) = scene.claim(other)
    _run_out(scene, worker, found)
    job = scene.job(again.job_id)
    assert (job.status, job.worker_id) == (JobStatus.PENDING, other.id)
    assert scene.rows("results") == 1
    check_counts(scene.database)


@pytest.mark.parametrize("leave", ["given back", "lost", "rerun"])
def test_what_it_needs_is_remembered(scene: Scene, leave: str) -> None:
    """Given back, taken from a dead worker, or run again from the beginning: it does not start with too little."""
    worker = scene.worker()
    job_id = _grown(scene, worker)
    found = scene.claim(worker)
    if leave == "given back":
        returning.give_back(scene.database, scene.id, worker.id, [job_id])
    elif leave == "lost":
        scene.set_worker(worker, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
        leases.expire(scene.database, scene.id)
    else:
        scene.complete(worker, found)
        assert resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED]).ready == 1
    assert scene.job(job_id).status == JobStatus.READY
    assert _memory(scene, job_id) == 8
    check_counts(scene.database)


@pytest.mark.parametrize("waits", [True, False])
def test_what_the_map_asks_counts_where_it_is_more(scene: Scene, waits: bool) -> None:
    """And of the rest always: a job that is known to need 8 GiB takes the CPUs of a new call, and its 16 GiB."""
    worker = scene.worker()
    job_id = _grown(scene, worker)
    for memory, expected in ((6, 8), (16, 16)):
        if not waits:
            scene.complete(worker, scene.claim(worker))
        asks = scene.require(memory=memory * GIB, num_cpus=3)
        scene.declare("a", growth=GROWTH, requirement_id=asks)
        if not waits:
            resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
        asked = requirements.get(scene.database, scene.job(job_id).requirement_id)
        assert (asked.num_cpus, asked.memory) == (3, expected * GIB)
        check_counts(scene.database)
    assert asked.id == asks


def test_what_a_rerun_asks_counts_once(scene: Scene) -> None:
    """It may be less; it grows from there with what else the rerun said, and the next one knows what was needed."""
    worker = scene.worker()
    job_id = _grown(scene, worker)
    scene.complete(worker, scene.claim(worker), FAILED)
    seen = []

    def two(asked: int) -> int:
        seen.append(_asked(scene, asked) / GIB)
        own = ResourceRequirementsModel(workflow_id=scene.id, memory=2 * GIB, num_cpus=5)
        return requirements.keep(scene.database, own, of_jobs=True).id or 0

    resetting.rerun(scene.database, scene.id, [FAILED], instead=two)
    assert (seen, _memory(scene, job_id)) == ([8], 2)
    _run_out(scene, worker, scene.claim(worker))
    asked = requirements.get(scene.database, scene.job(job_id).requirement_id)
    assert (asked.num_cpus, asked.memory) == (5, 4 * GIB)
    scene.complete(worker, scene.claim(worker), FAILED)
    resetting.rerun(scene.database, scene.id, [FAILED])
    asked = requirements.get(scene.database, scene.job(job_id).requirement_id)
    assert (asked.num_cpus, asked.memory) == (1, 4 * GIB)
    check_counts(scene.database)
