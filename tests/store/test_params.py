"""What jobs are given, changed: revisions, races with claims, what an attempt was given before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from store.scene import Scene, digest, row

from torc_nb.models import JobStatus
from torc_nb.store import Database, leases, params, results, schema


def _change(scene: Scene, job_id: int, value: str, rev: int | None = None) -> params.Outcome:
    seen = scene.job(job_id).rev if rev is None else rev
    return params.replace(scene.database, scene.id, [params.Change(job_id, seen, value, digest(value))])


def test_a_ready_job_takes_the_new_value_at_once(scene: Scene) -> None:
    """Its claim brings the new value; nothing was replaced, as nothing ran."""
    scene.declare("ab")
    written = _change(scene, 1, "x").written[1]
    assert written == params.Written(JobStatus.READY, 2, is_back=False)
    claims = scene.claim(scene.worker())
    assert [(claim.params, claim.params_digest) for claim in claims] == [("x", digest("x")), ("b", digest("b"))]
    assert scene.job(1).replaced is None


def test_a_job_that_began_keeps_what_its_attempt_was_given(scene: Scene) -> None:
    """The first change is what counts: it is what the attempt uses; a change back to it leaves nothing to do."""
    scene.declare("a")
    worker = scene.worker()
    claims = scene.claim(worker)
    assert _change(scene, 1, "x").written[1].status is JobStatus.PENDING
    _change(scene, 1, "y")
    assert (scene.job(1).replaced, scene.job(1).params) == ("a", "y")
    scene.complete(worker, claims)
    assert (scene.job(1).status, scene.job(1).replaced) == (JobStatus.COMPLETED, "a")
    assert bytes(results.effective(scene.database, 1).fingerprint[:16]) == digest("a")
    back = _change(scene, 1, "a").written[1]
    assert (back.is_back, scene.job(1).replaced, scene.job(1).rev) == (True, None, 4)
    assert _change(scene, 1, "z").written[1].status is JobStatus.COMPLETED
    assert scene.job(1).replaced == "a"


def test_the_same_value_changes_nothing(scene: Scene) -> None:
    """Neither revision nor state; even where the revision seen is an old one."""
    scene.declare("a")
    _change(scene, 1, "x")
    assert _change(scene, 1, "x", rev=1).written[1].rev == 2
    assert (scene.job(1).rev, scene.job(1).params) == (2, "x")


def test_a_newer_revision_is_refused_and_nothing_is_written(scene: Scene) -> None:
    """Of several changes one meets a change of somebody else: none is written."""
    scene.declare("abc")
    _change(scene, 2, "theirs")
    ours = [params.Change(job_id, 1, "ours", digest("ours")) for job_id in (3, 1, 2, 77)]
    outcome = params.replace(scene.database, scene.id, ours)
    assert outcome.written == {}
    theirs = outcome.stale[2]
    assert theirs is not None
    assert (sorted(outcome.stale), theirs.params, theirs.rev) == ([2, 77], "theirs", 2)
    assert scene.values() == ["a", "theirs", "c"]


def test_jobs_of_other_workflows_are_not_touched(scene: Scene, tmp_path: Any) -> None:
    """A job's id alone does not do."""
    scene.declare("a")
    other = Scene(scene.database, tmp_path / "other", "other")
    outcome = params.replace(scene.database, other.id, [params.Change(1, 1, "x", digest("x"))])
    assert outcome.stale == {1: None}
    assert scene.values() == ["a"]


