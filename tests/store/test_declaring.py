"""Maps declared once and again: what becomes of their rows, and of calls that are cut short."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from store.scene import OTHER_FUNCTION, Scene, row

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import JobStatus, ResourceRequirementsModel
from torc_nb.store import building, jobs, maps, requirements, resetting, schema


def test_new_rows_become_ready_jobs_in_order(scene: Scene) -> None:
    """The first call makes one ready job of each row, across pieces."""
    n = building.PIECE * 2 + 1
    outcome = scene.declare(range(n))
    assert (outcome.new, outcome.before, outcome.absent) == (n, 0, 0)
    assert scene.counts() == {"ready": n}
    assert scene.values() == [str(i) for i in range(n)]
    assert [job.row for job in scene.jobs(outcome.map_id)] == list(range(n))


def test_repeating_a_call_changes_nothing(scene: Scene) -> None:
    """Run All declares the same rows again: the same map, the same jobs, nothing new."""
    first = scene.declare("abc")
    before = scene.jobs(first.map_id)
    again = scene.declare("abc")
    assert again == maps.Outcome(map_id=first.map_id, before=3)
    assert scene.jobs(first.map_id) == before
    assert scene.rows("maps") == 1


def test_more_rows_join_and_take_the_places_of_the_call(scene: Scene) -> None:
    """New rows between known ones: results follow the order of the last call."""
    scene.declare("bd")
    outcome = scene.declare("abcde")
    assert (outcome.before, outcome.new) == (2, 3)
    assert scene.values() == list("abcde")
    assert [job.row for job in scene.jobs(outcome.map_id)] == [0, 1, 2, 3, 4]


def test_order_across_pieces_of_known_and_new_rows(scene: Scene) -> None:
    """Known and new rows shuffled, more than a piece of them, come back in the call's order."""
    scene.declare(range(0, 9000, 2))
    shuffled = list(range(9000))
    random.Random(1).shuffle(shuffled)
    outcome = scene.declare(shuffled)
    assert (outcome.before, outcome.new) == (4500, 4500)
    assert scene.values() == [str(i) for i in shuffled]


def test_fewer_rows_leave_the_others_in_place(scene: Scene) -> None:
    """A row that the call leaves out keeps its job but is no longer in the map's order."""
    first = scene.declare("abc")
    outcome = scene.declare("ca")
    assert (outcome.before, outcome.absent, outcome.dropped) == (2, 1, 0)
    assert scene.values() == ["c", "a"]
    assert len(scene.jobs(first.map_id)) == 3
    assert scene.declare("abc") == maps.Outcome(map_id=first.map_id, before=3)
    assert scene.values() == ["a", "b", "c"]


def test_equal_rows_pair_up_in_order(scene: Scene) -> None:
    """Three equal rows are three jobs; two of them called again are the first two."""
    outcome = scene.declare("xxyx")
    ids = [job.id for job in scene.jobs(outcome.map_id)]
    again = scene.declare("xxy")
    assert (again.before, again.new, again.absent) == (3, 0, 1)
    map_ = maps.get(scene.database, outcome.map_id)
    assert list(maps.order_of(map_) or []) == [ids[0], ids[1], ids[2]]
    assert scene.declare("xxxxy").new == 1


def test_a_key_finds_its_row_whatever_its_value(scene: Scene) -> None:
    """A changed value under a known key keeps the job, and is counted as changed."""
    first = scene.declare([row(1, "a"), row(2, "b")])
    outcome = scene.declare([row(2, "b"), row(7, "a")])
    assert (outcome.before, outcome.changed, outcome.new) == (1, 1, 0)
    changed, same = scene.jobs(first.map_id)
    assert (changed.params, changed.rev, same.params, same.rev) == ("7", 2, "2", 1)
    assert changed.params_digest == changed.declared_digest == row(7).digest
    assert scene.values() == ["2", "7"]


def test_a_key_given_later_adopts_rows_matched_by_value(scene: Scene) -> None:
    """Naming key columns of a map that had none makes no new jobs, and the keys hold from then on."""
    scene.declare("ab")
    assert scene.declare([row("a", "one"), row("b", "two")]).before == 2
    assert scene.declare([row("z", "one"), row("b", "two")]).changed == 1
    assert scene.declare("zb").before == 2, "and a call without keys finds them by value"


def test_a_modified_value_survives_a_call_that_repeats_the_original(scene: Scene) -> None:
    """What `modify` wrote stays while the call gives what it gave before, and yields to another value."""
    outcome = scene.declare([row(1, "a")])
    table = schema.jobs
    with scene.database.write() as connection:
        connection.execute(table.update().values(params="9", params_digest=row(9).digest))
    assert scene.declare([row(1, "a")]).changed == 0
    assert scene.jobs(outcome.map_id)[0].params == "9"
    assert scene.declare([row(2, "a")]).changed == 1
    assert scene.jobs(outcome.map_id)[0].params == "2"


