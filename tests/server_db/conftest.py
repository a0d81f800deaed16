"""A folder in which an ordinary user works: root's tests go there in a user namespace of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from services.keeper import Keeper
from services.workers import SEARCH_PATH

#: PostgreSQL refuses to run as root; within such a namespace root is somebody else, and its files are.
AS_SOMEBODY = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []


class Study:
    """A folder with a database, and the commands that its user types there."""

    def __init__(
        self, folder: Path, as_user: Sequence[str] = AS_SOMEBODY, python: str = sys.executable, **environment: str
    ) -> None:
        self.folder = folder
        self._as_user = as_user
        self._python = python
        self._added = environment
        self.server = folder / ".torc" / "server"

    def torc(self, *words: str, code: int = 0) -> str:
        """Type a command; returns what it says."""
        return self._run(["-m", "torc_nb.cli", *words], code)

    def facts(self, *words: str) -> Any:
        """Type a command with --json; returns what it answers."""
        return json.loads(self.torc(*words, "--json"))

    def python(self, source: str, code: int = 0) -> str:
        """Run a script."""
        return self._run(["-c", source], code)

    def begin(self, source: str) -> subprocess.Popen[str]:
        """Start a script that is left running."""
        return subprocess.Popen(
            [*self._as_user, self._python, "-c", source],
            cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def lease(self) -> dict[str, Any]:
        """What the server's keeper says of itself."""
        found: dict[str, Any] = json.loads((self.server / "lease.json").read_text())
        return found

    def keeper(self) -> psutil.Process:
        """The process that keeps the server."""
        return psutil.Process(self.lease()["pid"])

    def servers(self) -> list[psutil.Process]:
        """The servers that run on these data: there must never be two."""
        wanted = str(self.server / "data")
        found = {
            process.pid: process
            for process in psutil.process_iter(["cmdline", "status", "ppid"])
            if wanted in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE
        }
        # What a server just forked for a connection still has its command line.
        return [process for process in found.values() if process.info["ppid"] not in found]

    def until(self, condition: Callable[[], object], seconds: float = 40.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not come to pass\n{self._logs()}"
            time.sleep(0.05)

    def _logs(self) -> str:
        paths = [self.server / "keeper.log", self.server / "server.log", self.server / "lease.json"]
        return "\n".join(path.read_text()[-3000:] for path in paths if path.exists())

    def _run(self, arguments: list[str], code: int) -> str:
        done = subprocess.run(
            [*self._as_user, self._python, "-P", *arguments],
            cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=180,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TORC_", "PG", "XDG_"))}
        return kept | {"HOME": str(self.folder), "PYTHONPATH": SEARCH_PATH} | self._added


@pytest.fixture
def study() -> Iterator[Study]:
    """A folder of an ordinary user; all that it started is ended."""
    folder = Path(tempfile.mkdtemp(prefix="torc-nb-study-"))
    keeper = Keeper(folder)
    yield Study(folder)
    keeper.clean()
