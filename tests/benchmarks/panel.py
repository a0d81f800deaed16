"""Question: is JupyterLab's panel quick with a workflow of a million jobs, and does it cost its server no memory?

A real JupyterLab in Chromium; a worker on this machine runs the jobs, of which one in a thousand fails.
"""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from browser import chromium
from browser.page import Page
from browser.panel import Panel
from services.jupyter import JupyterServer

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import inverse

NAME = "panel"
#: The panel's scripts, as they are installed.
SCRIPTS = Path(__file__).parents[2] / "torc_nb" / "labextension" / "static"
#: How often it is opened, and in how many frames one drags through all jobs: ten seconds where none is late.
OPENINGS, FRAMES = 5, 600
#: What the server makes at the first questions and keeps: its memory is looked at after so many seconds, then so often.
SETTLING, LOOK = 20.0, 1.0

#: Click, and say after how many milliseconds something was painted: the frame after the one in which it is there.
_PAINTED = """async ([click, shown]) => {
    const root = document.querySelector("#torc-nb-panel");
    const frame = () => new Promise(requestAnimationFrame);
    const is_there = () => [...root.querySelectorAll(shown)].some(one => /\\d/.test(one.textContent));
    const began = performance.now();
    root.querySelector(click).click();
    do { await frame(); } while (!is_there());
    await frame();
    return performance.now() - began;
}"""

#: Scroll to a part of the list, and say after how many milliseconds its rows were painted.
_REACHED = """async part => {
    const list = document.querySelector("#torc-nb-panel [role=listbox]");
    const frame = () => new Promise(requestAnimationFrame);
    const began = performance.now();
    list.scrollTop = part * (list.scrollHeight - list.clientHeight);
    do { await frame(); await frame(); } while ([...list.querySelectorAll("[role=option]")].some(
        row => row.textContent.trim() === "…"));
    return performance.now() - began;
}"""

_HEAR_LONG_TASKS = """() => {
    window.longTasks = [];
    new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(one => one.duration)))
        .observe({ type: "longtask" });
}"""


def measure(jobs: int, seconds: float, folder: Path) -> Section:
    """Measure on each database, one after the other; a column each."""
    columns = {}
    with chromium.running() as browser:
        for name, database in DATABASES.items():
            with database(folder) as place:
                columns[name] = _figures(place, jobs, seconds, browser, folder)
    rows = [[figure, *(column[figure] for column in columns.values())] for figure in next(iter(columns.values()))]
    return Section(f"JupyterLab's panel and a workflow of {jobs:,} jobs that move", Table(["Figure", *columns], rows), [
        f"Painted: the frame after the one in which it stands there; medians are of {OPENINGS} times.",
        f"Scrolling: from beginning to end in {FRAMES} frames, a step in each; a long task is one of more than 50 ms.",
        f"Memory is the server's process alone (its proportional share, PSS), looked at {LOOK:.0f} s apart.",
        f"The panel's scripts, compressed by gzip: {bundle():.1f} kB beyond what JupyterLab shares.",
    ])  # fmt: skip


def bundle() -> float:
    """The kB that a browser loads of the panel, compressed."""
    return sum(len(gzip.compress(script.read_bytes())) for script in SCRIPTS.glob("*.js")) / 1000


def _figures(place: Place, jobs: int, seconds: float, browser: Any, folder: Path) -> dict[str, str]:
    workflow = place.workflow(NAME)
    workflow.map(inverse, range(jobs))
    workflow.run(num_cpus=1)
    try:
        with JupyterServer("lab", variables={"TORC_NB_DATABASE_URL": place.url}) as server:
            page = Page(browser, server, folder / NAME).open()
            try:
                panel = Panel(page)
                panel.workflow(NAME).wait_for()
                figures = _opened(panel) | _scrolled(panel)
                return figures | _kept_open(server, workflow, seconds)
            finally:
                page.close()
    finally:
        workflow.cancel()


def _opened(panel: Panel) -> dict[str, str]:
    """How soon what a click opens is painted."""
    panel.on.settle()  # what JupyterLab itself loads at its start
    clicks = {
        "workflow opened": [".torc-List .torc-Workflow", ".torc-Detail .torc-Legend"],
        "its maps": ["#torc-tab-maps", "[data-map]"],
        "its jobs": ["#torc-tab-jobs", ".torc-Row"],
    }
    took: dict[str, list[float]] = {what: [] for what in clicks}
    for _ in range(OPENINGS):
        for what, click in clicks.items():
            took[what].append(panel.on.evaluate(_PAINTED, click))
        panel.button("← All").click()
        panel.workflow(NAME).wait_for()
    figures = {}
    for what, times in took.items():
        figures[f"{what}, for the first time, ms"] = f"{times[0]:.0f}"
        figures[f"{what}, median ms"] = f"{median(times):.0f}"
    return figures


def _scrolled(panel: Panel) -> dict[str, str]:
    """How soon rows are painted wherever one jumps to, and how late frames are while one drags."""
    panel.open(NAME)
    panel.tab("jobs")
    panel.rows.first.wait_for()
    reached: dict[float, list[float]] = {0.5: [], 1.0: []}
    for n in range(OPENINGS):
        for part, times in reached.items():
            times.append(panel.on.evaluate(_REACHED, part - 0.002 * n))  # where nobody was before
    panel.on.evaluate(_HEAR_LONG_TASKS)
    asked = panel.on.listen("/jobs?")
    frames = panel.drag(FRAMES)
    long_tasks = panel.on.evaluate("() => window.longTasks")
    return {
        "rows of the middle, median ms": f"{median(reached[0.5]):.0f}",
        "rows of the end, median ms": f"{median(reached[1.0]):.0f}",
        "frame while scrolling, median ms": f"{median(frames):.1f}",
        "frame while scrolling, longest ms": f"{max(frames):.0f}",
        "long tasks while scrolling": str(len(long_tasks)),
        "long tasks while scrolling, longest ms": f"{max(long_tasks):.0f}" if long_tasks else "",
        "pages of rows asked for meanwhile": str(len(asked)),
    }


def _kept_open(server: JupyterServer, workflow: Any, seconds: float) -> dict[str, str]:
    """What the server's memory does while the panel is open."""
    process = psutil.Process(server.pid)
    time.sleep(SETTLING)
    moved, cpu, began = workflow.status().finished, sum(process.cpu_times()[:2]), time.monotonic()
    looks = []
    while time.monotonic() < began + seconds:
        looks.append(process.memory_full_info().pss / 2**20)
        time.sleep(LOOK)
    passed = time.monotonic() - began
    moved, cpu = workflow.status().finished - moved, sum(process.cpu_times()[:2]) - cpu
    if not moved:
        raise RuntimeError("no job moved: the memory would mean nothing")
    tenth = max(1, len(looks) // 10)
    return {
        "left open for, s": f"{passed:.0f}",
        "jobs that ended meanwhile": f"{moved:,}",
        "server's memory, first tenth, median MiB": f"{median(looks[:tenth]):.1f}",
        "server's memory, last tenth, median MiB": f"{median(looks[-tenth:]):.1f}",
        "server's memory, most MiB": f"{max(looks):.1f}",
        "server's CPU, share of one core": f"{cpu / passed:.1%}",
    }
