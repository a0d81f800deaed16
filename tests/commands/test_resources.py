"""`resource-requirements` and the schedulers of `hpc slurm`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import sweep

from torc_nb.api import make_api
from torc_nb.models.quantities import GIB, MIB


def as_json(terminal: Any, line: str) -> Any:
    """Return the one document that a command prints with ``--json``."""
    return json.loads(terminal.says(f"{line} --json"))


@pytest.fixture
def here(terminal: Any, empty: Path) -> Path:
    """A folder with a workflow in which nothing is."""
    terminal.says("workflows create sweep")
    return empty


def test_requirements_from_first_to_last(terminal: Any, here: Path) -> None:
    """Added, listed, changed by name and by id, deleted; a bare number is bytes."""
    text = terminal.says("resource-requirements add medium --cpus 4 --memory 20g --runtime P0DT1H")
    assert text.startswith("Added resource requirements 1 (medium). [sweep (1) in ")
    assert as_json(terminal, "resource-requirements add bare --memory 1000")["resource_requirements"]["memory"] == 1000
    (medium, _) = as_json(terminal, "resource-requirements list")
    assert (medium["id"], medium["num_cpus"], medium["memory"], medium["runtime"]) == (1, 4, 20 * GIB, 3600.0)
    assert as_json(terminal, "list resource-requirements")[0] == medium
    terminal.says("resource-requirements modify medium --memory 40g")
    terminal.says("resource-requirements modify 1 --timeout 2h --name large")
    (large, _) = as_json(terminal, "resource-requirements list")
    assert (large["name"], large["num_cpus"], large["memory"], large["timeout"]) == ("large", 4, 40 * GIB, 7200.0)
    terminal.says("resource-requirements delete large")
    assert [one["name"] for one in as_json(terminal, "resource-requirements list")] == ["bare"]


def test_schedulers_from_first_to_last(terminal: Any, here: Path) -> None:
    """Added, listed, changed by name and by id, deleted; a bare number is MiB, and an empty text takes away."""
    terminal.says("hpc slurm add short --account my_account --mem 180224 --walltime 04:00:00 --extra constraint=ib")
    assert "modify short" in terminal.refuses("hpc slurm add short --account other", 2)
    (short,) = as_json(terminal, "hpc slurm list")
    assert (short["account"], short["mem"], short["walltime"], short["extra"]) == (
        "my_account", 180224 * MIB, 14400.0, {"constraint": "ib"},
    )  # fmt: skip
    terminal.says("hpc slurm modify short --account '' --partition debug")
    changed = as_json(terminal, "hpc slurm modify 1 --walltime 30min --name quick")["scheduler"]
    assert (changed["account"], changed["partition"], changed["walltime"]) == (None, "debug", 1800.0)
    assert [one["name"] for one in as_json(terminal, "hpc slurm list")] == ["quick"]
    terminal.says("hpc slurm delete quick")
    assert as_json(terminal, "hpc slurm list") == []


def test_excluded_nodes_from_first_to_last(terminal: Any, here: Path) -> None:
    """Added once, listed with the reason, and allowed again."""
    assert terminal.says("hpc slurm excluded-nodes add n2 --reason 'it hums'").startswith("Excluded node n2.")
    assert "excluded already" in terminal.says("hpc slurm excluded-nodes add n2")
    (found,) = as_json(terminal, "hpc slurm excluded-nodes list")
    assert (found["node"], found["reason"], found["worker_id"]) == ("n2", "it hums", None)
    assert "is not the name of one node" in terminal.refuses("hpc slurm excluded-nodes add n[1-3]", 1)
    assert "may be used again" in terminal.says("hpc slurm excluded-nodes remove n2")
    assert "of this workflow there are: none" in terminal.refuses("hpc slurm excluded-nodes remove n2", 1)
    assert as_json(terminal, "hpc slurm excluded-nodes list") == []


@pytest.mark.parametrize("noun", ["resource-requirements", "hpc slurm"])
def test_what_there_is_not_is_said_with_what_there_is(terminal: Any, here: Path, noun: str) -> None:
    """By name or id; a change that changes nothing is asked what it means."""
    terminal.says(f"{noun} add one")
    for verb in ("modify", "delete"):
        options = "" if verb == "delete" else "--name other"
        assert "'nope'; there is one (1)" in terminal.refuses(f"{noun} {verb} nope {options}", 1)
    assert "Say what to change" in terminal.refuses(f"{noun} modify one", 2)


def test_a_name_that_two_have_is_not_guessed(terminal: Any, here: Path) -> None:
    """Requirements may share a name; the id tells them apart."""
    terminal.says("resource-requirements add same --cpus 1")
    terminal.says("resource-requirements add same --cpus 2")
    assert "more than one" in terminal.refuses("resource-requirements modify same --cpus 3", 1)
    terminal.says("resource-requirements modify 2 --cpus 3")
    assert [one["num_cpus"] for one in as_json(terminal, "resource-requirements list")] == [1, 3]


def test_what_is_recommended_is_applied_by_a_command(terminal: Any, finished: Path) -> None:
    """Before five jobs have completed nothing is; then the old and the new numbers are printed."""
    (run, reducer) = as_json(terminal, "resource-requirements usage")
    assert (run["map"], run["measured"], run["cpus_recommended"], run["runtime_asked"]) == ("run", 5, None, None)
    assert reducer["map"] == ""
    assert "5 jobs have to complete" in terminal.says("resource-requirements apply-recommended")
    api = make_api(finished / ".torc" / "torc.db")
    sweep.declare(api, finished, "again", numbers=range(3, 9))
    api.run(2, num_cpus=1)
    sweep.finish(api, 2)
    text = terminal.says("-w again resource-requirements usage --map run")
    assert "Asked for and used in again (2)" in text
    assert "`torc-nb resource-requirements apply-recommended` has them ask for it" in text
    applied = as_json(terminal, "-w again resource-requirements apply-recommended --map run")["applied"]
    assert [(one["map"], one["old"]["memory"], one["new"]["runtime"]) for one in applied] == [("run", None, 1.0)]
    assert "There is no map 'nope'" in terminal.refuses("-w again resource-requirements usage --map nope", 1)
    sweep.stop(api, 2)
