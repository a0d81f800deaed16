"""Question: what does it take to write a workflow of a million completed jobs to a file, and to open it?

The jobs are those of `frames`: five parameters and three results each. Each figure is from a fresh interpreter; memory
is its peak, imports included.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.frames import NAME as WORKFLOW
from tests.benchmarks.frames import prepare
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import in_fresh_interpreter, peak_mib

NAME = "export"
LIMIT_SECONDS = 1200.0
_MIB = 1024 * 1024

HEADINGS = [
    "Database", "export s", "CPU s", "Peak MiB", "File MiB", "open s", "open and results() s", "Peak MiB of these",
]  # fmt: skip


def measure(jobs: int, folder: Path) -> Section:
    """Make so many jobs on each database, export them and open what was written."""
    rows = []
    for name, database in DATABASES.items():
        with database(folder) as place:
            prepare(place, jobs)
            took = {
                word: in_fresh_interpreter("tests.benchmarks.export", [*place, word], LIMIT_SECONDS) for word in ACTS
            }
        rows.append([
            name, f"{took['export']['seconds']:.1f}", f"{took['export']['cpu_seconds']:.1f}",
            f"{took['export']['peak_mib']:.0f}",
            f"{took['export']['size'] / _MIB:.0f}", f"{took['open']['seconds']:.1f}",
            f"{took['results']['seconds']:.1f}", f"{took['results']['peak_mib']:.0f}",
        ])  # fmt: skip
    return Section(f"Exporting {jobs:,} completed jobs", Table(HEADINGS, rows), [
        "Five parameters and three results a job; each figure is from an interpreter that does nothing else.",
        "CPU: of that process; the database server's is its own.",
    ])  # fmt: skip


def _export(place: Place) -> None:
    place.workflow(WORKFLOW).export(_file(place), overwrite=True)


def _open(place: Place) -> Any:
    from torc_nb import Workflow

    return Workflow.open(_file(place))


def _file(place: Place) -> Path:
    return Path(place.files).with_name("sweep.zip")


ACTS: dict[str, Callable[[Place], Any]] = {
    "export": _export,
    "open": _open,
    "results": lambda place: _open(place).results(),
}


def _timed(url: str, files: str, word: str) -> dict[str, Any]:
    import torc_nb.workflow.exporting  # noqa: F401  (imports are nobody's time here)

    place = Place(url, files)
    before, cpu_before = time.perf_counter(), time.process_time()
    ACTS[word](place)
    took = {"seconds": time.perf_counter() - before, "cpu_seconds": time.process_time() - cpu_before}
    return took | {"size": _file(place).stat().st_size, "peak_mib": peak_mib()}


if __name__ == "__main__":
    print("\n" + json.dumps(_timed(*sys.argv[1:])))