def test_drop_removes_absent_jobs_with_their_results(scene: Scene) -> None:
    """With ``drop`` the rows that the call leaves out go, results and all."""
    outcome = scene.declare("abc")
    worker = scene.worker()
    scene.run_all(worker)
    assert scene.declare("b", drop=True) == maps.Outcome(map_id=outcome.map_id, before=1, dropped=2)
    assert scene.counts() == {"completed": 1}
    assert scene.rows("results") == 1


def test_changed_code_is_reported_and_taken_by_jobs_that_wait(scene: Scene) -> None:
    """Other code for the same rows resets nothing; what still waits runs with it."""
    scene.declare("ab")
    worker = scene.worker()
    scene.complete(worker, scene.claim(worker, 1))
    outcome = scene.declare("ab", function_id=OTHER_FUNCTION)
    assert outcome.code_changed
    assert not scene.declare("ab", function_id=OTHER_FUNCTION).code_changed
    assert scene.counts() == {"ready": 1, "completed": 1}
    assert [claim.function_id for claim in scene.claim(worker)] == [OTHER_FUNCTION]


def test_other_resources_are_taken_by_jobs_that_wait_and_by_those_rerun(scene: Scene) -> None:
    """Ready jobs ask what the last call asks; running ones go on; failed ones ask it when they are rerun."""
    scene.declare("abc")
    worker = scene.worker()
    failing, running = scene.claim(worker, 2)
    scene.complete(worker, [failing], JobStatus.FAILED)
    more = scene.require(num_cpus=4)
    outcome = scene.declare("abc", requirement_id=more)
    asked = [job.requirement_id for job in scene.jobs(outcome.map_id)]
    assert asked == [scene.requirement, scene.requirement, more]
    resetting.rerun(scene.database, scene.id, [JobStatus.FAILED])
    scene.complete(worker, [running])
    assert [claim.requirement_id for claim in scene.claim(worker)] == [more, more]


def test_a_request_set_since_survives_a_call_that_repeats_the_original(scene: Scene) -> None:
    """New rows and reruns ask for it too, other numbers take it back; a job with a request of its own keeps that."""
    first, better, other = scene.requirement, scene.require(num_cpus=2), scene.require(num_cpus=4)
    own = requirements.keep(scene.database, ResourceRequirementsModel(workflow_id=scene.id, num_cpus=8), of_jobs=True)
    map_id = scene.declare(range(6)).map_id
    worker = scene.worker()
    running, done = scene.claim(worker, 2)
    scene.complete(worker, [done])
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], instead=lambda _: own.id or 0)
    assert asked(scene, map_id) == [first, own.id, first, first, first, first]

    assert maps.set_requirement(scene.database, map_id, better) == 4
    assert asked(scene, map_id) == [first, own.id, *[better] * 4]
    assert scene.declare(range(7)).requirement_id == better
    scene.complete(worker, [running])
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED])
    assert asked(scene, map_id) == [better, own.id, *[better] * 5]

    assert scene.declare(range(7), requirement_id=other).requirement_id == other
    assert asked(scene, map_id) == [other, own.id, *[other] * 5]
    scene.declare(range(7))
    assert asked(scene, map_id) == [first, own.id, *[first] * 5]
    with pytest.raises(NotFound):
        maps.set_requirement(scene.database, 99, better)


