"""Jobs that take another job's result: given it, canceled where it will not come, found where they were overlooked."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update
from store.scene import COLLECT, Scene

from torc_nb.models import JobStatus
from torc_nb.store import claims, dependencies, events, jobs, maps, resetting, schema, sources


def taking(scene: Scene, source: maps.Outcome, name: str = "n", **changes: object) -> maps.Outcome:
    """Declare a map whose rows are the results of another, as the layer above does."""
    rows = [
        maps.Parameters("null", b"", key=key, source=job_id)
        for job_id, key in maps.keys_of(scene.database, scene.id, source.map_id)
    ]
    return scene.declare(rows, name=name, source_map=source.map_id, **changes)  # type: ignore[arg-type]


def statuses(scene: Scene, outcome: maps.Outcome) -> list[str]:
    """Where the jobs of a map stand."""
    return [JobStatus(job.status).label for job in scene.jobs(outcome.map_id)]


def fail_to_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker die between completing and releasing."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(claims.dependencies, "release", die)


def test_each_begins_with_its_source_alone(scene: Scene) -> None:
    """With what that one returned; whoever follows in the third round follows at once too."""
    first = scene.declare("abc")
    second = taking(scene, first)
    third = taking(scene, second, "o", postprocess_id=COLLECT)
    worker = scene.worker()
    assert scene.counts() == {"ready": 3, "blocked": 7}
    sources_claimed = scene.claim(worker)
    scene.complete(worker, sources_claimed[1:2])
    assert statuses(scene, second) == ["blocked", "ready", "blocked"]
    (taker,) = scene.claim(worker)
    assert (taker.map_id, taker.params) == (second.map_id, "result of b")
    scene.complete(worker, [taker])
    assert statuses(scene, third) == ["blocked", "ready", "blocked"]
    scene.complete(worker, [sources_claimed[0], sources_claimed[2]])
    scene.run_all(worker)
    assert scene.counts() == {"completed": 10}
    assert [job.params for job in scene.jobs(third.map_id)] == [f"result of result of {x}" for x in "abc"]


def test_what_is_there_already_is_taken_at_once(scene: Scene) -> None:
    """Of a map that has completed, with its failures."""
    first = scene.declare("abc")
    worker = scene.worker()
    found = scene.claim(worker)
    scene.complete(worker, found[:2])
    scene.complete(worker, found[2:], JobStatus.FAILED)
    second = taking(scene, first)
    assert statuses(scene, second) == ["ready", "ready", "canceled"]
    assert scene.jobs(second.map_id)[2].note == f"job {found[2].job_id}, row 2 of m, failed: ValueError: bad"


def test_a_failure_cancels_all_that_follows_of_it(scene: Scene) -> None:
    """Down to who collects the last round; run again and completed, it lets all of them run."""
    first = scene.declare("ab")
    second = taking(scene, first)
    third = taking(scene, second, "o", postprocess_id=COLLECT)
    worker = scene.worker()
    bad, _ = found = scene.claim(worker)
    scene.complete(worker, found[1:])
    scene.complete(worker, [bad], JobStatus.FAILED)
    assert statuses(scene, second) == ["canceled", "ready"]
    assert statuses(scene, third) == ["canceled", "blocked"]
    scene.run_all(worker)
    (collector,) = scene.jobs(0)
    assert JobStatus(collector.status) is JobStatus.CANCELED
    told = [one.data for one in events.listed(scene.database, scene.id) if one.kind == "jobs canceled"]
    assert [data["count"] for data in told] == [1, 1]
    done = resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    assert (done.ready, done.waits) == (1, 3)
    scene.run_all(worker)
    assert scene.counts() == {"completed": 7}


def test_a_second_call_takes_what_is_new(scene: Scene) -> None:
    """Rows are told by their sources, whose order they follow."""
    first = scene.declare("ab")
    second = taking(scene, first)
    scene.run_all(scene.worker())
    first = scene.declare("cab")
    again = taking(scene, first)
    assert (again.map_id, again.before, again.new, again.changed, again.absent) == (second.map_id, 2, 1, 0, 0)
    assert statuses(scene, second) == ["completed", "completed", "blocked"]
    assert scene.rows("map_dependencies") == 1
    scene.run_all(scene.worker())
    assert scene.counts() == {"completed": 6}


def test_whose_source_is_dropped_will_not_run(scene: Scene) -> None:
    """It is canceled and says so; what has completed stays."""
    first = scene.declare("ab")
    second = taking(scene, first)
    worker = scene.worker()
    (claim,) = scene.exchange(worker, 1).claims
    scene.complete(worker, [claim])
    scene.declare("a", drop=True)
    assert statuses(scene, second) == ["ready", "canceled"]
    assert "was removed" in str(scene.jobs(second.map_id)[1].note)


@pytest.mark.parametrize("end", [jobs.cancel, jobs.disable])
def test_who_waits_for_what_the_user_set_aside(scene: Scene, end: object) -> None:
    """There will be no result: it is canceled."""
    first = scene.declare("ab")
    second = taking(scene, first)
    end(scene.database, scene.id, [scene.jobs(first.map_id)[0].id])  # type: ignore[operator]
    assert statuses(scene, second) == ["canceled", "blocked"]
    assert "by the user" in str(scene.jobs(second.map_id)[0].note)
    scene.run_all(scene.worker())
    assert statuses(scene, second) == ["canceled", "completed"]


def test_whoever_was_overlooked_is_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a worker die just before it releases them: by the counts, and where these do not tell, by a close look."""
    first = scene.declare("abc")
    second = taking(scene, first)
    worker = scene.worker()
    claimed = scene.claim(worker, 2)
    with monkeypatch.context() as dying:
        fail_to_release(dying)
        with pytest.raises(KeyboardInterrupt):
            scene.complete(worker, claimed)
    assert statuses(scene, second) == ["blocked"] * 3
    dependencies.release_all(scene.database, scene.id, thorough=False)
    assert statuses(scene, second) == ["ready", "ready", "blocked"]
    third = taking(scene, second, "o")
    scene.declare([*"abc", *"xyz"])  # three that are nobody's source
    with monkeypatch.context() as dying:
        fail_to_release(dying)
        with pytest.raises(KeyboardInterrupt):
            scene.complete(worker, scene.claim(worker))
    assert statuses(scene, third) == ["blocked"] * 3
    assert claims.can_still_get_work(scene.database, scene.id)
    assert statuses(scene, third) == ["ready", "ready", "blocked"]


