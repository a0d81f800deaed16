"""A running job's output, followed until it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torc_nb.errors import NotFound
from torc_nb.workflow import Workflow


def talk(folder: str) -> None:
    """Say something, wait to be allowed to go on, and fail."""
    print("first: é", flush=True)
    while not (Path(folder) / "go on").exists():
        time.sleep(0.02)
    print("second", file=sys.stderr)
    print("third")
    raise ValueError("enough")


def _until(is_so: Callable[[], Any], seconds: float = 25) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture
def talking(wf: Workflow, tmp_path: Path) -> int:
    """A job that runs, and has said its first word."""
    wf.map(talk, [str(tmp_path)], unpack=False)
    wf.run(num_cpus=1)
    (job,) = wf.jobs().index
    _until(lambda: wf.jobs().status.item() == "running")
    return int(job)


def _live(wf: Workflow, tmp_path: Path) -> list[Path]:
    return list((tmp_path / "files").rglob("live/*"))


def test_a_job_is_followed_until_it_ends(wf: Workflow, tmp_path: Path, talking: int) -> None:
    """What it prints is there while it runs, once; then the rest, and its traceback; nothing is left of it."""
    said: list[str] = []

    def follow() -> None:
        said.extend(wf.api.follow(wf.id, talking))

    thread = threading.Thread(target=follow)
    thread.start()
    _until(lambda: "first: é\n" in "".join(said))
    assert "second" not in "".join(said)
    (tmp_path / "go on").touch()
    thread.join(25)
    text = "".join(said)
    assert not thread.is_alive()
    assert [text.count(word) for word in ("first: é", "second\n", "third\n")] == [1, 1, 1]
    assert text.endswith("ValueError: enough\n")
    _until(lambda: not _live(wf, tmp_path))
    assert "".join(wf.api.follow(wf.id, talking)).count("third\n") == 1
    with pytest.raises(NotFound):
        next(wf.api.follow(wf.id, 99))


def test_ctrl_c_ends_the_following_alone(wf: Workflow, tmp_path: Path, talking: int, store_url: str) -> None:
    """On a terminal: the job goes on, and the worker shows it no more."""
    command = [sys.executable, "-m", "torc_nb.cli", "logs", str(talking), "--follow", "--db", store_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "first: é\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert f"No longer following job {talking}; it goes on." in rest
    assert process.returncode == 0
    assert wf.jobs().status.item() == "running"
    _until(lambda: not _live(wf, tmp_path))
    (tmp_path / "go on").touch()
    wf.wait(timeout=30, progress=False)
    assert "third" in str(wf.logs(talking))


def test_a_job_that_waits_is_waited_for(wf: Workflow, tmp_path: Path) -> None:
    """It says so, once."""
    wf.map(talk, [str(tmp_path)], unpack=False)
    (job,) = wf.jobs().index
    following = wf.api.follow(wf.id, int(job))
    assert next(following) == f"(job {job} does not run yet: it is uninitialized)\n"
    (tmp_path / "go on").touch()
    wf.run(num_cpus=1)
    assert "third\n" in "".join(following)
