"""How long jobs are likely to take, as others of their map took."""

from __future__ import annotations

import pytest
from store.scene import OTHER_FUNCTION, Scene, completion

from torc_nb.models import JobStatus
from torc_nb.store import maps, runtimes


def ends(scene: Scene, seconds: list[float], status: JobStatus = JobStatus.COMPLETED) -> None:
    """Run the next jobs, in their order; they take so long."""
    worker = scene.worker()
    claims = sorted(scene.claim(worker, len(seconds)), key=lambda claim: claim.job_id)
    done = [completion(claim, status, seconds=took) for claim, took in zip(claims, seconds, strict=True)]
    scene.exchange(worker, completions=done)


def expected(scene: Scene, map_id: int) -> float | None:
    """What is expected of a map now."""
    with scene.database.read() as connection:
        return runtimes.expected(connection, map_id)


def test_few_say_nothing_and_most_are_a_percentile(scene: Scene) -> None:
    """From ten on, the 95th percentile of what completed; failures, which may end early, do not count."""
    map_id = scene.declare(range(200)).map_id
    assert expected(scene, map_id) is None
    ends(scene, [60.0] * (runtimes.FEWEST - 1))
    ends(scene, [0.1] * 20, JobStatus.FAILED)
    assert expected(scene, map_id) is None
    ends(scene, [90.0])
    assert expected(scene, map_id) == 90.0
    ends(scene, [float(second) for second in range(1, 91)])
    assert expected(scene, map_id) == 86.0  # of the 100: 95 took no longer


def test_jobs_are_alike_where_most_take_about_as_long_as_half_of_them(scene: Scene) -> None:
    """Half the completed took no longer than the one figure, nearly all than the other."""
    map_id = scene.declare(range(200)).map_id
    ends(scene, [10.0, 12.0, 14.0, 15.0] * 5)
    with scene.database.read() as connection:
        found = runtimes.observed(connection, map_id)
    assert found is not None
    assert (found.half, found.most) == (12.0, 15.0)
    assert found.are_alike
    ends(scene, [60.0] * 2)
    with scene.database.read() as connection:
        found = runtimes.observed(connection, map_id)
    assert found is not None
    assert not found.are_alike


def test_maps_and_code_are_told_apart(scene: Scene) -> None:
    """Another map between, and jobs that ran with other code, say nothing of these."""
    first = scene.declare(range(40), name="first").map_id
    second = scene.declare(range(40), name="second", function_id=OTHER_FUNCTION).map_id
    worker = scene.worker()
    done = scene.claim(worker, 20)
    scene.exchange(
        worker, completions=[completion(one, seconds=5.0 if one.map_id == first else 500.0) for one in done]
    )
    assert (expected(scene, first), expected(scene, second)) == (5.0, 500.0)
    scene.declare(range(40), name="first", function_id=OTHER_FUNCTION)
    assert expected(scene, first) is None
    assert maps.get(scene.database, first).function_id == OTHER_FUNCTION


def test_those_next_to_the_ones_that_come_now_are_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where parameters become harder, the last that completed say how long the next ones take."""
    monkeypatch.setattr(runtimes, "MOST", 20)
    map_id = scene.declare(range(200)).map_id
    ends(scene, [1.0] * 80 + [30.0] * 20)
    assert expected(scene, map_id) == 30.0


def test_no_such_map(scene: Scene) -> None:
    """Jobs of no map have nothing in common."""
    assert expected(scene, 0) is None


def test_a_plan_counts_with_fewer(scene: Scene) -> None:
    """With the longest of them and a quarter more; from ten on it is what is expected."""
    map_id = scene.declare(range(40)).map_id

    def counted_with() -> tuple[float, int, float] | None:
        with scene.database.read() as connection:
            found = runtimes.observed(connection, map_id)
        return None if found is None else (found.seconds, found.n, found.longest)

    assert counted_with() is None
    ends(scene, [10.0, 40.0, 20.0])
    assert counted_with() == (50.0, 3, 40.0)
    assert expected(scene, map_id) is None
    ends(scene, [10.0] * 17)
    assert counted_with() == (20.0, 20, 40.0)
    assert expected(scene, map_id) == 20.0
