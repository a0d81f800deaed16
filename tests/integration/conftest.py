"""What the whole house is tested with: a database, real kernels, and processes that are ended."""

from __future__ import annotations

import os
import subprocess
import sys
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


def begin(folder: Path, code: str) -> str:
    """Run a notebook's cells in a process that is gone afterwards; returns what it printed."""
    script = folder / "notebook.py"
    script.write_text(f"from integration.works import leave_a_mark\nfrom torc_nb import Workflow\n{code}")
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(Path(__file__).parents[1])])}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(folder: Path) -> list[str]:
    """The rows whose jobs left their mark."""
    path = folder / "ran"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


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