def test_more_than_a_piece_is_refused_before_the_first_is_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large changes go in several transactions; a known conflict in the last stops the first."""
    monkeypatch.setattr(params, "PIECE", 3)
    scene.declare(range(10))
    _change(scene, 10, "theirs")
    ours = [params.Change(job_id, 1, f"n{job_id}", digest(f"n{job_id}")) for job_id in range(1, 11)]
    assert list(params.replace(scene.database, scene.id, ours).stale) == [10]
    assert scene.values()[:9] == [str(n) for n in range(9)]
    assert len(params.replace(scene.database, scene.id, ours[:9]).written) == 9
    assert scene.values() == [*(f"n{n}" for n in range(1, 10)), "theirs"]


def test_a_value_survives_a_call_of_map_that_repeats_the_original(scene: Scene) -> None:
    """By value as by key; and a call that gives another value wins."""
    scene.declare("abc")
    scene.declare([row("k1", key="1"), row("k2", key="2")], name="keyed")
    for job_id in (2, 4):
        _change(scene, job_id, "x")
    again = scene.declare("abc")
    assert (again.before, again.new, again.absent, scene.values()) == (3, 0, 0, ["a", "x", "c"])
    assert scene.declare([row("k1", key="1"), row("k2", key="2")], name="keyed").changed == 0
    assert scene.values("keyed") == ["x", "k2"]
    assert scene.declare([row("new", key="1"), row("k2", key="2")], name="keyed").changed == 1
    assert scene.values("keyed") == ["new", "k2"]


def test_a_late_result_for_the_old_value_does_not_count(scene: Scene) -> None:
    """A worker was given up while it ran the old value: what it still brings does not complete the job."""
    scene.declare("a")
    first, second = scene.worker(boot_id="elsewhere"), scene.worker()
    old = scene.claim(first)
    _change(scene, 1, "x")
    with scene.database.read() as connection:
        now = scene.database.now(connection)
    scene.set_worker(first, last_seen=now - 1000, lease_expires=now - 1000 + leases.LEASE)
    assert leases.expire(scene.database, scene.id) == 0  # it is granted one more lease
    scene.set_worker(first, lease_expires=now - 1)
    assert leases.expire(scene.database, scene.id) == 1
    new = scene.claim(second)
    assert [claim.params for claim in new] == ["x"]
    scene.complete(first, old)
    assert scene.job(1).status == JobStatus.PENDING
    scene.complete(second, new)
    assert bytes(results.effective(scene.database, 1).fingerprint[:16]) == digest("x")


def _together(*works: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # shown below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_two_that_change_one_row_at_once(scene: Scene, store_url: str) -> None:
    """Each row has exactly one winner; the other one is told the winner's value."""
    scene.declare(range(40))
    outcomes: dict[str, params.Outcome] = {}

    def change(who: str) -> None:
        database = Database.open(store_url)
        merged = params.Outcome()
        for job_id in range(1, 41):
            done = params.replace(database, scene.id, [params.Change(job_id, 1, who, digest(who))])
            merged.written |= done.written
            merged.stale |= done.stale
        outcomes[who] = merged
        database.close()

    _together(lambda: change("me"), lambda: change("you"))
    for job_id in range(1, 41):
        winners = [who for who, outcome in outcomes.items() if job_id in outcome.written]
        assert len(winners) == 1
        (loser,) = {"me", "you"} - set(winners)
        theirs = outcomes[loser].stale[job_id]
        assert theirs is not None
        assert theirs.params == scene.job(job_id).params == winners[0]
        assert scene.job(job_id).rev == 2


def test_changes_that_race_with_claims(scene: Scene, store_url: str) -> None:
    """Each attempt used what its job's ``replaced``, else ``params``, tells, whichever came first."""
    scene.declare(range(60))
    done = threading.Event()

    def work() -> None:
        database = Database.open(store_url)
        worker = scene.worker()
        while True:
            was_last = done.is_set()
            claims = scene.claim(worker, 2)
            scene.complete(worker, claims)
            if was_last and not claims:
                break
        database.close()

    def modify() -> None:
        try:
            for attempt in range(3):
                for job_id in range(60, 0, -1):
                    _change(scene, job_id, f"{job_id}.{attempt}")
        finally:
            done.set()

    _together(work, modify)
    assert scene.counts() == {"completed": 60}
    table = schema.results
    with scene.database.read() as connection:
        used = {row.job_id: bytes(row.fingerprint[:16]) for row in connection.execute(select(table))}
    before = 0
    for job_id, fingerprint in used.items():
        job = scene.job(job_id)
        assert job.params == f"{job_id}.2"
        assert fingerprint == digest(job.params if job.replaced is None else job.replaced)
        before += job.replaced is not None
    assert len(used) == 60
    assert before  # the claims did meet the changes


def test_params_of_some_and_of_all(scene: Scene) -> None:
    """By ids that stand close together, and by ones that are far from each other."""
    outcome = scene.declare([row(n, key=str(n)) for n in range(50)])
    every = [tuple(found) for found in params.of_map(scene.database, scene.id, outcome.map_id)]
    assert every[7] == (8, "7", JobStatus.READY, "7", 1)
    for ids in ([8], [1, 50], [3, 4, 5], [], list(range(1, 51))):
        found = params.of_jobs(scene.database, outcome.map_id, ids)
        assert [tuple(one) for one in found] == [every[job_id - 1] for job_id in ids]
