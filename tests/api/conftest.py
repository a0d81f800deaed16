"""An Api on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.workers import end_workers

from torc_nb.api import Api, make_api
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
