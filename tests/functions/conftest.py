"""A real notebook and a real worker for these tests, each request in a process of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from torc_nb.functions import Function

ROOT = Path(__file__).parents[2]


class Stage:
    """Plays notebooks or workers in fresh processes."""

    def __init__(self, kind: str, home: Path, seed: str = "random") -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "IPYTHONDIR": str(home)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stage.py")), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def play(self, cwd: Path, *request: Any) -> Any:
        """Ask for one thing; raises what was raised there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((str(cwd), request), self._process.stdin)
        self._process.stdin.flush()
        good, answer = pickle.load(self._process.stdout)
        if not good:
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Notebook:
    """Cells of one notebook, and the folder it lies in."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """Put a file beside the notebook."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def get(self, *cells: str, ask: str) -> Any:
        """Run the cells in a new kernel and evaluate an expression; its names are in `ns`."""
        return self._stage.play(self.folder, cells, ask)

    def capture(self, *cells: str, ask: str = "capture(ns['run'])") -> Function:
        """Run the cells in a new kernel and capture `run`."""
        function = self.get(*cells, ask=ask)
        assert isinstance(function, Function)
        return function


class Worker:
    """Loads and calls functions in another process and another folder."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self._folder = folder

    def call(self, function: Function, *arguments: Any) -> Any:
        """Load a function and call it; a failing call gives its traceback as text."""
        results = self.call_all([function], [arguments])
        return results if isinstance(results, str) else results[0]

    def call_all(self, functions: list[Function], argument_lists: list[Any]) -> Any:
        """Load several functions into one process, then call them."""
        return self._stage.play(self._folder, functions, argument_lists)


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where notebooks are played."""
    stage = Stage("notebook", tmp_path_factory.mktemp("ipython"))
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where workers are played."""
    stage = Stage("worker", tmp_path_factory.mktemp("worker"))
    yield stage
    stage.close()


@pytest.fixture
def notebook(notebooks: Stage, tmp_path: Path) -> Notebook:
    """An empty notebook in an empty folder."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    return Notebook(notebooks, folder)


@pytest.fixture
def worker(workers: Stage, tmp_path: Path) -> Worker:
    """A worker in an empty folder elsewhere."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Worker(workers, folder)
