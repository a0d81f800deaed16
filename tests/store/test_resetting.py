"""Finished jobs made ready again, and all that follows from them."""

from __future__ import annotations

import traceback
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from store.scene import COLLECT, Scene

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus, ResourceRequirementsModel
from torc_nb.store import (
    building,
    counts,
    dependencies,
    downstream,
    jobs,
    moves,
    requirements,
    resetting,
    results,
    returning,
    schema,
    workflows,
)
from torc_nb.store.idsets import Ids


def test_rerun_takes_the_chosen_statuses_only(scene: Scene) -> None:
    """Failed jobs run again under a new run id and attempt; completed ones keep their results."""
    scene.declare("abc")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:1])
    scene.complete(worker, found[1:], JobStatus.FAILED)
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED, JobStatus.READY]).ready == 2
    assert scene.counts() == {"completed": 1, "ready": 2}
    again = scene.claim(worker)
    assert [(claim.run_id, claim.attempt) for claim in again] == [(2, 2), (2, 2)]
    scene.complete(worker, again)
    assert scene.counts() == {"completed": 3}
    assert scene.rows("results") == 5


def test_what_a_job_was_rerun_with_outlasts_the_worker_that_had_it(scene: Scene) -> None:
    """Mapped once more, given back, or failed, it asks the same; rerun without, it asks what its map asks."""
    scene.declare("a")
    first = scene.worker()
    scene.complete(first, scene.claim(first), JobStatus.FAILED)
    (of_map,) = {job.requirement_id for job in jobs.listed(scene.database, scene.id)}
    own = requirements.keep(
        scene.database, ResourceRequirementsModel(workflow_id=scene.id, memory=2**30), of_jobs=True
    ).id
    assert own is not None
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED], instead=lambda _: own)
    scene.declare("a")  # as Run All does
    for leave in (
        lambda found: returning.give_back(scene.database, scene.id, first.id, [claim.job_id for claim in found]),
        lambda found: scene.complete(first, found, JobStatus.FAILED),
    ):
        found = scene.claim(first)
        assert [claim.requirement_id for claim in found] == [own]
        leave(found)
        assert jobs.get(scene.database, 1).requirement_id == own
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    assert [claim.requirement_id for claim in scene.claim(first)] == [of_map]


def test_a_job_that_is_rerun_has_no_result_until_it_ends(scene: Scene) -> None:
    """Its earlier attempt stays in the list of attempts, but is not its result any more."""
    outcome = scene.declare("a")
    worker = scene.worker()
    scene.run_all(worker)
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    ((_, _, status, _, value),) = [
        row for chunk in [list(results.of_map(scene.database, scene.id, outcome.map_id))] for row in chunk
    ]
    assert (status, value) == (JobStatus.READY, None)
    assert len(results.attempts(scene.database, scene.id)) == 1
    with pytest.raises(NotFound, match="no result yet"):
        results.effective(scene.database, scene.jobs(outcome.map_id)[0].id)


def test_what_another_call_lets_run_again_does_so_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun that finds a job set aside by somebody else leaves it, where that one's work is done by then."""
    outcome = scene.declare("ab")
    worker = scene.worker()
    scene.run_all(worker)
    theirs, ours = [job.id for job in scene.jobs(outcome.map_id)]
    set_aside = resetting._set_aside
    aside = set_aside(scene.database, scene.id, Ids([theirs]), None)

    def after_the_other(*arguments: Any, **options: Any) -> Ids:
        monkeypatch.setattr(resetting, "_set_aside", set_aside)
        resetting.run_again(scene.database, scene.id, aside)
        scene.run_all(worker)
        return set_aside(*arguments, **options)

    monkeypatch.setattr(resetting, "_set_aside", after_the_other)
    assert resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [ours]).ready == 1
    assert scene.counts() == {"completed": 1, "ready": 1}
    assert [claim.job_id for claim in scene.claim(worker)] == [ours]


def test_rerun_of_nothing_starts_no_run(scene: Scene) -> None:
    """Where no job is in the chosen status the run id stays."""
    scene.declare("a")
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]).ready == 0
    assert workflows.get(scene.database, scene.id).run_id == 1


def test_rerun_of_a_failed_postprocess_alone(scene: Scene) -> None:
    """When all rows completed it becomes ready by itself; when one failed it cannot."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert scene.counts() == {"completed": 2, "failed": 1}
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]).ready == 1
    assert workflows.get(scene.database, scene.id).run_id == 2
    scene.run_all(worker)
    assert scene.counts() == {"completed": 3}


def test_rerun_lets_the_postprocess_wait_again(scene: Scene) -> None:
    """Its old result is of the old rows; it runs again when they have, even if it runs at this moment."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker))
    (collecting,) = scene.claim(worker)
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert scene.counts() == {"ready": 2, "blocked": 1}
    assert scene.exchange(worker).cancel == [(collecting.job_id, 1)]
    scene.complete(worker, [collecting])
    assert scene.run_all(worker) == 3
    assert scene.counts() == {"completed": 3}
    assert results.effective(scene.database, collecting.job_id).attempt == 2


