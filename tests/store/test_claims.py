"""Claims and completions: each job once, whatever is lost on the way."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import event, update
from store.scene import COLLECT, OTHER_FUNCTION, Scene, check_counts, completion, row

from torc_nb.models import JobStatus
from torc_nb.store import claims, counts, jobs, leases, maps, resetting, results, schema, workflows
from torc_nb.store.idsets import Ids

#: Of several at once: SQLite lets one transaction write at a time.
POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def test_a_claim_carries_what_the_worker_needs(scene: Scene) -> None:
    """The most urgent come first, then in order; each with its parameters and attempt."""
    outcome = scene.declare("abc")
    with scene.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.params == "c").values(priority=5))
    worker = scene.worker()
    found = scene.claim(worker, 2)
    assert [(claim.params, claim.attempt, claim.map_id, claim.run_id) for claim in found] == [
        ("c", 1, outcome.map_id, 1),
        ("a", 1, outcome.map_id, 1),
    ]
    assert found[0].params_digest == row("c").digest
    assert scene.counts() == {"ready": 1, "pending": 2}


def test_room_is_asked_for_each_group(scene: Scene) -> None:
    """The worker is told how many are ready and how many share them; no room, no claim."""
    scene.declare("abc")
    scene.declare("de", name="n", requirement_id=scene.require(num_cpus=2))
    worker = scene.worker()
    scene.worker()
    asked: list[tuple[int, int]] = []

    def room(_group: object, ready: int, sharing: int) -> int:
        asked.append((ready, sharing))
        return 0

    assert claims.exchange(scene.database, scene.id, worker.id or 0, room=room).claims == []
    assert asked == [(3, 2), (2, 2)]


@pytest.mark.parametrize("state", ["created", "paused", "canceled"])
def test_nothing_is_claimed_of_a_workflow_that_is_not_started(scene: Scene, state: str) -> None:
    """Before its start, while it is paused and after its cancel a workflow's jobs stay where they are."""
    scene.declare("ab")
    workflows.set_state(scene.database, scene.id, state)
    worker = scene.worker()
    answer = scene.exchange(worker, 10)
    assert (answer.claims, answer.state) == ([], state)


def test_running_and_completed_jobs_are_recorded(scene: Scene) -> None:
    """Pending, running, completed, with the result as it was reported."""
    scene.declare("a")
    worker = scene.worker()
    (claim,) = scene.claim(worker)
    scene.exchange(worker, started=[claim])
    assert scene.counts() == {"running": 1}
    scene.complete(worker, [claim], was_running=True)
    assert scene.counts() == {"completed": 1}
    result = results.effective(scene.database, claim.job_id)
    assert (result.value, result.peak_memory, result.late) == ("result of a", 2**33, False)
    assert bytes(result.fingerprint) == claim.params_digest + b"f" * 16


def test_began_and_ended_in_one_report(scene: Scene) -> None:
    """A job named both as started and as ended has ended."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.exchange(worker, started=found, completions=[completion(found[0])])
    assert scene.counts() == {"completed": 1}


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
def test_a_report_that_is_repeated_changes_nothing(scene: Scene, status: JobStatus) -> None:
    """When the acknowledgment was lost the worker reports again: one result, one count."""
    scene.declare("ab")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.exchange(worker, started=found)
    for _ in range(3):
        scene.exchange(worker, started=found)
        scene.complete(worker, found, status, was_running=True)
    assert scene.counts() == {status.label: 2}
    assert scene.rows("results") == 2


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
@pytest.mark.parametrize("was_running", [False, True])
def test_a_lost_word_that_it_began_loses_no_end(scene: Scene, status: JobStatus, was_running: bool) -> None:
    """Worker and database may differ on whether a job had begun; its end counts, good or bad."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    if not was_running:
        scene.exchange(worker, started=found)
    scene.complete(worker, found, status, was_running=was_running)
    assert scene.counts() == {status.label: 1}
    assert not results.effective(scene.database, found[0].job_id).late


