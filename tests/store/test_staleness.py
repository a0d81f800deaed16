"""Jobs whose results are not what they would be now, found by comparing fingerprints."""

from __future__ import annotations

import pytest
from sqlalchemy import insert
from store.scene import COLLECT, FUNCTION, OTHER_FUNCTION, Scene, completion, digest, row

from torc_nb.models import Claim, JobStatus, Membership
from torc_nb.store import acceptance, jobs, results, schema, staleness
from torc_nb.store.idsets import Ids
from torc_nb.store.staleness import Code

CODE, OTHER_CODE, COLLECTING = digest("code"), digest("other code"), digest("collecting")
AS_MAPPED = Code({}, {})


@pytest.fixture
def stored(scene: Scene) -> Scene:
    """A scene whose functions are there, with a meaning each."""
    meanings = {FUNCTION: CODE, OTHER_FUNCTION: OTHER_CODE, COLLECT: COLLECTING}
    with scene.database.write() as connection:
        for id_, meaning in meanings.items():
            connection.execute(
                insert(schema.functions).values(
                    id=id_, workflow_id=scene.id, name="f", version=id_, created=0.0, digest=meaning, payload=b"",
                    python="3.11", source="", details={},
                )
            )  # fmt: skip
    return scene


def test_nothing_is_stale_of_what_ran_as_it_stands(stored: Scene) -> None:
    """Completed, failed and collecting jobs, with the parameters and the code that they used."""
    stored.declare("abc", postprocess_id=COLLECT)
    worker = stored.worker()
    found = stored.claim(worker)
    _end(stored, worker, found[:1], JobStatus.FAILED)
    _end(stored, worker, found[1:])
    assert not len(_stale(stored).all())


def test_parameters_that_were_changed(stored: Scene) -> None:
    """Of a finished job, and of one that runs; changed back, they are as they were."""
    outcome = stored.declare([row(value, key=value) for value in "abcd"])
    worker = stored.worker()
    done, failed, running, _ = stored.claim(worker)
    _end(stored, worker, [done])
    _end(stored, worker, [failed], JobStatus.FAILED)
    stored.exchange(worker, started=[running])
    changed = [row(new, key=old) for old, new in zip("abcd", "ABCd", strict=True)]
    assert stored.declare(changed).changed == 3
    assert list(_stale(stored).params) == [done.job_id, failed.job_id, running.job_id]
    assert stored.job(running.job_id).replaced == "c"
    assert stored.declare([row(value, key=value) for value in "abcd"]).changed == 3
    assert not len(_stale(stored).all())
    assert [job.replaced for job in stored.jobs(outcome.map_id)] == [None] * 4


def test_code_that_is_another_by_now(stored: Scene) -> None:
    """Where the map was given other code, or the notebook has other code; one that runs is among them only then."""
    outcome = stored.declare("ab", postprocess_id=COLLECT)
    worker = stored.worker()
    done, running = stored.claim(worker)
    _end(stored, worker, [done])
    edited = Code({outcome.map_id: OTHER_CODE}, {})
    assert list(_stale(stored, edited).code) == [done.job_id, running.job_id]
    assert not len(_stale(stored, edited._replace(is_compared=False)).all())
    stored.declare("ab", postprocess_id=COLLECT, function_id=OTHER_FUNCTION)
    assert list(_stale(stored).code) == [done.job_id]


def test_an_edited_postprocess(stored: Scene) -> None:
    """Only it is stale, whose fingerprint is that of its code alone."""
    stored.declare("ab", postprocess_id=COLLECT)
    worker = stored.worker()
    _end(stored, worker, stored.claim(worker))
    (collecting,) = stored.claim(worker)
    _end(stored, worker, [collecting])
    assert not len(_stale(stored).all())
    assert list(_stale(stored, Code({}, {collecting.job_id: CODE})).all()) == [collecting.job_id]


def test_a_canceled_job_is_judged_by_its_last_attempt(stored: Scene) -> None:
    """It has no result, but what it was stopped with is known; one that never ran has nothing to differ."""
    outcome = stored.declare("ab")
    worker = stored.worker()
    (running,) = stored.claim(worker, 1)
    jobs.cancel(stored.database, stored.id)
    _end(stored, worker, [running], JobStatus.TERMINATED)
    assert not len(_stale(stored).all())
    assert list(_stale(stored, Code({outcome.map_id: OTHER_CODE}, {})).all()) == [running.job_id]


def test_code_that_is_not_stored_any_more_is_not_compared(scene: Scene) -> None:
    """There is nothing to compare with."""
    scene.declare("ab")
    scene.run_all(scene.worker())
    assert not len(_stale(scene).all())


def test_still_stale_looks_again(stored: Scene) -> None:
    """What was run meanwhile is not stale any more."""
    outcome = stored.declare("ab")
    stored_ids = [job.id for job in stored.jobs(outcome.map_id)]
    worker = stored.worker()
    _end(stored, worker, stored.claim(worker))
    edited = Code({outcome.map_id: OTHER_CODE}, {})
    with stored.database.read() as connection:
        assert staleness.still(connection, stored.id, edited, stored_ids[:1]) == set(stored_ids[:1])
        assert staleness.still(connection, stored.id, AS_MAPPED, stored_ids) == set()


def test_accepted_results_count_as_those_of_the_code_as_it_is(stored: Scene) -> None:
    """All or some of them; the version that made them stays, and a changed parameter stays changed."""
    outcome = stored.declare([row(value, key=value) for value in "abc"])
    worker = stored.worker()
    _end(stored, worker, stored.claim(worker))
    first, second, third = (job.id for job in stored.jobs(outcome.map_id))
    stored.declare([row(new, key=old) for old, new in zip("abc", "abC", strict=True)])
    edited = Code({outcome.map_id: OTHER_CODE}, {})
    assert acceptance.accept(stored.database, stored.id, edited, [second, 999]) == 1
    assert (list(_stale(stored, edited).code), list(_stale(stored, edited).params)) == ([first], [third])
    assert acceptance.accept(stored.database, stored.id, edited) == 2
    assert (list(_stale(stored, edited).code), list(_stale(stored, edited).params)) == ([], [third])
    assert {found.function_id for found in results.attempts(stored.database, stored.id)} == {FUNCTION}


def test_ids_are_a_set_in_order() -> None:
    """Added once, found again, in their order, in pieces, and gone when discarded."""
    ids = Ids([70_000, 3, 1, 3, 9])
    assert ids.add(8)
    assert not ids.add(8)
    assert (list(ids), len(ids)) == ([1, 3, 8, 9, 70_000], 5)
    assert (8 in ids, 7 in ids, 10**9 in ids) == (True, False, False)
    assert list(ids.pieces(2)) == [[1, 3], [8, 9], [70_000]]
    ids.discard(8)
    ids.discard(8)
    assert (list(ids), len(ids)) == ([1, 3, 9, 70_000], 4)
    assert list(Ids().pieces(3)) == []


def _end(scene: Scene, worker: Membership, claims: list[Claim], status: JobStatus = JobStatus.COMPLETED) -> None:
    meanings = {FUNCTION: CODE, OTHER_FUNCTION: OTHER_CODE, COLLECT: COLLECTING}
    done = [
        completion(claim, status, fingerprint=claim.params_digest + meanings[claim.function_id]) for claim in claims
    ]
    scene.exchange(worker, completions=done)


def _stale(scene: Scene, code: Code = AS_MAPPED) -> staleness.Stale:
    return staleness.find(scene.database, scene.id, code)