def test_rerun_of_a_postprocess_whose_rows_failed_does_nothing(scene: Scene) -> None:
    """Asking for canceled jobs alone leaves it canceled: its rows have not completed."""
    scene.declare("ab", postprocess_id=COLLECT)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert resetting.rerun(scene.database, scene.id, [JobStatus.CANCELED]).ready == 0
    assert scene.counts() == {"failed": 2, "canceled": 1}


def test_rerun_reaches_all_that_follows(scene: Scene) -> None:
    """Map to postprocess, map to map, map to job, and job to job; what does not follow keeps its result."""
    first = scene.declare("ab", postprocess_id=COLLECT)
    second = scene.declare("cd", name="n", blocked_by_maps=(first.map_id,))
    scene.declare("ef", name="other", postprocess_id=COLLECT)
    after_map, after_job = _plain(scene, 2)
    with scene.database.write() as connection:
        dependencies.after_map(connection, second.map_id, job_id=after_map)
        dependencies.after_jobs(connection, after_job, [after_map])
    worker = scene.worker()
    assert scene.run_all(worker) == 10
    (row, _) = scene.jobs(first.map_id)
    done = resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [row.id])
    assert done == resetting.Done(ready=1, waits=5, run_id=2)
    assert workflows.statuses(scene.database, scene.id) == {
        JobStatus.READY: 1, JobStatus.BLOCKED: 5, JobStatus.COMPLETED: 4,
    }  # fmt: skip
    scene.run_all(worker)
    assert scene.counts() == {"completed": 10}
    again = [found.job_id for found in results.attempts(scene.database, scene.id) if found.run_id == 2]
    postprocess = next(job.id for job in scene.jobs(0) if job.collects == first.map_id)
    assert sorted(again) == sorted(
        [row.id, postprocess, after_map, after_job, *(job.id for job in scene.jobs(second.map_id))]
    )


def test_rerun_reaches_jobs_that_take_the_result_of_one(scene: Scene) -> None:
    """Of a map that takes another's results row by row, only those whose source runs again."""
    first = scene.declare("abc")
    second = scene.declare("ABC", name="n")
    sources, takers = scene.jobs(first.map_id), scene.jobs(second.map_id)
    with scene.database.write() as connection:
        for source, taker in zip(sources, takers, strict=True):
            connection.execute(update(schema.jobs).where(schema.jobs.c.id == taker.id).values(source_id=source.id))
        connection.execute(
            insert(schema.map_dependencies).values(map_id=second.map_id, blocked_by_map_id=first.map_id, each=True)
        )
    scene.run_all(scene.worker())
    following = downstream.of(scene.database, Ids([sources[1].id]))
    assert list(following.jobs) == [takers[1].id]
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [sources[1].id])
    assert [JobStatus(job.status) for job in scene.jobs(second.map_id)] == [
        JobStatus.COMPLETED, JobStatus.BLOCKED, JobStatus.COMPLETED,
    ]  # fmt: skip


def test_rerun_reaches_those_who_read_what_was_made(scene: Scene) -> None:
    """Through user data and through files; who makes ephemeral data for those runs again too."""
    maker, reader, writer, needer = _plain(scene, 4)
    with scene.database.write() as connection:
        for key, ephemeral in ((100, True), (102, False)):
            connection.execute(
                insert(schema.user_data).values(
                    id=key, workflow_id=scene.id, name="d", data="1", rev=1, is_ephemeral=ephemeral
                )
            )
        for job_id, key, relation in (
            (maker, 100, "stores"), (reader, 100, "consumes"), (reader, 102, "stores"), (writer, 102, "consumes"),
        ):  # fmt: skip
            connection.execute(insert(schema.job_user_data).values(job_id=job_id, user_data_id=key, relation=relation))
        for job_id, relation in ((writer, "produces"), (needer, "needs")):
            connection.execute(insert(schema.job_files).values(job_id=job_id, file_id=1, relation=relation))
        for before, after in ((maker, reader), (reader, writer), (writer, needer)):
            dependencies.after_jobs(connection, after, [before])
    _begin(scene)
    scene.run_all(scene.worker())
    assert list(downstream.of(scene.database, Ids([writer])).jobs) == [needer]
    assert list(downstream.of(scene.database, Ids([writer])).upstream) == []
    following = downstream.of(scene.database, Ids([reader]))
    assert (list(following.jobs), list(following.upstream)) == ([reader, writer, needer], [maker])
    done = resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [reader])
    assert (done.ready, done.waits) == (1, 3)


def test_jobs_that_wait_for_a_failed_one_stay_as_they_are(scene: Scene) -> None:
    """Only what can run is made ready: the rest of a chain of canceled jobs follows its failed beginning."""
    chain = _plain(scene, 3)
    with scene.database.write() as connection:
        for before, after in pairwise(chain):
            dependencies.after_jobs(connection, after, [before])
    _begin(scene)
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    assert scene.counts() == {"failed": 1, "canceled": 2}
    assert resetting.rerun(scene.database, scene.id, [JobStatus.CANCELED]) == resetting.Done(run_id=1)
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]) == resetting.Done(1, 2, run_id=2)
    assert scene.run_all(worker) == 3
    assert scene.counts() == {"completed": 3}


