"""A database that is removed takes its workers with it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psutil

from torc_nb import Workflow


def test_workers_leave_when_their_database_is_removed(tmp_path: Path) -> None:
    """An idle worker notices that the SQLite file is gone, ends, and does not make it anew."""
    workflow = Workflow("gone", db=tmp_path / "place" / "torc.db")
    workflow.map(len, [[1], [1, 2]])
    workflow.run(num_cpus=1)
    workflow.wait(timeout=60, progress=False)
    worker = psutil.Process(int(workflow.workers()["pid"].iloc[0]))
    shutil.rmtree(tmp_path / "place")
    deadline = time.monotonic() + 30
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert not (tmp_path / "place").exists()
