"""A Workflow on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.workers import end_workers

from torc_nb.workflow import Workflow


@pytest.fixture
def wf(store_url: str, tmp_path: Path) -> Iterator[Workflow]:
    """A workflow; the workers that the test started are ended."""
    opened = Workflow("sweep", db=store_url, files=tmp_path / "files")
    yield opened
    end_workers(opened.api)
    opened.api.database.close()


@pytest.fixture
def finish(wf: Workflow) -> Callable[[], None]:
    """Runs all jobs of the workflow on this machine."""

    def run_all() -> None:
        wf.run(num_cpus=2)
        wf.wait(timeout=40, progress=False)

    return run_all