def test_many_jobs_in_short_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a piece, all or chosen, are moved once each."""
    for module in (resetting, downstream):
        monkeypatch.setattr(module, "PIECE", 7)
    first = scene.declare(range(50), postprocess_id=COLLECT)
    second = scene.declare(range(20), name="n", blocked_by_maps=(first.map_id,))
    scene.run_all(scene.worker())
    done = resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], range(1, 12))
    assert (done.ready, done.waits) == (11, 21)
    done = resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert (done.ready, done.waits) == (39, 0)
    assert scene.counts() == {"ready": 70, "blocked": 1}
    assert scene.run_all(scene.worker()) == 71
    assert {job.attempt for job in scene.jobs(second.map_id)} == {2}


@pytest.mark.parametrize("killed_in", ["_set_aside", "_let_wait", "_release"])
def test_what_was_interrupted_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch, killed_in: str) -> None:
    """Wherever it was interrupted, nothing begins too early, and the next call, whatever it is for, does the rest."""
    monkeypatch.setattr(resetting, "PIECE", 4)
    outcome = scene.declare(range(20), postprocess_id=COLLECT)
    worker = scene.worker()
    scene.run_all(worker)
    counted = {"move": 0}
    real = moves.move

    def interrupted(*arguments: object, **values: object) -> None:
        if _stands_in(killed_in):
            counted["move"] += 1
            if counted["move"] == (1 if killed_in == "_let_wait" else 3):
                raise KeyboardInterrupt
        real(*arguments, **values)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(moves, "move", interrupted)
        with pytest.raises(KeyboardInterrupt):
            resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], range(1, 21))
    dependencies.release_all(scene.database, scene.id)
    postprocess = next(job for job in scene.jobs(0) if job.collects == outcome.map_id)
    early = scene.claim(worker)
    assert postprocess.id not in [claim.job_id for claim in early]
    scene.complete(worker, early)
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    scene.run_all(worker)
    assert scene.counts() == {"completed": 21}
    expected = 8 if killed_in == "_set_aside" else 20  # those that it came to
    attempts = [job.attempt for job in scene.jobs(outcome.map_id)]
    assert (attempts.count(2), attempts.count(1)) == (expected, 20 - expected)
    assert scene.job(postprocess.id).attempt == 2
    assert workflows.get(scene.database, scene.id).run_id == 2


def _stands_in(function: str) -> bool:
    """Whether this is called, further up, by a function of that name."""
    return any(frame.name == function for frame in traceback.extract_stack())


def test_a_rerun_that_comes_second_leaves_what_the_first_began(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed, was made ready and claimed meanwhile is not stopped by another kernel's rerun."""
    scene.declare("abc")
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker), JobStatus.FAILED)
    real = resetting.chosen

    def chosen(*arguments: object) -> Ids:
        found = real(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]).ready == 3
        assert len(scene.claim(worker)) == 3
        return found

    monkeypatch.setattr(resetting, "chosen", chosen)
    assert resetting.rerun(scene.database, scene.id, [JobStatus.FAILED]).ready == 0
    assert scene.counts() == {"pending": 3}
    assert scene.exchange(worker).cancel == []
    assert workflows.get(scene.database, scene.id).run_id == 2


def _plain(scene: Scene, n: int) -> list[int]:
    """Jobs of no map; those that others block are to be named afterwards, before any runs."""
    with scene.database.write() as connection:
        first = building.take_ids(connection, n)
        tally = counts.Tally(scene.id)
        for job_id in range(first, first + n):
            connection.execute(
                insert(schema.jobs).values(
                    id=job_id, workflow_id=scene.id, map_id=0, row=0, status=int(JobStatus.BLOCKED), priority=0,
                    requirement_id=scene.requirement, params="", params_digest=b"", declared_digest=b"", rev=1,
                    attempt=0, interruptions=0, function_id=1,
                )
            )  # fmt: skip
            tally.add(0, scene.requirement, JobStatus.BLOCKED)
        tally.write(connection)
    return list(range(first, first + n))


def _begin(scene: Scene) -> None:
    """Make those plain jobs ready that wait for nothing."""
    waiting = (schema.job_dependencies, schema.map_dependencies)
    with scene.database.write() as connection:
        held = {job_id for table in waiting for job_id in connection.scalars(select(table.c.job_id))}
        tally = counts.Tally(scene.id)
        blocked = moves.locked(connection, scene.id, [job.id for job in scene.jobs(0) if job.id not in held])
        free = [row for row in blocked if row.status == JobStatus.BLOCKED]
        moves.start_over(connection, free, JobStatus.READY, tally)
        tally.write(connection)
