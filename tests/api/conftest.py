"""An Api on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.queues import Queue
from services.workers import end_workers

from torc_nb import launch, slurm
from torc_nb.api import Api, campaigns, launching, make_api
from torc_nb.models import WorkflowModel


@pytest.fixture
def api(store_url: str) -> Iterator[Api]:
    """An Api; the workers that the test started are ended."""
    opened = make_api(store_url)
    yield opened
    end_workers(opened)
    opened.database.close()


@pytest.fixture
def workflow(api: Api, tmp_path: Path) -> WorkflowModel:
    """A workflow."""
    return api.create_workflow(WorkflowModel(name="sweep", files=str(tmp_path / "files")))


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """What is there instead of Slurm."""
    queue = Queue()
    monkeypatch.setattr(slurm, "available", lambda: True)
    monkeypatch.setattr(slurm, "cancel", queue.cancel)
    monkeypatch.setattr(slurm, "requeue", queue.requeue)
    monkeypatch.setattr(slurm, "kept_out", lambda _: "")
    monkeypatch.setattr(launch, "array_size", lambda n: n)
    monkeypatch.setattr(launching, "submit", queue.submit)
    monkeypatch.setattr(launching, "refuse_elsewhere", lambda *_: None)
    monkeypatch.setattr(launching, "_ask_slurm", lambda *_: None)
    monkeypatch.setattr(campaigns, "NOT_NOW", 0.0)
    monkeypatch.setattr(campaigns, "REFUSED", 0.0)
    return queue


@pytest.fixture
def id_(api: Api, workflow: WorkflowModel, queue: Queue) -> int:
    """A workflow of a hundred jobs."""
    assert workflow.id is not None
    api.map_function(workflow.id, lambda x: x, range(100), name="same")
    return workflow.id