def _lose(scene: Scene, worker: object) -> None:
    scene.set_worker(worker, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
    assert leases.expire(scene.database, scene.id) > 0


def test_a_late_result_of_unchanged_inputs_counts(scene: Scene) -> None:
    """After a lost lease the job is ready again; the first worker's result still spares the work."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    _lose(scene, worker)
    assert scene.counts() == {"ready": 1}
    answer = scene.exchange(worker, completions=[completion(found[0])])
    assert answer.had_lost_lease
    assert scene.counts() == {"completed": 1}
    assert not results.effective(scene.database, found[0].job_id).late
    assert leases.listed(scene.database, scene.id)[0].state == "running"


def test_a_late_result_stops_the_attempt_that_runs_meanwhile(scene: Scene) -> None:
    """Where another worker runs the job by then, it is asked to stop, and what it reports is kept as late."""
    scene.declare("a")
    first, second = scene.worker(), scene.worker()
    old = scene.claim(first)
    _lose(scene, first)
    new = scene.claim(second)
    scene.complete(first, old)
    assert scene.exchange(second).cancel == [(new[0].job_id, 2)]
    scene.complete(second, new, JobStatus.TERMINATED)
    assert scene.counts() == {"completed": 1}
    assert results.effective(scene.database, old[0].job_id).attempt == 1
    assert [attempt.late for attempt in results.attempts(scene.database, scene.id)] == [False, True]


@pytest.mark.parametrize(
    "statuses", [(JobStatus.COMPLETED, JobStatus.COMPLETED), (JobStatus.FAILED, JobStatus.COMPLETED)]
)
def test_a_worker_that_gets_a_job_again_tells_of_both_attempts(
    scene: Scene, statuses: tuple[JobStatus, JobStatus]
) -> None:
    """Of what it tells at once the attempt that it was given last counts, and counts once."""
    scene.declare("a")
    worker = scene.worker()
    first = scene.claim(worker)[0]
    _lose(scene, worker)
    second = scene.claim(worker)[0]
    scene.exchange(worker, started=[first, second])
    check_counts(scene.database)
    done = [completion(one, status) for one, status in zip((first, second), statuses, strict=True)]
    scene.exchange(worker, completions=[one._replace(was_running=True) for one in done])
    check_counts(scene.database)
    assert results.effective(scene.database, first.job_id).attempt == 2
    assert [attempt.late for attempt in results.attempts(scene.database, scene.id)] == [True, False]


def test_a_late_result_after_another_finished_is_kept_beside(scene: Scene) -> None:
    """The attempt that finished first stays the job's result."""
    scene.declare("a")
    first, second = scene.worker(), scene.worker()
    old = scene.claim(first)
    _lose(scene, first)
    scene.complete(second, scene.claim(second))
    for _ in range(2):
        scene.complete(first, old)
    assert results.effective(scene.database, old[0].job_id).attempt == 2
    assert [attempt.late for attempt in results.attempts(scene.database, scene.id)] == [True, False]


def _modify(scene: Scene) -> None:
    with scene.database.write() as connection:
        connection.execute(update(schema.jobs).values(params="b", params_digest=row("b").digest))


def _change_code(scene: Scene) -> None:
    scene.declare("a", function_id=OTHER_FUNCTION)


def _cancel(scene: Scene) -> None:
    jobs.cancel(scene.database, scene.id)


@pytest.mark.parametrize("change", [_modify, _change_code, _cancel])
def test_a_late_result_of_changed_inputs_does_not_count(scene: Scene, change: Callable[[Scene], None]) -> None:
    """New parameters, new code or a cancel since the lease was lost: the old result is kept as late only."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    _lose(scene, worker)
    change(scene)
    before = scene.counts()
    scene.complete(worker, found)
    assert scene.counts() == before
    assert [attempt.late for attempt in results.attempts(scene.database, scene.id)] == [True]


def test_a_late_postprocess_of_earlier_results_does_not_count(scene: Scene) -> None:
    """A row ran again since its worker was cut off, and the list that it was given has changed."""
    scene.declare("a", postprocess_id=COLLECT)
    worker, other = scene.worker(), scene.worker()
    scene.complete(worker, scene.claim(worker))
    (collecting,) = scene.claim(worker)
    _lose(scene, worker)
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    (again,) = scene.claim(other)
    scene.complete(other, [again])
    assert scene.counts() == {"completed": 1, "ready": 1}
    scene.complete(worker, [collecting])
    assert scene.counts() == {"completed": 1, "ready": 1}


def test_a_claim_is_given_what_stands_now(scene: Scene) -> None:
    """What an attempt was given before, that did not end, is forgotten with the next claim."""
    scene.declare("a")
    worker = scene.worker()
    scene.claim(worker)
    with scene.database.write() as connection:
        connection.execute(update(schema.jobs).values(params="b", params_digest=row("b").digest, replaced="a"))
    _lose(scene, worker)
    (claim,) = scene.claim(scene.worker())
    assert (claim.params, scene.job(claim.job_id).replaced) == ("b", None)


@POSTGRESQL
def test_what_is_made_to_run_again_while_it_is_claimed_bears_the_new_run_and_code(scene: Scene) -> None:
    """It became ready after the transaction that claims it had begun, a moment before it took it."""
    scene.declare("a")
    worker = scene.worker()
    scene.run_all(worker)
    scene.declare("ab")  # the worker comes for b

    def with_other_code() -> None:
        with scene.database.write() as connection:
            connection.execute(update(schema.maps).values(function_id=OTHER_FUNCTION))

    _before_a_claim(scene, lambda: resetting.run_again(scene.database, scene.id, Ids([1]), once_aside=with_other_code))
    found = scene.claim(worker)
    assert [(one.params, one.run_id, one.function_id) for one in found] == [("a", 2, OTHER_FUNCTION)]


@POSTGRESQL
def test_what_is_made_to_wait_while_it_is_claimed_waits(scene: Scene) -> None:
    """What its map waits for was made to run again a moment before it was claimed: it would be given what is old."""
    first = scene.declare("a")
    scene.declare("bc", name="n", blocked_by_maps=(first.map_id,))
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    _before_a_claim(scene, lambda: resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED]))
    assert scene.claim(worker) == []
    check_counts(scene.database)
    again = scene.claim(worker)
    assert [one.params for one in again] == ["a"]
    scene.complete(worker, again)
    assert [(one.params, one.attempt) for one in scene.claim(worker)] == [("b", 1), ("c", 1)]


def _before_a_claim(scene: Scene, happens: Callable[[], object]) -> None:
    """Let something happen, once, after the transaction of a claim has begun and before it takes any job."""
    has_happened: list[bool] = []

    def look(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "SKIP LOCKED" in statement and not has_happened:
            has_happened.append(True)
            happens()

    event.listen(scene.database.engine, "before_cursor_execute", look)


def test_a_late_failure_does_not_count(scene: Scene) -> None:
    """The job gets its second chance, whatever the worker that was cut off reports."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    _lose(scene, worker)
    scene.complete(worker, found, JobStatus.FAILED)
    assert scene.counts() == {"ready": 1}


def test_a_report_on_a_deleted_workflow(scene: Scene) -> None:
    """The worker is told, and nothing of its report stays."""
    scene.declare("a")
    worker = scene.worker()
    found = scene.claim(worker)
    workflows.remove(scene.database, scene.id)
    assert scene.exchange(worker, 10, completions=[completion(found[0])]).state == "deleted"
    assert leases.leave(scene.database, worker) == 0
    assert (scene.rows("results"), scene.rows("events"), scene.rows("job_counts")) == (0, 0, 0)


def test_an_idle_worker_stays_while_something_may_become_ready(scene: Scene) -> None:
    """Ready, claimed or waiting on those: stay. Finished, or waiting for what failed: leave."""

    def may() -> bool:
        return claims.can_still_get_work(scene.database, scene.id)

    worker = scene.worker()
    assert not may()
    first = scene.declare("a", postprocess_id=3)
    scene.declare("b", name="n", blocked_by_maps=(first.map_id,))
    assert may()
    found = scene.claim(worker)
    assert may()
    scene.complete(worker, found, JobStatus.FAILED)
    assert scene.counts() == {"failed": 1, "canceled": 1, "ready": 1}
    assert not may()
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    assert may()


def test_what_a_dead_worker_forgot_to_release_keeps_the_idle_one(scene: Scene) -> None:
    """Between the last completion and the release nothing is ready; an idle worker looks before it leaves."""
    scene.declare("a", postprocess_id=3)
    worker = scene.worker()
    scene.run_all(worker)
    with scene.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.map_id == 0).values(status=1, result_attempt=None))
        kept = schema.job_counts
        connection.execute(kept.delete().where(kept.c.map_id == 0))
        connection.execute(
            kept.insert().values(
                workflow_id=scene.id, map_id=0, requirement_id=scene.requirement, status=1, shard=0, n=1
            )
        )
    assert claims.can_still_get_work(scene.database, scene.id)
    assert scene.counts() == {"completed": 1, "ready": 1}