def test_what_came_anew_is_what_they_get(scene: Scene) -> None:
    """A source that runs again gives its new result, whatever its taker had been given before."""
    first = scene.declare("a")
    second = taking(scene, first)
    worker = scene.worker()
    scene.run_all(worker)
    (source,), (taker,) = scene.jobs(first.map_id), scene.jobs(second.map_id)
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [source.id])
    (claim,) = scene.claim(worker)
    scene.complete(worker, [claim], value="another")
    (again,) = scene.claim(worker)
    assert (again.job_id, again.params) == (taker.id, "another")
    assert again.params_digest != taker.params_digest


def test_set_aside_and_given_meanwhile(scene: Scene) -> None:
    """A taker that a reinitialize has set aside is not begun under its hands, and begins after it."""
    first = scene.declare("a")
    second = taking(scene, first)
    scene.run_all(scene.worker())
    (taker,) = scene.jobs(second.map_id)
    with scene.database.write() as connection:
        connection.execute(
            update(schema.jobs).where(schema.jobs.c.id == taker.id).values(status=int(JobStatus.BLOCKED))
        )
    sources.settle_all(scene.database, scene.id)
    assert statuses(scene, second) == ["blocked"]
    with scene.database.write() as connection:
        connection.execute(
            update(schema.jobs).where(schema.jobs.c.id == taker.id).values(status=int(JobStatus.COMPLETED))
        )
    done = resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [taker.id])
    assert (done.ready, done.waits) == (1, 0)
    assert statuses(scene, second) == ["ready"]


def test_declared_while_its_sources_complete(scene: Scene) -> None:
    """Nobody is forgotten, and nobody is begun twice."""
    first = scene.declare(range(400))
    worker = scene.worker()

    def work() -> None:
        while found := scene.claim(worker, 20):
            scene.complete(worker, found)

    working = threading.Thread(target=work)
    working.start()
    second = taking(scene, first)
    working.join()
    scene.run_all(worker)
    assert set(statuses(scene, second)) == {"completed"}
    assert scene.rows("results") == 800


def test_a_blocked_map_may_take_results_too(scene: Scene) -> None:
    """It waits for both."""
    before = scene.declare("x", name="before")
    first = scene.declare("a")
    second = taking(scene, first, blocked_by_maps=(before.map_id,))
    worker = scene.worker()
    found = {claim.map_id: claim for claim in scene.claim(worker)}
    scene.complete(worker, [found[first.map_id]])
    assert scene.claim(worker) == []
    scene.complete(worker, [found[before.map_id]])
    assert [claim.map_id for claim in scene.claim(worker)] == [second.map_id]
