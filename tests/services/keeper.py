"""Ends a test service with everything it started, however the tests end.

A service owns one temporary folder, and each of its processes names that folder: in its environment, its command
line or its working folder. A keeper is a small process of its own that waits until the tests close its input or are
gone, killed perhaps. Then it ends every process that names the folder, with all descendants, and removes the
folder. So the orderly end and the sudden one are the same code.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ORDERLY_SECONDS = 2.0
LAST_SECONDS = 20.0


class Keeper:
    """The tests' end of a keeper process."""

    def __init__(self, folder: Path) -> None:
        # In a session of its own: Ctrl-C in the terminal must end the tests and not their cleaner.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder), str(os.getpid())],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )

    def clean(self) -> None:
        """End all that names the folder, and the folder; returns when it is done."""
        self._process.communicate()


def keep(folder: Path, parent: int) -> None:
    """Wait for the tests' end, then clean."""
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
        if readable:
            break
    end_all(folder, spared={os.getpid(), parent})
    shutil.rmtree(folder, ignore_errors=True)


def end_all(folder: Path, spared: set[int]) -> None:
    """End every process that names the folder: asked first, as PostgreSQL then frees its shared memory."""
    asked = time.monotonic() + ORDERLY_SECONDS
    for pid in named(folder, spared):
        _signal(pid, signal.SIGINT)
    while named(folder, spared) and time.monotonic() < asked:
        time.sleep(0.02)
    # Again and again, since what is being killed may fork meanwhile.
    last = time.monotonic() + LAST_SECONDS
    while (left := named(folder, spared)) and time.monotonic() < last:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.02)


def named(folder: Path, spared: set[int]) -> set[int]:
    """The processes, dead ones left out, that name the folder, and all their descendants, but for the spared."""
    text = os.fsencode(folder)
    children: dict[int, list[int]] = {}
    roots = []
    for pid, parent in _living():
        children.setdefault(parent, []).append(pid)
        if pid not in spared and text in _traces(pid):
            roots.append(pid)
    found: set[int] = set()
    while roots:
        pid = roots.pop()
        if pid not in found and pid not in spared:
            found.add(pid)
            roots.extend(children.get(pid, ()))
    return found


def _living() -> Iterator[tuple[int, int]]:
    """Pid and parent of every process that is not a zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name before the last parenthesis may hold anything.
                state, parent = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state not in b"ZX":
                yield int(entry.name), int(parent)


def _traces(pid: int) -> bytes:
    """Environment, command line and working folder of a process, as far as they may be read."""
    traces = []
    for name in ("environ", "cmdline"):
        try:
            traces.append(Path(f"/proc/{pid}/{name}").read_bytes())
        except OSError:
            continue
    try:
        traces.append(os.fsencode(Path(f"/proc/{pid}/cwd").readlink()))
    except OSError:
        pass
    return b"\0".join(traces)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
