"""Workers on this machine, as the tests start and end them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

import torc_nb
from torc_nb.api import Api

#: What lets worker processes import torc_nb where it is not installed, and nothing of the tests.
SEARCH_PATH = str(Path(torc_nb.__file__).parents[1])

#: How long a worker that was told to leave may take, in seconds.
_LEAVING = 15.0


def is_there(pid: int) -> bool:
    """Whether a process runs; one that only waits to be waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone, or going while it is read
        return False


def pids(api: Api, workflow_id: int) -> list[int]:
    """The process ids of a workflow's local allocations that live."""
    local = [int(one.scheduler_job or 0) for one in api.list_allocations(workflow_id) if one.kind == "local"]
    return [pid for pid in local if pid and is_there(pid)]


def end_workers(api: Api) -> None:
    """End all workers on this machine of all workflows of a database: asked first, then killed."""
    for workflow in api.list_workflows():
        left = pids(api, workflow.id or 0)
        _send(left, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while any(map(is_there, left)) and time.monotonic() < deadline:
            time.sleep(0.02)
        _send(left, signal.SIGKILL)


def kill_those_of(folder: Path) -> list[int]:
    """Kill the workers on this machine whose files are in a folder; returns the ids of those that were not leaving."""
    left = _those_of(folder)
    deadline = time.monotonic() + _LEAVING
    while any(map(is_there, left)) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [pid for pid in left if is_there(pid)]
    _send(left, signal.SIGKILL)
    return left


def _those_of(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "torc_nb.worker" in (line := process.info["cmdline"] or []) and any(str(folder) in word for word in line)
    ]


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid, number)
