"""The machines of the tests are gone afterwards, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from services.hosts import Hosts
from services.keeper import named

KILLED = """
import os, subprocess
from pathlib import Path
from services.hosts import Hosts

hosts = Hosts(("desk", "n1")).__enter__()
hosts["n1"].pull_cable()
subprocess.Popen([*hosts["desk"].within(Path("/")), "sleep", "600"])
print(hosts.folder, flush=True)
os.kill(os.getpid(), 9)
"""


def test_nothing_outlives_tests_that_are_killed(hosts: Hosts) -> None:
    """Others of the same names and addresses stand beside them, and stay."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(done.stdout.strip())
    deadline = time.monotonic() + 20
    while folder.exists() or named(folder, spared=set()):
        assert time.monotonic() < deadline, named(folder, spared=set())
        time.sleep(0.1)
    assert named(hosts.folder, spared=set())
