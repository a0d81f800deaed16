"""A terminal, and folders in which it stands."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import sweep

from torc_nb import cli


class Ran(NamedTuple):
    """What a command line left on the terminal."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs command lines as ``torc-nb`` does, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, line: str) -> Ran:
        """Run a command line."""
        self._capsys.readouterr()
        code = cli.run(shlex.split(line))
        return Ran(code, *self._capsys.readouterr())

    def says(self, line: str) -> str:
        """Run a command line that has to succeed, and return what it prints."""
        ran = self.run(line)
        assert (ran.code, ran.err) == (0, "")
        return ran.out

    def refuses(self, line: str, code: int) -> str:
        """Run a command line that has to fail without printing anything, and return the message."""
        ran = self.run(line)
        assert (ran.code, ran.out) == (code, "")
        return ran.err


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal of a process that has opened nothing yet."""
    return Terminal(capsys)


@pytest.fixture(scope="session")
def _master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep.made_once(tmp_path_factory)


@pytest.fixture
def finished(_master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a workflow ``sweep`` that ran: jobs 1 to 5, of which 3 failed, and 6, postprocess.

    Its database is a copy for each test; its folder of logs is shared.
    """
    folder = tmp_path / "here"
    shutil.copytree(_master / ".torc", folder / ".torc")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it and no database above."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
