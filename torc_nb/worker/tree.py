"""A process with all that descends from it, in whatever groups and sessions: found, and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Let what this process's descendants leave behind become its own children, so that it can be found (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return what descends from a process, parents before their children."""
    found = [pid]
    for member in found:
        found += _children(member)
    return found[1:]


def kill_descendants(pid: int) -> None:
    """Kill what descends from a process, with the groups that it leads: what it starts at this moment is in those."""
    for member in descendants(pid):
        kill_group(member)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


def end_descendants(seconds: float) -> None:
    """Kill all that descends from this process, and wait until it is gone; not for what is stuck in the kernel."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
        except ChildProcessError:  # there are none: the usual case, told by one system call
            return
        if left is None:
            kill_descendants(os.getpid())
            time.sleep(0.001)


def kill_group(leader: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal all of a group, if there is one of this leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _children(pid: int) -> list[int]:
    """The children of all threads of a process; none of one that is gone."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - a nursery looks, which has no time for more
        texts = [Path(f"/proc/{pid}/task/{thread}/children").read_text() for thread in threads]
    except ProcessLookupError:
        return []
    except FileNotFoundError:
        return [] if Path("/proc/thread-self/children").exists() else _asked_of_psutil(pid)
    return [int(child) for text in texts for child in text.split()]


def _asked_of_psutil(pid: int) -> list[int]:
    """Where the kernel has no such lists."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []
