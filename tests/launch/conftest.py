"""What launches need: workers that find the tests' functions, and a folder where they leave their answers."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from services.workers import SEARCH_PATH

from torc_nb.models import WorkerSettings

#: The search path of workers that import ``launch.works``.
WORKS = os.pathsep.join([str(Path(__file__).parents[1]), SEARCH_PATH])


class Answers:
    """A folder in which the functions of ``works`` leave files, and the settings that lead them there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()

    def settings(self, allocation_id: int = 1, seconds: float = 60.0) -> WorkerSettings:
        """Settings for one worker, which leaves by itself after some seconds."""
        return WorkerSettings(str(self.folder), 7, allocation_id, idle_timeout=seconds, only=[3, 5])

    def wait(self, name: str = "report", allocation_id: int = 1, seconds: float = 40.0) -> Any:
        """What the worker left under this name; removed, so that the next one can be waited for."""
        path = self.folder / f"{allocation_id}.{name}"
        until(path.exists, seconds, f"no {path.name}")
        content = json.loads(path.read_text())
        path.unlink()
        return content

    def ask(self, text: str) -> None:
        """Check that the worker lives, and that no signal reached it."""
        draft = self.folder / "draft"
        draft.write_text(text)
        draft.rename(self.folder / "question")
        assert self.wait("answer") == [text, []]


def until(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{complaint} after {seconds} s"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no process has this id, not even a dead one that nobody waited for."""
    return not Path(f"/proc/{pid}").exists()


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    """Where workers leave their answers."""
    return Answers(tmp_path / "answers")


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import the tests' functions."""
    monkeypatch.setenv("PYTHONPATH", WORKS)


@pytest.fixture
def leave_none() -> Iterator[list[int]]:
    """A list for process ids of workers, ended after the test whatever happens."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)
