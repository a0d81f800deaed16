"""Question: what does an open view of a workflow of a million jobs cost the kernel and the browser, while jobs move?

A real kernel shows the view; a worker on this machine runs the jobs, of which one in a thousand fails. This process is
the front end: it says that it is there and counts what it is sent.
"""

from __future__ import annotations

import json
import queue
import time
from pathlib import Path
from statistics import median
from typing import Any

from services.kernel import Kernel

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table

NAME = "live"
#: How long is looked on, in seconds, after the first updates, which bring everything.
SECONDS, FIRST = 30.0, 5.0

HEADINGS = [
    "Database", "Updates", "Jobs moved", "CPU of the kernel's thread, median ms", "most ms",
    "Asking included, median ms", "most ms", "To the browser, median kB", "most kB",
]  # fmt: skip

OPEN = """
import json, time
from torc_nb import Workflow
def run(x):
    import time
    time.sleep(0.001)
    return 1 / (x % 1000)
wf = Workflow({name!r}, db={url!r}, files={files!r})
m = wf.map(run, range({jobs}))
wf.run()
took = []
look = wf.view.look
def timed():
    wall, cpu = time.perf_counter(), time.thread_time()
    changed = look()
    took.append((time.perf_counter() - wall, time.thread_time() - cpu))
    return changed
wf.view.look = timed
"""
TOLD = "assert wf.view._error is None\nprint('told', json.dumps([took, wf.view._status.finished]))"


def measure(jobs: int, folder: Path) -> Section:
    """Look at a workflow of so many jobs on each database."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            rows.append([name, *_watched(place, jobs, folder)])
    return Section(f"A view of {jobs:,} jobs that move", Table(HEADINGS, rows), [
        "An update: the database is asked, what changed is drawn up and sent. Its thread waits for most of it.",
        f"Over {SECONDS:.0f} s. To the browser: all messages of the view between two looks, with their headers.",
    ])  # fmt: skip


def _watched(place: Place, jobs: int, folder: Path) -> list[str]:
    with Kernel(folder) as kernel:
        kernel.run(OPEN.format(name=NAME, jobs=jobs, **place._asdict()), seconds=300)
        comm_id = kernel.run("wf\nprint(wf.view._live.comm.comm_id)").split()[-1]
        front_end = FrontEnd(kernel, comm_id)
        kernel.run("wf")
        front_end.listen(FIRST)
        before, _ = _told(kernel)
        sent = front_end.listen(SECONDS)
        after, finished = _told(kernel)
        kernel.run("wf.cancel()", seconds=120)
    took = after[len(before) :]
    if len(took) < SECONDS / 2 or finished in (0, jobs):
        raise RuntimeError(f"nothing moved: {len(took)} updates, {finished:,} jobs finished")
    wall, cpu = ([1000 * one[i] for one in took] for i in (0, 1))
    figures = [median(cpu), max(cpu), median(wall), max(wall), median(sent), max(sent)]
    return [str(len(took)), f"{finished:,}", *(f"{one:.1f}" for one in figures)]


class FrontEnd:
    """A browser, as far as the kernel can tell: it says that it shows the view, and is sent what changes."""

    def __init__(self, kernel: Kernel, comm_id: str) -> None:
        self._client: Any = kernel._client
        self._comm_id = comm_id

    def listen(self, seconds: float) -> list[float]:
        """Take what comes for some time; returns the kB of each update."""
        message = {"comm_id": self._comm_id, "data": {"method": "custom", "content": {"kind": "here", "busy": False}}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", message))
        deadline = time.monotonic() + seconds
        updates: list[float] = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                got = self._client.get_iopub_msg(timeout=left)
            except queue.Empty:
                break
            if got["msg_type"] in ("comm_msg", "update_display_data"):
                # One update is one message of the data, and what is drawn besides.
                size = len(
                    json.dumps([got[part] for part in ("header", "parent_header", "metadata", "content")], default=str)
                )
                is_new = "looks" in str(got["content"])[:100_000]
                updates = [*updates, 0.0] if is_new or not updates else updates
                updates[-1] += size / 1000
        return updates


def _told(kernel: Kernel) -> tuple[list[list[float]], int]:
    took, finished = json.loads(kernel.run(TOLD).partition("told")[2])
    return took, int(finished)
