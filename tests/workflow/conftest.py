"""A Workflow on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import SEARCH_PATH, end_workers

from torc_nb.api import make_api
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


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> Iterator[list[Kernel]]:
    """Two kernels beside one notebook; the workers that they start are ended."""
    monkeypatch.setenv("PYTHONPATH", SEARCH_PATH)
    monkeypatch.setenv("TORC_NB_DATABASE_URL", store_url)
    with Kernel(tmp_path) as first, Kernel(tmp_path) as second:
        yield [first, second]
        api = make_api(store_url)
        end_workers(api)
        api.database.close()
