"""Who is told what: what is so, told once in a run, and to one of those who ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from store.scene import Scene

from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import allocations, events, jobs, leases, notifications, resetting, schema, workflows

DONE, STUCK, FAILING = "done", "stuck", "failing"


def told(scene: Scene, **asked: Any) -> list[str]:
    """Claim and tell all that is due; returns the events."""
    found = []
    while (telling := notifications.claim(scene.database, scene.id, **asked)) is not None:
        notifications.told(scene.database, scene.id, telling, "said", None)
        found.append(telling.event)
    assert not notifications.due(scene.database, scene.id, **asked)
    return found


def keep(scene: Scene, *on: str, command: str = "tell") -> int:
    """Keep a command; returns its id."""
    return notifications.keep(scene.database, scene.id, command, on).id or 0


def test_the_same_twice_is_one(scene: Scene) -> None:
    """What is said last of its events holds; others stand beside it, and go alone or all at once."""
    first = keep(scene, DONE, STUCK)
    assert keep(scene, FAILING) == first
    assert keep(scene, DONE, command="other") != first
    found = notifications.listed(scene.database, scene.id)
    assert [(one.command, one.on) for one in found] == [("tell", [FAILING]), ("other", [DONE])]
    assert notifications.forget(scene.database, scene.id, [first]) == 1
    assert notifications.forget(scene.database, scene.id) == 1
    assert notifications.listed(scene.database, scene.id) == []


def test_done_is_told_once_in_a_run(scene: Scene) -> None:
    """Not before all have finished; again after a rerun, and where jobs were added and have finished too."""
    keep(scene, DONE)
    scene.declare("ab")
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1))
    assert told(scene) == []
    scene.run_all(worker)
    assert told(scene) == [DONE]
    assert told(scene) == []
    resetting.rerun(scene.database, scene.id, list(FINISHED))
    assert told(scene) == []
    scene.run_all(worker)
    assert told(scene) == [DONE]
    scene.declare("abc")
    assert told(scene) == []
    scene.run_all(worker)
    assert told(scene) == [DONE]


def test_what_was_so_before_is_no_news(scene: Scene) -> None:
    """A command that is declared when all is done waits for the next time."""
    scene.declare("a")
    scene.run_all(scene.worker())
    keep(scene, DONE)
    assert told(scene) == []


@pytest.mark.parametrize("state", ["paused", "canceled"])
def test_what_the_user_holds_is_told_to_nobody(scene: Scene, state: str) -> None:
    """Nothing goes on, as was asked for."""
    keep(scene, DONE, STUCK)
    scene.declare("a")
    workflows.set_state(scene.database, scene.id, state)
    if state == "canceled":
        jobs.cancel(scene.database, scene.id)
    assert told(scene, leaving=True) == []


def test_what_is_blocked_by_a_failure_is_stuck(scene: Scene) -> None:
    """A worker that is still there says so; and again only when others have finished."""
    keep(scene, STUCK)
    first = scene.declare("a")
    scene.declare("b", name="n", blocked_by_maps=(first.map_id,))
    worker = scene.worker()
    assert told(scene) == []
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert told(scene) == [STUCK]
    assert told(scene, leaving=True) == []


def test_the_last_worker_to_leave_tells_that_jobs_are_left(scene: Scene) -> None:
    """While another works, or an allocation waits, it goes on."""
    keep(scene, STUCK)
    scene.declare("ab")
    first, second = scene.worker(), scene.worker()
    leases.leave(scene.database, first)
    assert told(scene, leaving=True) == []
    (allocation_id,) = allocations.create(scene.database, scene.id, "slurm", 1)
    leases.leave(scene.database, second)
    assert told(scene, leaving=True) == []
    allocations.end(scene.database, allocation_id, "failed", "gone")
    assert told(scene) == [], "who looks does not know whether anybody is about to bring a worker"
    assert told(scene, leaving=True) == [STUCK]
    assert told(scene, leaving=True) == []


def test_who_looks_tells_of_a_worker_that_was_killed(scene: Scene) -> None:
    """It could tell nobody; but not where the workflow was made to run again since, and no worker came yet."""
    keep(scene, STUCK)
    scene.declare("ab")
    worker = scene.worker(pid=2**22 + 1, process_start=1.0)
    scene.complete(worker, scene.claim(worker, 1))
    leases.expire(scene.database, scene.id)
    assert told(scene) == [STUCK]
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert told(scene) == []


def test_failing_is_five_and_half(scene: Scene) -> None:
    """Told once in a run, whatever else fails; what failed in the run before does not count."""
    keep(scene, FAILING)
    scene.declare(range(20))
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 5))
    scene.complete(worker, scene.claim(worker, 4), JobStatus.FAILED)
    assert told(scene) == []
    scene.complete(worker, scene.claim(worker, 1), JobStatus.FAILED)
    assert told(scene) == [FAILING]
    scene.complete(worker, scene.claim(worker, 10), JobStatus.FAILED)
    assert told(scene) == []
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert told(scene) == [], "15 failed, but none of this run"
    scene.complete(worker, scene.claim(worker, 5), JobStatus.FAILED)
    assert told(scene) == [FAILING]


def test_of_many_who_ask_at_once_one_is_to_call_it(scene: Scene) -> None:
    """It is taken in one transaction."""
    keep(scene, DONE)
    scene.declare("a")
    scene.run_all(scene.worker())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: notifications.claim(scene.database, scene.id), range(24)))
    assert len([one for one in found if one is not None]) == 1


def test_who_claimed_it_and_is_gone_is_replaced(scene: Scene) -> None:
    """Rather twice than never; and what became of it is an event."""
    keep(scene, DONE)
    scene.declare("a")
    scene.run_all(scene.worker())
    telling = notifications.claim(scene.database, scene.id)
    assert telling is not None
    assert notifications.claim(scene.database, scene.id) is None
    with scene.database.write() as connection:
        connection.execute(
            schema.tellings.update().values(claimed=schema.tellings.c.claimed - notifications.ABANDONED - 1)
        )
    again = notifications.claim(scene.database, scene.id)
    assert again == telling
    notifications.told(scene.database, scene.id, telling, "scene: its job has finished", "it exited with 1: no")
    assert told(scene) == []
    (event,) = events.listed(scene.database, scene.id, kinds=["notification failed"])
    assert event.data["reason"] == "it exited with 1: no"
