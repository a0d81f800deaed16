"""Workers' leases: kept while they live, lost when they die, given back when they leave."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from store.scene import Scene

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import AllocationModel, JobStatus, Membership
from torc_nb.store import allocations, events, jobs, leases, machine, resetting, schema, workflows

NOBODY = {"pid": 2**22 + 1, "process_start": 1.0}


def _state(scene: Scene, worker: Membership) -> str:
    return next(found.state for found in leases.listed(scene.database, scene.id) if found.id == worker.id)


def test_joining_and_leaving(scene: Scene) -> None:
    """A worker that leaves gives back what it did not finish, and interrupts nothing by that."""
    scene.declare("abc")
    worker = scene.worker()
    leases.note_packages(scene.database, worker.id, {"numpy": "2.0"})
    found = scene.claim(worker, 2)
    scene.exchange(worker, started=found[:1])
    assert leases.leave(scene.database, worker, message="out of time") == 2
    assert scene.counts() == {"ready": 3}
    assert [job.interruptions for job in scene.jobs(1)] == [0, 0, 0]
    assert _state(scene, worker) == "left"
    assert leases.listed(scene.database, scene.id)[0].packages == {"numpy": "2.0"}
    assert leases.leave(scene.database, worker) == 0


def test_a_worker_of_a_deleted_workflow_cannot_join(scene: Scene) -> None:
    """An allocation that starts after its workflow was deleted is told so."""
    workflows.remove(scene.database, scene.id)
    with pytest.raises(NotFound, match=f"no workflow {scene.id}"):
        scene.worker()


def test_a_dead_process_of_this_machine_is_noticed_at_once(scene: Scene) -> None:
    """A pid that is gone, or now another process's, ends the lease whatever its time."""
    scene.declare("ab")
    gone, reused = scene.worker(**NOBODY), scene.worker(process_start=1.0)
    scene.claim(gone, 1)
    scene.claim(reused, 1)
    assert leases.expire(scene.database, scene.id) == 2
    assert {_state(scene, gone), _state(scene, reused)} == {"lost"}
    assert scene.counts() == {"ready": 2}
    assert leases.expire(scene.database, scene.id) == 0


def test_a_killed_process_is_noticed_though_nobody_waited_for_it(scene: Scene) -> None:
    """A zombie does not count as alive."""
    scene.declare("a")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worker = scene.worker(pid=process.pid, process_start=machine.process_start(process.pid))
        scene.claim(worker)
        assert leases.expire(scene.database, scene.id) == 0
        process.kill()
        while machine.process_start(process.pid):
            time.sleep(0.01)
        assert leases.expire(scene.database, scene.id) == 1


def test_a_silent_process_that_lives_never_expires(scene: Scene) -> None:
    """A closed lid is no death: hours of silence on this machine lose nothing."""
    scene.declare("a")
    worker = scene.worker()
    scene.claim(worker)
    scene.set_worker(worker, lease_expires=1.0, last_seen=1.0 - 10 * leases.LEASE)
    assert leases.expire(scene.database, scene.id) == 0
    assert scene.counts() == {"pending": 1}


def test_a_silent_worker_elsewhere_is_granted_one_more_lease(scene: Scene) -> None:
    """The database may have been what was silent: who finds a lease run out grants one, and only one."""
    scene.declare("a")
    worker = scene.worker(boot_id="elsewhere")
    scene.claim(worker)
    assert leases.expire(scene.database, scene.id) == 0
    now = time.time()
    scene.set_worker(worker, last_seen=now - 1000, lease_expires=now - 1000 + leases.LEASE)
    assert leases.expire(scene.database, scene.id) == 0
    granted = leases.listed(scene.database, scene.id)[0].lease_expires or 0.0
    assert granted >= now + leases.LEASE - 5
    scene.set_worker(worker, lease_expires=now - 1)
    assert leases.expire(scene.database, scene.id) == 1
    assert _state(scene, worker) == "lost"


def test_a_renewed_lease_is_a_plain_one_again(scene: Scene) -> None:
    """After a word from the worker it has both its leases before it."""
    scene.declare("a")
    worker = scene.worker(boot_id="elsewhere")
    scene.claim(worker)
    now = time.time()
    scene.set_worker(worker, last_seen=now - 1000, lease_expires=now - 1)
    scene.exchange(worker)
    found = leases.listed(scene.database, scene.id)[0]
    assert (found.lease_expires or 0) - (found.last_seen or 0) == pytest.approx(leases.LEASE)
    assert leases.expire(scene.database, scene.id) == 0


