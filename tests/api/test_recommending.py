"""What jobs had better ask for, by what others took."""

from __future__ import annotations

from typing import Any

import pytest
from store.scene import ENVIRONMENT, FUNCTION, Scene, completion, digest

from torc_nb.api import Api
from torc_nb.api.recommending import FEWEST, JobUsage, of_workflow
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import JobStatus, ResourceRequirementsModel, Room
from torc_nb.models.quantities import GIB, MIB
from torc_nb.store import leases, maps, requirements, resetting, submissions
from torc_nb.store.spool import Cut

NODE = Room(32, 64 * GIB)


@pytest.fixture
def scene(api: Api, tmp_path: Any) -> Scene:
    """A started workflow whose jobs take what a test says."""
    return Scene(api.database, tmp_path / "files")


def took(scene: Scene, n: int, status: JobStatus = JobStatus.COMPLETED, **what: Any) -> None:
    """End the next jobs."""
    worker = scene.worker()
    scene.exchange(worker, completions=[completion(one, status, **what) for one in scene.claim(worker, n)])


def rows(scene: Scene) -> list[JobUsage]:
    """What is asked and used."""
    return of_workflow(scene.database, scene.id, NODE)


def better(scene: Scene) -> tuple[int, int | None, float | None] | None:
    """What is recommended for what the only map asks now."""
    (found,) = (one.recommended for one in rows(scene) if one.is_of_map)
    return None if found is None else (found.num_cpus, found.memory, found.runtime)


def test_nothing_is_recommended_by_too_few(scene: Scene) -> None:
    """What was measured is shown all the same; failures say nothing of run times."""
    scene.declare(range(30))
    took(scene, FEWEST - 1, peak_memory=GIB)
    took(scene, 10, JobStatus.FAILED)
    (row,) = rows(scene)
    assert (row.measured, row.jobs, row.recommended, row.memory.half) == (FEWEST + 9, 30, None, 8 * GIB)
    took(scene, 1)
    assert better(scene) is not None