_WORKER = """
import os, sys
sys.path[:0] = sys.argv[3].split(os.pathsep)
from store.scene import Scene, completion
from torc_nb.store import Database
scene = Scene.__new__(Scene)
scene.database, scene.id = Database.open(sys.argv[1]), int(sys.argv[2])
worker = scene.worker()
sys.stdin.readline()
done = []
while True:
    found = scene.exchange(worker, 7, completions=[completion(claim) for claim in done]).claims
    if not found:
        break
    print(*(claim.job_id for claim in found))
    done = found
"""


def test_processes_that_claim_at_once_share_the_jobs(scene: Scene) -> None:
    """Four processes claim and complete together: each job is run exactly once and has one result."""
    n = 600
    scene.declare(range(n))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, scene.database.url, str(scene.id), ":".join(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    printed = [process.communicate("go\n")[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert Counter(int(job_id) for job_ids in printed for job_id in job_ids) == Counter(range(1, n + 1))
    assert scene.counts() == {"completed": n}
    assert scene.rows("results") == n


def test_among_maps_of_equal_priority_the_most_urgent_is_asked_about_first(scene: Scene) -> None:
    """What the worker says of groups orders those of one priority, never those of different ones."""
    first, second = scene.declare("ab", name="first").map_id, scene.declare("cd", name="second").map_id
    third = scene.declare("ef", name="third", priority=1).map_id
    urgent = {first: 5.0, second: 7.0, third: 0.0}
    told: list[tuple[dict[int, int], int]] = []

    def urgency(ready: Mapping[counts.Group, int], workers: int) -> dict[counts.Group, tuple[float]]:
        told.append(({group.map_id: n for group, n in ready.items()}, workers))
        return {group: (urgent[group.map_id],) for group in ready}

    found = scene.exchange(scene.worker(), 1, urgency=urgency).claims
    assert [claim.map_id for claim in found] == [third, second, first]
    assert told == [({third: 2, first: 2, second: 2}, 1)]
    urgent = dict.fromkeys(urgent, 1.0)
    found = scene.exchange(scene.worker(), 1, urgency=urgency).claims
    assert [claim.map_id for claim in found] == [third, first, second]


def test_maps_of_a_higher_priority_come_first(scene: Scene) -> None:
    """At once when it is set; a call that repeats the map leaves it so, one that gives another priority does not."""
    scene.declare("ab", name="first")
    later = scene.declare("cd", name="later")

    def order() -> list[int]:
        with scene.database.read() as connection:
            return [group.map_id for group in counts.ready(connection, scene.id)]

    assert order() == sorted(order())
    maps.set_priority(scene.database, later.map_id, 5)
    assert [claim.params for claim in scene.claim(scene.worker(), 1)] == ["c", "a"]
    assert order()[0] == later.map_id
    scene.declare("cd", name="later")
    assert order()[0] == later.map_id
    assert {job.priority for job in jobs.listed(scene.database, scene.id, map_id=later.map_id)} == {5}
    scene.declare("cd", name="later", priority=-1)
    assert order()[-1] == later.map_id