def asked(scene: Scene, map_id: int) -> list[int]:
    """What each job of a map asks."""
    return [job.requirement_id for job in scene.jobs(map_id)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_a_call_cut_short_leaves_nothing(scene: Scene, error: type[BaseException]) -> None:
    """An error while rows are made, pieces of them written already, leaves no row and no count."""

    def rows() -> Iterator[object]:
        yield from range(building.PIECE + 5)
        raise error

    with pytest.raises(error):
        scene.declare(rows())
    assert (scene.rows("maps"), scene.rows("jobs"), scene.rows("job_counts")) == (0, 0, 0)


def test_a_second_call_cut_short_leaves_the_map_as_it_was(scene: Scene) -> None:
    """Of a call that fails nothing is seen: no row, no order, no code."""
    scene.declare("ab")

    def rows() -> Iterator[object]:
        yield from range(building.PIECE + 5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        scene.declare(rows(), function_id=OTHER_FUNCTION)
    assert scene.values() == ["a", "b"]
    assert not scene.declare("ab").code_changed
    assert (scene.rows("maps"), scene.rows("jobs")) == (1, 2)


def test_a_call_cut_short_at_the_very_end_is_whole(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C that arrives when the map is visible already removes nothing of it."""
    publish = maps.declare.__globals__["_publish"]

    def interrupted(*arguments: object) -> None:
        publish(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setitem(maps.declare.__globals__, "_publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.declare("abc")
    assert scene.values() == ["a", "b", "c"]


def test_half_built_maps_are_invisible(scene: Scene) -> None:
    """While rows are being written nobody counts, lists, claims or finds them."""
    worker = scene.worker()
    seen: list[object] = []

    def rows() -> Iterator[object]:
        yield from range(building.PIECE + 1)
        seen.extend([scene.counts(), jobs.listed(scene.database, scene.id), scene.claim(worker)])
        seen.append(maps.listed(scene.database, scene.id))
        first = scene.jobs(1)[0]
        with pytest.raises(NotFound):
            jobs.get(scene.database, first.id)

    scene.declare(rows())
    assert seen == [{}, [], [], []]


_BUILDER = """
import os, sys
sys.path[:0] = sys.argv[3].split(os.pathsep)
from store.scene import Scene, row
from torc_nb.store import Database, maps
database = Database.open(sys.argv[1])
scene = Scene.__new__(Scene)
scene.database, scene.id, scene.requirement = database, int(sys.argv[2]), 1
def rows():
    for i in range(5000):
        yield row(i)
    print("half", flush=True)
    sys.stdin.read()
maps.declare(database, scene.id, scene.declaration(), rows())
"""


def test_what_a_dead_kernel_left_is_swept_and_a_live_one_is_not(scene: Scene) -> None:
    """The sweep leaves a builder alone while its process lives, and removes its rows when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _BUILDER, scene.database.url, str(scene.id), ":".join(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "half\n"
        assert maps.sweep(scene.database, scene.id) == 0
        assert scene.rows("jobs") > 0
        builder.kill()
        builder.wait()
    assert maps.sweep(scene.database, scene.id) == 1
    assert (scene.rows("jobs"), scene.rows("maps")) == (0, 0)


def test_the_id_of_a_discarded_map_is_never_given_again(scene: Scene) -> None:
    """Two processes that discard the same half are slower than a third that begins the next one."""
    first = building.begin(scene.database, scene.id, scene.declaration(), None)
    building.discard(scene.database, scene.id, first)
    second = building.begin(scene.database, scene.id, scene.declaration(), None)
    building.discard(scene.database, scene.id, first)
    assert second > first
    assert scene.rows("maps") == 1


def test_a_silent_builder_elsewhere_is_given_up_and_cannot_publish(scene: Scene) -> None:
    """A map of another machine's builder is given up by time; should that one go on, it is refused."""

    def rows() -> Iterator[object]:
        yield from range(building.PIECE)
        table = schema.maps
        with scene.database.write() as connection:
            connection.execute(
                table.update().values(touched=0.0, builder={"boot_id": "x", "pid": 1, "process_start": 1})
            )
        building._under_way.clear()
        assert maps.sweep(scene.database, scene.id) == 1
        yield "last"

    with pytest.raises(Conflict, match="given up"):
        scene.declare(rows())
    assert (scene.rows("jobs"), scene.rows("maps")) == (0, 0)


@pytest.mark.parametrize("known", [False, True])
def test_two_kernels_that_declare_at_once(scene: Scene, known: bool) -> None:
    """Of two calls that overlap one is taken and one is refused, and no row is doubled."""
    if known:
        scene.declare("ab")

    def rows() -> Iterator[object]:
        yield "a"
        scene.declare("abc")
        yield from "bc"

    with pytest.raises(Conflict, match="run the cell again"):
        scene.declare(rows())
    assert scene.values() == ["a", "b", "c"]
    assert scene.declare("abc").before == 3
    assert scene.rows("jobs") == 3


def test_maps_declared_by_threads_of_one_kernel(scene: Scene) -> None:
    """Threads that declare different maps at once do not sweep each other's halves."""
    failures: list[BaseException] = []

    def declare(name: str) -> None:
        try:
            scene.declare(range(3000), name=name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=declare, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert scene.counts() == {"ready": 12_000}
    ids = [job.id for map_ in maps.listed(scene.database, scene.id) for job in scene.jobs(map_.id)]
    assert len(set(ids)) == 12_000


def test_a_map_over_nothing(scene: Scene) -> None:
    """No rows make a map without jobs."""
    outcome = scene.declare([])
    assert (outcome.new, scene.values(), scene.counts()) == (0, [], {})
    assert scene.declare([]).map_id == outcome.map_id
