"""Files as attempts left them: kept with the attempt that is the job's result, and gone with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.scene import Scene, completion

from torc_nb.models import Claim, Completion, JobStatus, Membership
from torc_nb.store import cleaning, leases, leftovers, recorded_files, resetting
from torc_nb.store.spool import Spool


def left(claim: Claim, *paths: str, size: int | None = 5, **changes: Any) -> Completion:
    """The end of an attempt that left files."""
    return completion(claim, files=[(path, 1.5, size) for path in paths], **changes)


def recorded(scene: Scene, map_id: int | None = None) -> list[tuple[int, int, str, float, int | None]]:
    """What is known of the files of completed jobs."""
    found = recorded_files.of_completed(scene.database, scene.id, map_id)
    return [(row.job_id, row.attempt, path, row.mtime, row.size) for row, path in found]


def lose(scene: Scene, worker: Membership) -> None:
    """Let a worker be given up."""
    scene.set_worker(worker, boot_id="elsewhere", lease_expires=1.0, last_seen=1.0 - 3 * leases.LEASE)
    assert leases.expire(scene.database, scene.id) > 0


def test_they_come_with_the_end_of_the_attempt(scene: Scene) -> None:
    """Those of each job, in the order in which they were found; any name that a file can have; of one map, if asked."""
    long = "/" + "l/" * 2000 + "é☃\udcff"
    one, two = scene.declare("ab", name="one"), scene.declare("c", name="two")
    worker = scene.worker()
    first, second, third = sorted(scene.claim(worker), key=lambda claim: claim.job_id)
    scene.exchange(worker, completions=[left(first, "/b", long), completion(second), left(third, "/b", size=None)])
    of_one = [(first.job_id, 1, "/b", 1.5, 5), (first.job_id, 1, long, 1.5, 5)]
    of_two = [(third.job_id, 1, "/b", 1.5, None)]
    assert recorded(scene) == of_one + of_two
    assert recorded(scene, one.map_id) == of_one
    assert recorded(scene, two.map_id) == of_two
    assert (scene.rows("files"), scene.rows("job_files")) == (0, 0)


def test_what_is_told_again_is_kept_once(scene: Scene) -> None:
    """Whether the worker repeats itself, or its spool is taken in twice."""
    scene.declare("a")
    worker = scene.worker()
    (claim,) = scene.claim(worker)
    for _ in range(2):
        scene.exchange(worker, completions=[left(claim, "/a")])
        leftovers.record(scene.database, worker, [left(claim, "/a")])
    assert recorded(scene) == [(claim.job_id, 1, "/a", 1.5, 5)]
    assert scene.rows("recorded_files") == 1


def test_a_late_end_counts_where_its_result_does(scene: Scene) -> None:
    """The attempt that finished first stays; where none did, the late one is the result."""
    scene.declare("a")
    first, second = scene.worker(), scene.worker()
    (old,) = scene.claim(first)
    lose(scene, first)
    (new,) = scene.claim(second)
    scene.exchange(second, completions=[left(new, "/new")])
    scene.exchange(first, completions=[left(old, "/old")])
    assert recorded(scene) == [(old.job_id, 2, "/new", 1.5, 5)]
    assert scene.rows("recorded_files") == 1
    scene.declare("b", name="other")
    (claim,) = scene.claim(first)
    lose(scene, first)
    scene.exchange(first, completions=[left(claim, "/late")])
    assert recorded(scene)[1:] == [(claim.job_id, 1, "/late", 1.5, 5)]


def test_of_two_attempts_told_at_once_the_newer_counts(scene: Scene) -> None:
    """As for its result."""
    scene.declare("a")
    worker = scene.worker()
    (first,) = scene.claim(worker)
    lose(scene, worker)
    (second,) = scene.claim(worker)
    scene.exchange(worker, completions=[left(first, "/first"), left(second, "/second")])
    assert recorded(scene) == [(first.job_id, 2, "/second", 1.5, 5)]


def test_what_waits_in_a_spool_is_kept_as_what_does_not(scene: Scene) -> None:
    """Read back from its lines."""
    scene.declare("ab")
    worker = scene.worker()
    first, second = scene.claim(worker)
    waiting = Spool(Path(scene.workflow.files), worker.id)
    waiting.append([left(first, "/é\udcff", size=None), completion(second)])
    assert leases.leave(scene.database, worker) == 0
    assert recorded(scene) == [(first.job_id, 1, "/é\udcff", 1.5, None)]
    assert scene.counts() == {"completed": 2}


def test_the_newest_result_counts_and_only_while_it_does(scene: Scene) -> None:
    """Not while the job is to run again; then what it left this time; `clean` removes what is superseded."""
    outcome = scene.declare("ab")
    worker = scene.worker()
    first, second = scene.claim(worker)
    scene.exchange(worker, completions=[left(first, "/a", "/b"), left(second, "/c")])
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], [first.job_id])
    assert [path for _, _, path, _, _ in recorded(scene)] == ["/c"]
    (again,) = scene.claim(worker)
    scene.exchange(worker, completions=[left(again, "/d")])
    expected = [(first.job_id, 2, "/d", 1.5, 5), (second.job_id, 1, "/c", 1.5, 5)]
    assert recorded(scene) == expected
    assert scene.rows("recorded_files") == 4
    assert cleaning.superseded(scene.database, scene.id, remove=False) == 1
    assert scene.rows("recorded_files") == 4
    cleaning.superseded(scene.database, scene.id, remove=True)
    assert scene.rows("recorded_files") == 2
    assert recorded(scene, outcome.map_id) == expected


def test_of_a_job_that_is_being_set_aside_nothing_is_known(scene: Scene) -> None:
    """Although its result is still there: whoever was to make it run again may have been interrupted."""
    scene.declare("ab")
    worker = scene.worker()
    first, second = scene.claim(worker)
    scene.exchange(worker, completions=[left(first, "/a"), left(second, "/b")])
    seen: list[object] = []
    chosen = resetting.chosen(scene.database, scene.id, [JobStatus.COMPLETED], [first.job_id])
    resetting.run_again(
        scene.database, scene.id, chosen.all(),
        once_aside=lambda: seen.extend([scene.job(first.job_id).result_attempt, *recorded(scene)]),
    )  # fmt: skip
    assert seen == [1, (second.job_id, 1, "/b", 1.5, 5)]


def test_they_go_with_dropped_jobs(scene: Scene) -> None:
    """No row of theirs is left."""
    scene.declare("abc")
    worker = scene.worker()
    claims = scene.claim(worker)
    scene.exchange(worker, completions=[left(claim, f"/{claim.params}") for claim in claims])
    scene.declare("b", drop=True)
    assert [path for _, _, path, _, _ in recorded(scene)] == ["/b"]
    assert scene.rows("recorded_files") == 1
