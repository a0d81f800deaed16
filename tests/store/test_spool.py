"""Spools: what is appended is read back whole or not at all, and taken in once, whoever comes and however many."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store.scene import Scene, completion

from torc_nb.models import Claim, Completion, JobStatus, Membership
from torc_nb.store import events, leases, leftovers, results, schema, spool
from torc_nb.store.spool import Farewell, Spool

NOBODY = {"pid": 2**22 + 1, "process_start": 1.0}


def files(scene: Scene) -> Path:
    """The workflow's folder."""
    return Path(scene.workflow.files)


def dead(scene: Scene, n: int = 1000) -> tuple[Membership, list[Claim]]:
    """A worker that has claimed jobs, and whose process is gone."""
    worker = scene.worker(**NOBODY)
    return worker, scene.claim(worker, n)


def spooled(scene: Scene, worker: Membership, ended: list[Completion]) -> Path:
    """Let a dead worker have spooled these; returns the file."""
    mine = Spool(files(scene), worker.id)
    mine.append(ended)
    mine.close()
    path = spool.found(files(scene))[worker.id][-1]
    _sign(path, worker)
    return path


def _sign(path: Path, worker: Membership) -> None:
    """Write the dead worker's pid into the file, which this process wrote."""
    lines = path.read_bytes().split(b"\n", 1)
    header = {**(spool.header(path) or {}), "pid": NOBODY["pid"]}
    path.write_bytes(spool._line(header) + lines[1])


def told(scene: Scene, kind: str) -> list[dict[str, object]]:
    """What the events of a kind say."""
    return [event.data for event in events.listed(scene.database, scene.id) if event.kind == kind]


def odd(claim: Claim, **changes: object) -> Completion:
    """An end with all that is hard to write down."""
    return completion(claim, value='"a\r\nb\\u2028ü"', traceback="\ud800 \x00 \n", **changes)


CLAIM = Claim(7, 1, 1, 1, 0, 1, 1, 0, "x", b"p" * 16)


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    """Whatever the fields hold, and in the order in which they came; private from the first byte."""
    mine = Spool(tmp_path, 3)
    ends = [odd(CLAIM._replace(job_id=n), seconds=0.1 + n) for n in range(10)]
    mine.append(ends[:4])
    mine.append(ends[4:])
    found, place = mine.read(100)
    assert found == ends
    assert [*spool.contents(spool.found(tmp_path)[3][0])] == ends
    mine.forget(place)
    assert mine.is_empty
    assert spool.found(tmp_path) == {}