def test_a_job_that_takes_its_workers_down_fails_the_third_time(scene: Scene) -> None:
    """Only deaths while it ran count; its postprocess learns of the failure."""
    outcome = scene.declare("a", postprocess_id=3)
    for interruptions in range(1, leases.MAX_INTERRUPTIONS + 1):
        idle, running = scene.worker(**NOBODY), scene.worker(**NOBODY)
        scene.claim(idle)
        leases.leave(scene.database, idle)
        found = scene.claim(running)
        scene.exchange(running, started=found)
        assert leases.expire(scene.database, scene.id) == 1
        assert scene.jobs(outcome.map_id)[0].interruptions == interruptions
    (job,) = scene.jobs(outcome.map_id)
    assert (job.status, job.note) == (JobStatus.FAILED, "took down its worker 3 times")
    assert scene.counts() == {"failed": 1, "canceled": 1}
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]).ready == 1
    assert scene.jobs(outcome.map_id)[0].interruptions == 0


def test_a_pending_job_is_not_blamed(scene: Scene) -> None:
    """A job that had not begun when its worker died has taken nobody down."""
    scene.declare("a")
    for _ in range(5):
        worker = scene.worker(**NOBODY)
        scene.claim(worker)
        leases.expire(scene.database, scene.id)
    assert scene.jobs(1)[0].interruptions == 0


def test_an_allocation_follows_its_worker(scene: Scene) -> None:
    """Running when the worker joins, ended when it dies, running again should it turn out to live, ended at last."""
    (allocation_id,) = allocations.create(scene.database, scene.id, "slurm", 1)

    def allocation() -> AllocationModel:
        return allocations.get(scene.database, allocation_id)

    worker = scene.worker(allocation_id=allocation_id, **NOBODY)
    assert allocation().state == "running"
    leases.expire(scene.database, scene.id)
    assert (allocation().state, allocation().message) == ("ended", "its worker died")
    assert scene.exchange(worker).had_lost_lease
    assert (allocation().state, allocation().message, allocation().ended) == ("running", "", None)
    leases.leave(scene.database, worker, message="no work left")
    assert (allocation().state, allocation().message) == ("ended", "no work left")


def test_a_worker_of_a_canceled_allocation_does_not_begin(scene: Scene) -> None:
    """It was started before the cancellation, and could not be reached."""
    (allocation_id,) = allocations.create(scene.database, scene.id, "local", 1)
    with scene.database.write() as connection:
        connection.execute(schema.allocations.update().values(state="canceled"))
    with pytest.raises(Conflict, match="was canceled"):
        scene.worker(allocation_id=allocation_id)
    assert scene.rows("workers") == 0


@pytest.mark.parametrize(("kind", "known"), [("slurm", "7_2"), ("local", None)])
def test_a_worker_tells_its_job_where_the_submitting_kernel_could_not(
    scene: Scene, kind: str, known: str | None
) -> None:
    """Of a worker on this machine the Slurm job around it is the kernel's."""
    (allocation_id,) = allocations.create(scene.database, scene.id, kind, 1)
    scene.worker(allocation_id=allocation_id, scheduler_job="7_2")
    assert allocations.get(scene.database, allocation_id).scheduler_job == known


def test_a_worker_is_asked_to_leave(scene: Scene) -> None:
    """It hears so at each exchange, claims nothing, and still holds its lease until it has left."""
    scene.declare("ab")
    worker = scene.worker(boot_id="elsewhere")
    assert leases.ask_to_leave(scene.database, scene.id) == 1
    for _ in range(2):
        answer = scene.exchange(worker, 5)
        assert (answer.state, answer.claims, answer.had_lost_lease) == ("leaving", [], False)
    leases.leave(scene.database, worker)
    scene.exchange(worker)
    assert _state(scene, worker) == "left", "a late word does not bring it back"


def test_what_a_dead_worker_was_asked_is_forgotten(scene: Scene) -> None:
    """No cancellation outlives the worker that it was for."""
    scene.declare("a")
    worker = scene.worker(**NOBODY)
    scene.claim(worker)
    jobs.cancel(scene.database, scene.id)
    assert scene.rows("cancellations") == 1
    leases.expire(scene.database, scene.id)
    assert scene.rows("cancellations") == 0


def test_events_tell_the_story(scene: Scene) -> None:
    """Joins, losses and leaves stand in the events, in order."""
    lost = scene.worker(**NOBODY)
    leases.expire(scene.database, scene.id)
    left = scene.worker()
    leases.leave(scene.database, left)
    told = [(event.kind, event.worker_id) for event in events.listed(scene.database, scene.id)]
    assert told[-4:] == [
        ("worker joined", lost.id),
        ("worker lost", lost.id),
        ("worker joined", left.id),
        ("worker left", left.id),
    ]
    assert [event.kind for event in events.listed(scene.database, scene.id, limit=1)] == ["worker left"]
