"""Declaring maps: what is captured, refused, matched, said."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from torc_nb.api import Api, Mapped, make_api, origins, sentence
from torc_nb.errors import CannotCapture, CannotStore, Conflict, InvalidRequest, NotFound
from torc_nb.models import ResourceRequirementsModel, WorkflowModel


def run(params: dict[str, int]) -> dict[str, int]:
    """What is mapped."""
    return {"y": params["x"] * 2}


def rows(*numbers: int) -> list[dict[str, int]]:
    """Parameters."""
    return [{"x": number} for number in numbers]


def declare(api: Api, workflow: WorkflowModel, params: Any, function: Any = run, **options: Any) -> Mapped:
    """Map under one name."""
    return api.map_function(workflow.id or 0, function, params, **({"name": "run"} | options))


def jobs(api: Api, workflow: WorkflowModel) -> int:
    """How many jobs there are to see."""
    return api.progress(workflow.id or 0).total


def test_saying_it_twice_does_it_once(api: Api, workflow: WorkflowModel) -> None:
    """And says so; more rows and other code are told."""
    assert sentence(declare(api, workflow, rows(*range(9997)))) == "run: 9,997 new"
    assert sentence(declare(api, workflow, rows(*range(9997)))) == "run: 9,997 as before"
    changed = declare(api, workflow, rows(*range(10_000)), lambda params: 1)
    assert sentence(changed).startswith("run: 9,997 as before, 3 new, code changed")
    assert jobs(api, workflow) == 10_000


def test_absent_and_dropped_rows(api: Api, workflow: WorkflowModel) -> None:
    """Absent ones stay; drop=True removes them; in another order all are as before."""
    declare(api, workflow, rows(1, 2, 3))
    assert sentence(declare(api, workflow, rows(3, 1))) == ("run: 2 as before, 1 absent (kept; drop=True removes them)")
    assert jobs(api, workflow) == 3
    assert sentence(declare(api, workflow, rows(3, 1), drop=True)) == "run: 2 as before, 1 dropped"
    assert jobs(api, workflow) == 2
    assert sentence(declare(api, workflow, [], drop=True)) == "run: 2 dropped"
    assert sentence(declare(api, workflow, [])) == "run: no rows"


def test_rows_matched_by_key(api: Api, workflow: WorkflowModel) -> None:
    """A row whose key is known and whose value is not has changed, and keeps its job."""
    frame = pd.DataFrame({"name": ["a", "b"], "x": [1, 2]})
    declare(api, workflow, frame, key="name")
    assert sentence(declare(api, workflow, frame.assign(x=[1, 5]), key="name")) == "run: 1 as before, 1 changed"
    assert jobs(api, workflow) == 2


def test_equal_rows_pair_up(api: Api, workflow: WorkflowModel) -> None:
    """Three equal rows are three jobs, and stay three."""
    declare(api, workflow, rows(1, 1, 1))
    assert sentence(declare(api, workflow, rows(1, 1, 1, 1))) == "run: 3 as before, 1 new"


@pytest.mark.parametrize("where", [2, 3500])
def test_refused_parameter_leaves_nothing(api: Api, workflow: WorkflowModel, where: int, tmp_path: Path) -> None:
    """Whether it is among the first rows or behind some that are written already."""
    with (tmp_path / "open").open("w") as opened:
        params: list[Any] = [{"x": number} for number in range(4000)]
        params[where] = {"x": opened}
        with pytest.raises(CannotStore, match=rf"params\[{where}\]\['x'\]"):
            declare(api, workflow, params)
    assert jobs(api, workflow) == 0
    assert api.list_maps(workflow.id or 0) == []
    assert api.list_jobs(workflow.id or 0) == []


def test_generator_that_fails_leaves_nothing(api: Api, workflow: WorkflowModel) -> None:
    """The user's own error is raised, and a map that was there is as it was."""

    def params() -> Any:
        yield from rows(*range(3000))
        raise ZeroDivisionError("bad row")

    with pytest.raises(ZeroDivisionError, match="bad row"):
        declare(api, workflow, params())
    assert api.list_maps(workflow.id or 0) == []
    declare(api, workflow, rows(1, 2))
    with pytest.raises(ZeroDivisionError):
        declare(api, workflow, params())
    assert jobs(api, workflow) == 2


def test_class_that_comes_too_late_is_refused(api: Api, workflow: WorkflowModel) -> None:
    """It could not travel any more; the message says what to do."""

    class Late:
        pass

    params: list[Any] = rows(*range(1500))
    params[1200] = Late()
    with pytest.raises(InvalidRequest, match=r"params\[1200\] .* put one such row among the first 1,000"):
        declare(api, workflow, params)
    assert jobs(api, workflow) == 0


