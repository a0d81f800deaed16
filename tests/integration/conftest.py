"""What the whole house is tested with: a database, real kernels, and processes that are ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import end_workers

from torc_nb.api import Api, make_api


def until(condition: Callable[[], object], seconds: float = 30, complaint: str = "it did not come about") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)


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