def test_what_is_recommended(scene: Scene) -> None:
    """The CPUs that 95 % keep busy, the most memory and the usual time, both a quarter more; GPUs and limits stay."""
    asked = scene.require(num_cpus=8, num_gpus=1, memory=20 * GIB, runtime=3600.0, timeout=7200.0)
    scene.declare(range(100), requirement_id=asked)
    took(scene, 38, seconds=100.0, cpu_seconds=210.0, peak_memory=2 * GIB)
    took(scene, 1, seconds=2000.0, cpu_seconds=2000.0, peak_memory=3 * GIB)
    (row,) = rows(scene)
    assert better(scene) == (2, 15 * GIB // 4, 130.0)
    assert (row.memory.half, row.memory.max, row.runtime.most, row.runtime.max) == (2 * GIB, 3 * GIB, 100.0, 2000.0)
    assert (row.cpus.half, row.at_a_time, row.recommended_at_a_time) == (2.1, 0, 0)  # a node without a GPU
    assert row.recommended is not None
    assert (row.recommended.num_gpus, row.recommended.timeout) == (1, 7200.0)


def test_what_was_not_measured_stays(scene: Scene) -> None:
    """Jobs too short to tell how many CPUs they keep busy, and of which no memory is known."""
    scene.declare(range(9), requirement_id=scene.require(num_cpus=6, memory=GIB))
    took(scene, 9, seconds=0.05, cpu_seconds=0.01, peak_memory=0)
    assert better(scene) == (6, GIB, 1.0)


@pytest.mark.parametrize("peak", [1, 100 * MIB, 777 * MIB, 5 * GIB + 1, 123 * GIB])
def test_never_less_than_the_most_that_was_seen(scene: Scene, peak: int) -> None:
    """Whatever it is rounded to; a single job out of many decides."""
    scene.declare(range(50))
    took(scene, 49, peak_memory=MIB)
    took(scene, 1, JobStatus.FAILED, peak_memory=peak)
    found = better(scene)
    assert found is not None
    assert (found[1] or 0) >= max(1.25 * peak, 128 * MIB)


def test_those_that_were_stopped_ask_for_more(scene: Scene) -> None:
    """For memory: nobody knows how much they would have taken; by a walltime: longer than that."""
    scene.declare(range(9))
    took(scene, 7, peak_memory=GIB, seconds=10.0)
    took(scene, 1, JobStatus.FAILED, peak_memory=4 * GIB, error_type="MemoryError")
    worker = scene.worker()
    (cut,) = scene.claim(worker)
    scene.exchange(worker, started=[cut])
    leases.leave(scene.database, worker, message="over", cut=Cut(3600.0, 3600.0, {cut.job_id: 3600.0}))
    assert better(scene) == (1, 6 * GIB, 4500.0)
    (row,) = rows(scene)
    assert (row.stopped.cut, row.stopped.out_of_memory) == (1, 1)


def test_applied_once(api: Api, scene: Scene) -> None:
    """Waiting jobs ask for it, running ones are left alone; a second time nothing changes; results stay measured."""
    asked = scene.require(num_cpus=4, memory=20 * GIB)
    map_id = scene.declare(range(20), requirement_id=asked).map_id
    took(scene, 6, peak_memory=GIB, seconds=10.0, cpu_seconds=10.0)
    scene.claim(scene.worker(), 2)
    (applied,), said = api.apply_recommended(scene.id)
    assert said == []
    assert str(applied) == (
        "m: num_cpus 4 → 1, memory 20 GB → 1.2 GB, runtime not given → 13 s; 12 waiting jobs changed"
    )
    (before, now) = rows(scene)
    assert (before.jobs, before.measured, before.recommended) == (8, 6, None)
    assert (now.jobs, now.measured, now.is_of_map, now.is_worth_it) == (12, 0, True, False)
    assert api.apply_recommended(scene.id) == ([], ["m asks for what is recommended already"])
    assert maps.get(scene.database, map_id).requirement_id == applied.new.id
    assert [one.is_worth_it for one in api.job_usage(scene.id, ["m"]).rows] == [False, False]


def test_single_jobs_keep_what_they_were_given(api: Api, scene: Scene) -> None:
    """They are a row of their own, and say nothing of the map's; it is said how they are changed."""
    own = requirements.keep(
        scene.database, ResourceRequirementsModel(workflow_id=scene.id, memory=90 * GIB), of_jobs=True
    )
    scene.declare(range(20), requirement_id=scene.require(memory=20 * GIB))
    took(scene, 6, peak_memory=GIB)
    resetting.rerun(scene.database, scene.id, [JobStatus.COMPLETED], instead=lambda _: own.id or 0)
    took(scene, 20, peak_memory=40 * GIB)  # up to twenty of each request
    found = {one.asked.memory: one for one in rows(scene)}
    assert (found[90 * GIB].is_own, found[90 * GIB].measured) == (True, 6)
    applied, said = api.apply_recommended(scene.id)
    assert [one.map for one in applied] == ["m"]
    assert len(said) == 1
    assert f"requirements {own.id} of jobs that were given it themselves stay" in said[0]
    assert f"`%torc resource-requirements modify {own.id} …`" in said[0]


def test_maps_by_name(api: Api, scene: Scene) -> None:
    """One of two is changed; one that there is not is told with those there are; none at all is no request."""
    with pytest.raises(InvalidRequest, match="no map"):
        api.apply_recommended(scene.id)
    scene.declare(range(6), name="first")
    scene.declare(range(6), name="second")
    took(scene, 6)
    applied, _ = api.apply_recommended(scene.id, ["second"])
    assert [one.map for one in applied] == ["second"]
    assert [one.map for one in api.job_usage(scene.id, ["first"]).rows] == ["first"]
    with pytest.raises(NotFound, match=r"'nope'.*'first', 'second'"):
        api.job_usage(scene.id, ["nope"])


def test_calls_of_an_executor_ask_for_what_it_was_given(api: Api, scene: Scene) -> None:
    """The next call would ask for it again."""
    map_id = submissions.open_map(scene.database, scene.id, "calls", FUNCTION, ENVIRONMENT, scene.requirement)
    call = submissions.Call(map_id, scene.requirement, FUNCTION, "1", digest("1"))
    submissions.append(scene.database, scene.id, [call] * 9)
    took(scene, 9)
    assert api.apply_recommended(scene.id) == (
        [], ["calls stays: the calls of an executor ask for what wf.executor(…) is given"],
    )  # fmt: skip
