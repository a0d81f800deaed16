"""The tutorial's commands in the tutorial's order, with a worker on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import sweep, tutorial

from torc_nb.api import make_api


def as_json(terminal: Any, line: str) -> Any:
    """Return the one document that a command prints with ``--json``."""
    return json.loads(terminal.says(f"{line} --json"))


@pytest.fixture
def made(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Run a script in an empty folder, whose database is the one of the commands."""
    monkeypatch.setenv("TORC_BASE_URL", str(empty / "torc.db"))

    def make(script: str) -> str:
        tutorial.write(empty, tutorial.asking_less(script))
        return tutorial.run(empty)

    return make


def run_all(terminal: Any, folder: Path) -> None:
    """Have a worker here until nothing is left to do, in the place of a node of Slurm."""
    terminal.says("run --cpus 1 --idle-timeout 30s")
    api = make_api(folder / "torc.db")
    sweep.finish(api, 1)
    sweep.stop(api, 1)


def statuses(terminal: Any) -> dict[str, str]:
    """What `jobs list` says of each job."""
    return {one["name"]: one["status"] for one in as_json(terminal, "jobs list")}


def test_from_the_script_to_the_restart(terminal: Any, empty: Path, made: Callable[[str], str]) -> None:
    """Every command of the page, one after the other."""
    assert made(tutorial.with_job_names(tutorial.SCRIPT)) == "Created workflow with ID 1 3 jobs.\n"

    assert "Started" in terminal.says("workflows start")
    lines = terminal.says("jobs list").splitlines()
    assert lines[1].split()[:6] == ["index", "name", "command", "status", "scheduling", "key"]
    assert [line.split()[:4] for line in lines[3:]] == [
        ["1", "0", "simulation.run", "ready"],
        ["2", "1", "simulation.run", "ready"],
        ["3", "2", "simulation.run", "ready"],
        ["4", "postprocess", "simulation.postprocess", "blocked"],
    ]
    keys = [one["key"] for one in as_json(terminal, "jobs list")]

    run_all(terminal, empty)
    assert set(statuses(terminal).values()) == {"completed"}

    assert as_json(terminal, "list user-data") == as_json(terminal, "user-data list")
    stored = [as_json(terminal, f"jobs list-user-data --stores {key}") for key in keys]
    assert [[one["data"]["output_data_path"] for one in found] for found in stored[:3]] == [
        ["/projects/my-project/job1"], ["/projects/my-project/job4"], ["/projects/my-project/job7"],
    ]  # fmt: skip
    paths = [f"/projects/my-project/job{number}" for number in (1, 4, 7)]
    assert [one["data"] for one in stored[3]] == [{"total": 15, "output_data_paths": paths}]

    inputs = {one["name"]: one for one in as_json(terminal, "user-data list")}
    assert inputs["1"]["data"] == {
        "module": "simulation",
        "func": "run",
        "params": {"job_name": "job4", "input1": 4, "input2": 5, "input3": 6},
    }
    assert inputs["1"]["is_ephemeral"] is False
    new = {"module": "simulation.py", "func": "run", "params": {"job_name": "other", "input1": 100}}
    terminal.says(f"user-data modify {inputs['1']['key']} -d '{json.dumps(new)}'")
    terminal.says("workflows reinitialize")
    assert statuses(terminal) == {"0": "completed", "1": "ready", "2": "completed", "postprocess": "blocked"}

    run_all(terminal, empty)
    assert set(statuses(terminal).values()) == {"completed"}
    (total,) = as_json(terminal, f"jobs list-user-data --stores {keys[3]}")
    assert total["data"]["output_data_paths"][1] == "/projects/my-project/other"
    attempts = {one["name"]: one["attempt"] for one in as_json(terminal, "jobs list")}
    assert attempts == {"0": 1, "1": 2, "2": 1, "postprocess": 2}


def test_the_script_as_it_is_printed_fails_with_its_key(terminal: Any, empty: Path, made: Callable[[str], str]) -> None:
    """Its function reads a key that its parameters lack: three jobs fail, and postprocess says why it will not run."""
    assert made(tutorial.SCRIPT) == "Created workflow with ID 1 3 jobs.\n"
    run_all(terminal, empty)
    listed = {one["name"]: (one["status"], one["note"]) for one in as_json(terminal, "jobs list")}
    assert [listed[name] for name in "012"] == [("failed", "KeyError: 'job_name'")] * 3
    assert listed["postprocess"] == (
        "canceled", "job 1, row 0 of run, failed: KeyError: 'job_name' (and 2 more)",
    )  # fmt: skip
    (group,) = as_json(terminal, "failures list")
    assert (group["exception"], group["count"], group["example"]) == ("KeyError", 3, "'job_name'")
    assert 'job_name = input_params["job_name"]' in terminal.says("jobs logs 1")


def test_the_script_run_twice_makes_two_workflows(terminal: Any, made: Callable[[str], str]) -> None:
    """Of one name, each with its jobs; by its name, the newest is meant."""
    script = tutorial.SCRIPT
    assert [made(script), made(script)] == [f"Created workflow with ID {id_} 3 jobs.\n" for id_ in (1, 2)]
    assert terminal.says("jobs list -w my_workflow").startswith("Jobs of my_workflow (2)")
    assert len(as_json(terminal, "jobs list -w 1")) == 4
