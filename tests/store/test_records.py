"""What is kept once however often it is said: functions, environments, requirements, schedulers; and allocations."""

from __future__ import annotations

import threading

import pytest
from store.scene import Scene, digest

from torc_nb.errors import NotFound
from torc_nb.functions import Captured, Function, ModuleSource
from torc_nb.functions.signature import signature_of
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel
from torc_nb.store import allocations, environments, functions, requirements, schedulers
from torc_nb.store.environments import Environment


def _function(meaning: str = "x + 1", **changes: object) -> Function:
    values: dict[str, object] = {
        "name": "run",
        "module": None,
        "payload": b"\x00pickle" + meaning.encode(),
        "python": (3, 11),
        "digest": digest(meaning),
        "source": f"def run(x):\n    return {meaning}  # ünïcode\n",
        "sources": {"helper": "def helper(): ..."},
        "modules": (ModuleSource("mesh", "/home/ada/mesh.py", b"SIZE = 3\n", False),),
        "imports": ("numpy",),
        "captured": (Captured("TABLE", 3_000_000),),
        "signature": signature_of(lambda x, *, y=1: x),
        "unstable": (),
    }
    return Function(**values | changes)  # type: ignore[arg-type]


def test_a_function_comes_back_as_it_was_kept(scene: Scene) -> None:
    """Payload, source, modules and signature survive the database."""
    function = _function()
    assert functions.get(scene.database, functions.keep(scene.database, scene.id, function)) == function
    with pytest.raises(NotFound, match="no function 99"):
        functions.get(scene.database, 99)


def test_each_meaning_is_a_version(scene: Scene) -> None:
    """Other meaning, next version; a meaning that was there before is that version again, comments aside."""
    first = functions.keep(scene.database, scene.id, _function())
    second = functions.keep(scene.database, scene.id, _function("x + 2"))
    again = functions.keep(scene.database, scene.id, _function(source="# a comment\n"))
    other = functions.keep(scene.database, scene.id, _function(name="other"))
    assert first == again
    assert functions.labels(scene.database, scene.id) == {first: "v1", second: "v2", other: "v1"}
    assert functions.names(scene.database, scene.id) == {first: "run", second: "run", other: "other"}
    assert functions.keep(scene.database, scene.id, _function(python=(3, 12))) not in (first, second)
    assert scene.rows("module_sources") == 1


def test_kernels_that_keep_functions_at_once_number_them_once(scene: Scene) -> None:
    """Threads that keep the same and other meanings together get one version for each."""
    meanings = [f"x + {i % 4}" for i in range(16)]
    ids: list[int] = []
    threads = [
        threading.Thread(target=lambda m=m: ids.append(functions.keep(scene.database, scene.id, _function(m))))
        for m in meanings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 16
    assert sorted(functions.labels(scene.database, scene.id).values()) == ["v1", "v2", "v3", "v4"]


def test_equal_environments_are_kept_once(scene: Scene) -> None:
    """The order of variables does not matter; a folder or a value does."""
    kept = environments.keep(scene.database, scene.id, Environment("/a", {"X": "1", "Y": "\udcff"}))
    assert environments.keep(scene.database, scene.id, Environment("/a", {"Y": "\udcff", "X": "1"})) == kept
    assert environments.keep(scene.database, scene.id, Environment("/b", {"X": "1"})) != kept
    assert environments.get(scene.database, kept) == Environment("/a", {"X": "1", "Y": "\udcff"})


def test_equal_requirements_are_kept_once(scene: Scene) -> None:
    """Nothing stated equals nothing stated; any difference is another record."""
    asked = {"workflow_id": scene.id, "num_cpus": 2, "memory": "20g"}
    first = requirements.keep(scene.database, ResourceRequirementsModel(**asked))
    assert requirements.keep(scene.database, ResourceRequirementsModel(**asked)) == first
    assert requirements.keep(scene.database, ResourceRequirementsModel(**asked, runtime="1h")).id != first.id
    assert requirements.get(scene.database, first.id or 0) == first
    assert first.memory == 20 * 2**30
    assert len(requirements.listed(scene.database, scene.id)) == 3
    with pytest.raises(NotFound, match="requirements 99"):
        requirements.get(scene.database, 99)


def test_requirements_in_use_are_those_of_unfinished_jobs(scene: Scene) -> None:
    """A request whose jobs have all finished is used no more, whoever finished them."""
    big = scene.require(num_cpus=8)
    scene.declare("ab", requirement_id=big)
    scene.declare("c", name="n")
    assert [found.id for found in requirements.in_use(scene.database, scene.id)] == [scene.requirement, big]
    workers = [scene.worker() for _ in range(3)]
    for worker in workers:
        scene.complete(worker, [claim for claim in scene.claim(worker, 1) if claim.requirement_id == big])
    assert [found.id for found in requirements.in_use(scene.database, scene.id)] == [scene.requirement]


def test_a_scheduler_is_replaced_by_name(scene: Scene) -> None:
    """The same name again changes its settings and keeps its id."""
    first = schedulers.keep(scene.database, SlurmSchedulerModel(workflow_id=scene.id, name="big", mem="64g"))
    changed = SlurmSchedulerModel(
        workflow_id=scene.id, name="big", mem="128g", walltime="1h", extra={"constraint": "ib"}
    )
    assert schedulers.keep(scene.database, changed).id == first.id
    assert schedulers.listed(scene.database, scene.id) == [changed.model_copy(update={"id": first.id})]


def test_allocations_live_and_end_once(scene: Scene) -> None:
    """What ended does not end again, and is not listed among the living."""
    first, second = allocations.create(scene.database, scene.id, "slurm", 2)
    allocations.change(scene.database, first, scheduler_job="12_0", log="/x/12.log")
    allocations.end(scene.database, first, "failed", "bad setup line")
    allocations.end(scene.database, first, "ended", "late news")
    found = allocations.get(scene.database, first)
    assert (found.state, found.message, found.scheduler_job) == ("failed", "bad setup line", "12_0")
    assert [alive.id for alive in allocations.listed(scene.database, scene.id, alive=True)] == [second]
    assert [known.id for known in allocations.listed(scene.database, scene.id)] == [first, second]
    with pytest.raises(NotFound, match="no allocation 99"):
        allocations.get(scene.database, 99)


def test_one_asks_for_all(scene: Scene) -> None:
    """Of many who find Slurm's answer old, one may ask; nobody asks where nothing of Slurm is alive."""
    assert not allocations.may_ask(scene.database, scene.id, 30.0)
    allocations.create(scene.database, scene.id, "slurm", 2)
    assert [allocations.may_ask(scene.database, scene.id, 30.0) for _ in range(3)] == [True, False, False]
    assert allocations.may_ask(scene.database, scene.id, -1.0)
