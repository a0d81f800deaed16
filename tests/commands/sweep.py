"""A small workflow as users have it: five calls of which one fails, and a postprocess; run by a real worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from torc_nb.api import Api, make_api
from torc_nb.models import WorkflowModel

SIMULATION = """\
def run(p):
    print("hello", p["a"])
    if p["a"] == 2:
        raise ValueError("bad two")
    return {"y": p["a"] * 2, "place": "/projects/é"}


def postprocess(results):
    return sum(result["y"] for result in results)
"""


def declare(api: Api, folder: Path, name: str = "sweep", *, numbers: range = range(5)) -> int:
    """Make a workflow of jobs 1 to 5 and postprocess, which were not started; returns its id."""
    (folder / "simulation.py").write_text(SIMULATION)
    workflow = api.create_workflow(WorkflowModel(name=name, files=str(folder / "files" / name)))
    assert workflow.id is not None
    api.map_function(
        workflow.id,
        ("simulation", "run"),
        [{"a": a} for a in numbers],
        postprocess=("simulation", "postprocess"),
        module_directory=folder,
    )
    return workflow.id


def made_once(factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which it ran, of which tests make copies."""
    folder = factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        finished(folder)
    return folder


def until(condition: Callable[[], bool], complaint: str, seconds: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{complaint} after {seconds} s"
        time.sleep(0.05)


def finish(api: Api, workflow_id: int) -> None:
    """Wait until nothing is left to do."""
    until(lambda: api.status(workflow_id).is_done, "jobs are left")


def stop(api: Api, workflow_id: int) -> None:
    """Stop a workflow's workers, and wait until they are gone."""
    api.cancel_allocations(workflow_id)
    until(lambda: not api.status(workflow_id).workers, "a worker does not leave")
    api.database.close()


def finished(folder: Path) -> None:
    """Make ``.torc/torc.db`` in a folder, with one workflow that ran to its end."""
    api = make_api(folder / ".torc" / "torc.db")
    workflow_id = declare(api, folder)
    api.run(workflow_id, num_cpus=1, idle_timeout=30.0)
    finish(api, workflow_id)
    stop(api, workflow_id)