def test_what_is_no_function_is_refused(api: Api, workflow: WorkflowModel) -> None:
    """With the form that would do."""
    for wrong in ("simulation", ("a", "b", "c"), ("a", ""), "a:b:c"):
        with pytest.raises(InvalidRequest, match='"module:function"'):
            declare(api, workflow, rows(1), wrong)
    with pytest.raises(InvalidRequest, match="7 is not a function"):
        declare(api, workflow, rows(1), 7)
    with pytest.raises(CannotCapture, match="no module nowhere"):
        declare(api, workflow, rows(1), "nowhere:run")


def test_by_name(api: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """A module in another folder, given as text or as a pair; its later edit counts at the next call."""
    folder = tmp_path / "code"
    folder.mkdir()
    module = folder / "simulation.py"
    module.write_text("def run(params):\n    return params\n")
    declare(api, workflow, rows(1), "simulation:run", module_directory=folder)
    again = declare(api, workflow, rows(1), ("simulation", "run"), module_directory=folder)
    assert sentence(again) == "run: 1 as before"
    module.write_text("def run(params):\n    return 2\n")
    assert "code changed" in sentence(declare(api, workflow, rows(1), "simulation:run", module_directory=folder))


@pytest.mark.parametrize("name", ["simulation", "package.simulation"])
def test_a_module_that_python_found_is_found_again_elsewhere(
    api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A script's folder is on its path; a command that reinitializes later looks elsewhere."""
    module = tmp_path / "code" / f"{name.replace('.', '/')}.py"
    module.parent.mkdir(parents=True)
    module.write_text("def run(params):\n    return params\n")
    with monkeypatch.context() as script:
        script.syspath_prepend(str(tmp_path / "code"))
        declare(api, workflow, rows(1), f"{name}:run")
    origin = api.map_shape(1)["origin"]["function"]
    before = origins.found_again(origin)
    module.write_text("def run(params):\n    return 2\n")
    after = origins.found_again(origin)
    assert before is not None
    assert after is not None
    assert before.digest != after.digest


def test_no_map_of_that_name(api: Api, workflow: WorkflowModel) -> None:
    """The names that there are are listed."""
    declare(api, workflow, rows(1))
    with pytest.raises(NotFound, match=r"no map 'rum' in this workflow; its maps: 'run'"):
        api.get_map(workflow.id or 0, "rum")


def test_threads_that_declare_one_map_at_once(api: Api, workflow: WorkflowModel, store_url: str) -> None:
    """Each of them ends well, and each row is one job."""
    outcomes: list[Any] = []
    together = threading.Barrier(3)

    def declare_it() -> None:
        own = make_api(store_url)
        together.wait()
        try:
            outcomes.append(declare(own, workflow, rows(*range(3000))).outcome)
        except Exception as error:
            outcomes.append(error)
        own.database.close()

    threads = [threading.Thread(target=declare_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((one.new, one.before) for one in outcomes) == [(0, 3000), (0, 3000), (3000, 0)]
    assert jobs(api, workflow) == 3000


def test_generators_that_declare_one_map_at_once(api: Api, workflow: WorkflowModel) -> None:
    """A generator cannot be read again, so the one that comes second is told to run the cell again."""

    def params() -> Any:
        yield from rows(*range(2000))
        declare(api, workflow, rows(1, 2))
        yield from rows(*range(2000, 5000))

    with pytest.raises(Conflict, match="run the cell again"):
        declare(api, workflow, params())
    assert jobs(api, workflow) == 2


def test_doubts_are_said(api: Api, workflow: WorkflowModel) -> None:
    """A value that cannot be compared between kernels is named, and key= recommended."""

    def parameter() -> int:
        return 1

    notes = declare(api, workflow, [parameter], lambda value: 1).notes
    assert any("params[0]" in note and "key=" in note for note in notes)
    assert declare(api, workflow, [1], lambda value: 1, name="sure").notes == ()


def test_requests_are_kept(api: Api, workflow: WorkflowModel) -> None:
    """Once each, however often they are used."""
    asked = ResourceRequirementsModel(workflow_id=workflow.id or 0, num_cpus=4, memory="20g", runtime="1h")
    declare(api, workflow, rows(1), requirement=asked)
    declare(api, workflow, rows(1), requirement=asked)
    (kept,) = api.list_resource_requirements(workflow.id or 0)
    assert (kept.num_cpus, kept.memory, kept.runtime) == (4, 20 * 2**30, 3600.0)
