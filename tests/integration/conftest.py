"""What the whole house is tested with: a folder, a database, real kernels, and processes that are ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import SEARCH_PATH, end_workers

from torc_nb.api import Api, current, make_api


def until(condition: Callable[[], object], seconds: float = 30, complaint: str = "it did not come about") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the test's folder, with nothing opened before, and let workers find torc_nb."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", SEARCH_PATH)
    monkeypatch.setattr(current, "_api", None)
    monkeypatch.setattr(current, "_workflow_id", None)


@pytest.fixture
def api(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The database that all kernels of the test use; its workers are ended."""
    monkeypatch.setenv("TORC_NB_DATABASE_URL", store_url)
    opened = make_api(store_url)
    yield opened
    end_workers(opened)
    opened.database.close()


@pytest.fixture
def kernel(tmp_path: Path, api: Api) -> Iterator[Kernel]:
    """A kernel beside the notebook."""
    with Kernel(tmp_path) as started:
        yield started
