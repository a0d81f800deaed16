"""What jobs took at most of what they asked for, and which were stopped."""

from __future__ import annotations

from store.scene import FUNCTION, OTHER_FUNCTION, Scene, completion

from torc_nb.models import JobStatus
from torc_nb.store import leases, usage
from torc_nb.store.spool import Cut
from torc_nb.store.usage import Extremes, Stopped

HOUR = 3600.0


def test_the_most_of_all_with_the_current_code(scene: Scene) -> None:
    """Memory of those that failed too, the time of those that completed; very short ones say nothing of CPUs."""
    map_id = scene.declare(range(10)).map_id
    worker = scene.worker()
    jobs = scene.claim(worker, 4)
    took = [
        completion(jobs[0], seconds=10.0, cpu_seconds=15.0, peak_memory=100),
        completion(jobs[1], seconds=20.0, cpu_seconds=2.0, peak_memory=300),
        completion(jobs[2], JobStatus.FAILED, seconds=90.0, cpu_seconds=1.0, peak_memory=700),
        completion(jobs[3], seconds=0.01, cpu_seconds=0.09, peak_memory=50),
    ]
    scene.exchange(worker, completions=took)
    found = usage.extremes(scene.database, scene.id, map_id, scene.requirement, FUNCTION)
    assert found == Extremes(4, 3, 20.0, 700, 1.5)
    none = Extremes(0, 0, None, 0, None)
    assert usage.extremes(scene.database, scene.id, map_id, scene.requirement, OTHER_FUNCTION) == none
    assert usage.extremes(scene.database, scene.id, map_id, scene.requirement + 1, FUNCTION) == none
    assert len(usage.sampled(scene.database, scene.id, map_id, None, 1.0, FUNCTION)) == 4
    assert usage.sampled(scene.database, scene.id, map_id, None, 1.0, OTHER_FUNCTION) == []
    assert usage.asked(scene.database, scene.id) == {(map_id, scene.requirement): 10}


def test_those_that_were_stopped(scene: Scene) -> None:
    """By the end of a walltime, with the time that they had, and for their memory."""
    map_id = scene.declare(range(4)).map_id
    worker = scene.worker()
    cut, large = scene.claim(worker, 2)
    scene.exchange(worker, completions=[completion(large, JobStatus.FAILED, error_type="MemoryError")], started=[cut])
    leases.leave(scene.database, worker, message="over", cut=Cut(HOUR, HOUR - 10, {cut.job_id: HOUR - 20}))
    assert usage.stopped(scene.database, scene.id, map_id) == {scene.requirement: Stopped(1, HOUR - 20, 1)}
