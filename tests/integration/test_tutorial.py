"""The tutorial, line by line, on a real Slurm with nodes of the tutorial's size."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import tutorial
from integration.conftest import until
from services.slurm_cluster import SlurmCluster

from torc_nb import cli
from torc_nb.api import Api, launching

POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture(scope="module")
def eagle(needs_slurm: None) -> Iterator[SlurmCluster]:
    """A node that runs eight of the tutorial's jobs at a time."""
    with SlurmCluster(nodes=1, cpus=36, memory=184320) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _on_its_login_node(eagle: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in eagle.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.5)
    yield
    eagle.clear()


@pytest.fixture
def torc(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Type a command; returns what it prints."""

    def typed(line: str) -> str:
        capsys.readouterr()
        code = cli.run(shlex.split(line))
        said = capsys.readouterr()
        assert (code, said.err) == (0, ""), said.err
        return said.out

    return typed


def script_on(script: str, files: Path) -> str:
    """Name the folder that all nodes see: a database on a server is beside no folder."""
    return script.replace('description="My workflow",', f'description="My workflow",\n    files={str(files)!r},')


@POSTGRESQL
def test_the_tutorial(api: Api, torc: Callable[[str], str], tmp_path: Path, store_url: str) -> None:
    """Build the workflow, start it, schedule a node, look at the results, correct a parameter, and run what it affects.

    The jobs ask for what the tutorial's ask: 4 CPUs, 20 GiB and an hour each.
    """

    def as_json(line: str) -> Any:
        return json.loads(torc(f"{line} --json"))

    def jobs() -> dict[str, str]:
        return {one["name"]: one["status"] for one in as_json("jobs list")}

    def monitor() -> None:
        until(lambda: set(jobs().values()) == {"completed"}, 60, "not all jobs complete")

    # Build the workflow.
    tutorial.write(tmp_path, script_on(tutorial.with_job_names(tutorial.SCRIPT), tmp_path / "files"))
    assert tutorial.run(tmp_path, TORC_BASE_URL=store_url) == "Created workflow with ID 1 3 jobs.\n"
    torc("workflows start")
    assert jobs() == {"0": "ready", "1": "ready", "2": "ready", "postprocess": "blocked"}

    # Schedule compute nodes with Slurm.
    assert "submitted 1 allocation(s) to Slurm" in torc("hpc slurm schedule-nodes -n1")
    monitor()
    (worker,) = api.list_workers(1)
    assert (worker.num_cpus, worker.memory) == (36, 180224 * 2**20)

    # View the result data overall or by job.
    assert "/projects/my-project/job7" in torc("list user-data")
    keys = {one["name"]: one["key"] for one in as_json("jobs list")}
    (total,) = as_json(f"jobs list-user-data --stores {keys['postprocess']}")
    assert total["data"] == {
        "total": 15, "output_data_paths": [f"/projects/my-project/job{number}" for number in (1, 4, 7)]
    }  # fmt: skip

    # Workflow restarts: identify the key, modify the data, re-initialize, and confirm that one job is ready.
    (affected,) = [one for one in as_json("user-data list") if one["name"] == "0"]
    data = affected["data"] | {"params": affected["data"]["params"] | {"job_name": "corrected"}}
    torc(f"user-data modify {affected['key']} -d '{json.dumps(data)}'")
    torc("workflows reinitialize")
    assert jobs() == {"0": "ready", "1": "completed", "2": "completed", "postprocess": "blocked"}
    torc("hpc slurm schedule-nodes -n1")
    monitor()
    (total,) = as_json(f"jobs list-user-data --stores {keys['postprocess']}")
    assert total["data"]["output_data_paths"][0] == "/projects/my-project/corrected"
    attempts = {one["name"]: one["attempt"] for one in as_json("jobs list")}
    assert attempts == {"0": 2, "1": 1, "2": 1, "postprocess": 2}
    torc("workflows cancel")


@POSTGRESQL
def test_its_script_as_it_is_printed(api: Api, torc: Callable[[str], str], tmp_path: Path, store_url: str) -> None:
    """Three jobs fail with the key that their parameters lack, and it is seen why postprocess does not run."""
    tutorial.write(tmp_path, script_on(tutorial.SCRIPT, tmp_path / "files"))
    tutorial.run(tmp_path, TORC_BASE_URL=store_url)
    torc("hpc slurm schedule-nodes -n1")
    until(lambda: api.progress(1).is_done, 60)
    text = torc("jobs list")
    assert text.count("KeyError: 'job_name'") == 4
    assert "KeyError" in torc("failures list")
    assert [one["status"] for one in json.loads(torc("jobs list --json"))] == ["failed"] * 3 + ["canceled"]
    torc("workflows cancel")