def test_it_is_read_in_pieces_and_goes_on_while_more_comes(tmp_path: Path) -> None:
    """The file goes only when all of it was written to the database."""
    mine = Spool(tmp_path, 3)
    ends = [completion(CLAIM._replace(job_id=n), value="v" * 100_000) for n in range(100)]
    mine.append(ends[:90])
    seen: list[Completion] = []
    while len(seen) < 70:
        found, place = mine.read(7)
        seen += found
        mine.forget(place)
        if 20 < len(seen) <= 27:
            mine.append(ends[90:])
    while not mine.is_empty:
        found, place = mine.read(1000)
        seen += found
        mine.forget(place)
    assert seen == ends


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    """Wherever a crash cuts the file, what stands whole before is read and nothing else."""
    mine = Spool(tmp_path, 3)
    ends = [odd(CLAIM._replace(job_id=n)) for n in range(3)]
    mine.append(ends)
    (path,) = spool.found(tmp_path)[3]
    whole = path.read_bytes()
    starts = [0] + [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        lines = sum(start <= cut for start in starts[1:])
        assert [*spool.contents(path)] == ends[: max(0, lines - 1)]


def test_a_damaged_line_costs_itself_alone(tmp_path: Path) -> None:
    """A flipped bit anywhere in a line is noticed; those around it count."""
    mine = Spool(tmp_path, 3)
    ends = [completion(CLAIM._replace(job_id=n)) for n in range(3)]
    mine.append(ends)
    (path,) = spool.found(tmp_path)[3]
    lines = path.read_bytes().splitlines(keepends=True)
    for at in range(len(lines[2]) - 1):
        if lines[2][at] ^ 1 == ord("\n"):
            continue
        damaged = lines[2][:at] + bytes([lines[2][at] ^ 1]) + lines[2][at + 1 :]
        path.write_bytes(b"".join([*lines[:2], damaged, *lines[3:]]))
        assert [*spool.contents(path)] == [ends[0], ends[2]]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let the disk be full from there on, as far as this process can tell."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """What did not go in whole is taken out again, and goes in when there is room."""
    mine = Spool(tmp_path, 3)
    ends = [completion(CLAIM._replace(job_id=n), value="v" * 1000) for n in range(20)]
    mine.append(ends[:5])
    with no_file_larger_than(9_000), pytest.raises(OSError, match="large"):
        mine.append(ends[5:])
    assert mine.read(100)[0] == ends[:5]
    mine.append(ends[5:])
    assert mine.read(100)[0] == ends


def test_a_disk_that_is_full_from_the_beginning(tmp_path: Path) -> None:
    """Nothing is left behind that would look like a spool."""
    mine = Spool(tmp_path, 3)
    with no_file_larger_than(10), pytest.raises(OSError, match="large"):
        mine.append([completion(CLAIM)])
    assert mine.is_empty
    assert spool.found(tmp_path) == {}
    mine.append([completion(CLAIM)])
    assert len(mine.read(10)[0]) == 1


def test_who_lives_after_all_loses_nothing_to_a_taker(tmp_path: Path) -> None:
    """What a worker adds to a file that was taken from it meanwhile stands in its next file."""
    mine = Spool(tmp_path, 3)
    first, second, third = (completion(CLAIM._replace(job_id=n)) for n in range(3))
    mine.append([first])
    (path,) = spool.found(tmp_path)[3]
    taken = spool.taken(path)
    assert taken is not None
    assert [*spool.contents(taken)] == [first]
    mine.append([second])
    taken.unlink()
    mine.append([third])
    (left,) = spool.found(tmp_path)[3]
    assert left != path
    assert [*spool.contents(left)] == [second, third]


def test_a_dead_workers_spool_is_taken_in_before_its_jobs_are_free(scene: Scene) -> None:
    """What ended counts, failures too; the rest is ready; the file is gone; the story is told."""
    outcome = scene.declare("abcd")
    worker, found = dead(scene)
    ends = [completion(found[0]), completion(found[1], JobStatus.FAILED), completion(found[2], was_running=True)]
    path = spooled(scene, worker, ends)
    assert leases.expire(scene.database, scene.id) == 1
    assert scene.counts() == {"completed": 2, "failed": 1, "ready": 1}
    assert not any(attempt.late for attempt in results.attempts(scene.database, scene.id))
    assert {attempt.worker_id for attempt in results.attempts(scene.database, scene.id)} == {worker.id}
    assert not path.parent.exists() or not list(path.parent.iterdir())
    assert told(scene, "results taken in") == [{"count": 3}]
    assert [job.interruptions for job in scene.jobs(outcome.map_id)] == [0, 0, 0, 0]


def test_what_waits_for_spooled_results_is_released(scene: Scene) -> None:
    """A postprocess becomes ready when the last results come out of a spool."""
    scene.declare("ab", postprocess_id=3)
    worker, found = dead(scene)
    spooled(scene, worker, [completion(claim) for claim in found])
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"completed": 2, "ready": 1}


def test_a_last_word_is_heard(scene: Scene) -> None:
    """A worker that left in order while the database was away was not taken down by its job."""
    outcome = scene.declare("ab")
    worker, found = dead(scene)
    scene.exchange(worker, started=found)
    mine = Spool(files(scene), worker.id)
    mine.append([completion(found[0], was_running=True)])
    mine.say_farewell(Farewell("it was stopped by SIGTERM"))
    mine.close()
    _sign(spool.found(files(scene))[worker.id][0], worker)
    assert leases.expire(scene.database, scene.id) == 1
    assert scene.counts() == {"completed": 1, "ready": 1}
    assert [job.interruptions for job in scene.jobs(outcome.map_id)] == [0, 0]
    assert [worker.state for worker in leases.listed(scene.database, scene.id)] == ["left"]
    assert told(scene, "worker left") == [{"message": "it was stopped by SIGTERM", "freed": 1}]


def test_a_living_workers_spool_is_its_own(scene: Scene) -> None:
    """Nobody takes what a worker that lives, here or elsewhere, will write itself."""
    scene.declare("ab")
    for worker in (scene.worker(), scene.worker(boot_id="elsewhere")):
        (found,) = scene.claim(worker, 1)
        mine = Spool(files(scene), worker.id)
        mine.append([completion(found)])
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"pending": 2}
    assert len(spool.found(files(scene))) == 2


def test_what_comes_too_late_is_kept_as_late(scene: Scene) -> None:
    """Found after its worker was given up: it counts where the job waits unchanged, and not where another finished."""
    scene.declare("abc")
    worker, found = dead(scene)
    leases.expire(scene.database, scene.id)
    other = scene.worker()
    (again,) = scene.claim(other, 1)
    scene.complete(other, [again])
    with scene.database.write() as connection:
        jobs = schema.jobs
        connection.execute(jobs.update().where(jobs.c.id == found[1].job_id).values(params_digest=b"changed" * 2))
    spooled(scene, worker, [completion(claim, value="late") for claim in found])
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"completed": 2, "ready": 1}
    late = {attempt.job_id: attempt.late for attempt in results.attempts(scene.database, scene.id)
            if attempt.worker_id == worker.id}  # fmt: skip
    assert late == {found[0].job_id: True, found[1].job_id: True, found[2].job_id: False}
    assert spool.found(files(scene)) == {}


def test_a_taker_that_dies_half_way_costs_nothing(scene: Scene) -> None:
    """A file that was taken and not removed is taken in again, which changes nothing."""
    scene.declare("abc")
    worker, found = dead(scene)
    path = spooled(scene, worker, [completion(claim) for claim in found])
    content = path.read_bytes()
    taken = spool.taken(path)
    assert taken is not None
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"completed": 3}
    taken.write_bytes(content)
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"completed": 3}
    assert len(results.attempts(scene.database, scene.id)) == 3
    assert not taken.exists()


def test_many_takers_at_once(scene: Scene) -> None:
    """Eight find a dead worker at one moment: each job is recorded once, and none becomes ready before."""
    scene.declare(range(5000))
    worker, found = dead(scene, 5000)
    spooled(scene, worker, [completion(claim) for claim in found])
    start = threading.Barrier(8)
    seen: list[int] = []
    trouble: list[BaseException] = []

    def take() -> None:
        try:
            start.wait()
            leases.expire(scene.database, scene.id)
            seen.append(scene.counts().get("ready", 0))
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert seen == [0] * 8
    assert scene.counts() == {"completed": 5000}
    assert len(results.attempts(scene.database, scene.id)) == 5000
    assert spool.found(files(scene)) == {}


def test_what_the_database_cannot_take_keeps_nothing_else_back(scene: Scene) -> None:
    """One end that no transaction survives is told of, its job runs again, and the others are recorded."""
    scene.declare("abc")
    worker, found = dead(scene)
    spooled(scene, worker, [completion(claim, seconds=0.5) for claim in found[:2]] + [
        completion(found[2], peak_memory=2**80)
    ])  # fmt: skip
    leases.expire(scene.database, scene.id)
    assert scene.counts() == {"completed": 2, "ready": 1}
    assert len(told(scene, "result not taken in")) == 1
    assert spool.found(files(scene)) == {}


def test_files_that_are_not_ours_are_left(scene: Scene) -> None:
    """Another version's, another database's worker's, and what somebody put there."""
    scene.declare("abc")
    worker, found = dead(scene)
    path = spooled(scene, worker, [completion(found[0])])
    first, rest = path.read_bytes().split(b"\n", 1)
    header = spool.header(path)
    assert header is not None
    for changes in ({"version": spool.VERSION + 1}, {"pid": os.getpid()}, {"boot_id": "elsewhere"}):
        path.write_bytes(spool._line({**header, **changes}) + rest)
        leases.expire(scene.database, scene.id)
        assert path.exists()
    (path.parent / "notes.txt").write_text("mine")
    path.write_bytes(first + b"\n" + rest)
    leases.expire(scene.database, scene.id)
    assert [entry.name for entry in path.parent.iterdir()] == ["notes.txt"]
    assert scene.counts() == {"completed": 1, "ready": 2}, "found late, and unchanged"


def test_a_file_that_ends_in_its_first_line_is_removed(scene: Scene) -> None:
    """A worker that died as it began its spool leaves nothing for ever."""
    worker, _ = dead(scene)
    folder = spool.folder(files(scene))
    folder.mkdir()
    (folder / f"{worker.id}-1.spool").write_bytes(b'0000 {"vers')
    leases.expire(scene.database, scene.id)
    assert list(folder.iterdir()) == []


def test_a_worker_that_leaves_takes_its_own_in_first(scene: Scene) -> None:
    """The database came back at the last moment: what it had spooled is not freed to be run again."""
    scene.declare("ab")
    worker = scene.worker()
    found = scene.claim(worker)
    mine = Spool(files(scene), worker.id)
    mine.append([completion(found[0])])
    assert leases.leave(scene.database, worker) == 1
    assert scene.counts() == {"completed": 1, "ready": 1}
    assert spool.found(files(scene)) == {}


def test_a_folder_that_is_not_seen_here_keeps_nobody(scene: Scene) -> None:
    """A kernel on a machine without the workflow's folder still frees what dead workers held."""
    scene.declare("a")
    dead(scene)
    files(scene).rmdir()
    assert leases.expire(scene.database, scene.id) == 1
    leftovers.take_in(scene.database, scene.id)
    assert scene.counts() == {"ready": 1}
