"""Steps of one workflow timed in turn, each in a fresh interpreter, beside another workflow's worker that goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.million import NEIGHBOURS_JOBS, exchange_until
from tests.benchmarks.report import Table
from tests.benchmarks.trial import in_fresh_interpreter
from tests.benchmarks.workload import generated_parameters, run

LIMIT_SECONDS = 600.0
NOTES = [
    "Each step runs in an interpreter that does nothing else; memory is that process's peak, imports included.",
    "The neighbour is another workflow's worker in the same database; its longest exchange is timed.",
]


def table(folder: Path, figures: Callable[[Place], dict[str, str]]) -> Table:
    """Take the figures on each database, one after the other; a column each."""
    columns = {}
    for name, database in DATABASES.items():
        with database(folder) as place:
            columns[name] = figures(place)
    rows = [[figure, *(column[figure] for column in columns.values())] for figure in next(iter(columns.values()))]
    return Table(["Figure", *columns], rows)


def begin_neighbour(place: Place) -> None:
    """Give the other workflow its jobs."""
    neighbour = place.workflow("neighbour")
    neighbour.map(run, generated_parameters(NEIGHBOURS_JOBS))
    neighbour.start()


def take(name: str, module: str, place: Place, word: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Let a module do what the word says; returns its answer, which tells seconds and peak_mib, and the figures."""
    with ThreadPoolExecutor(1) as thread:
        step = thread.submit(in_fresh_interpreter, module, [*place, word], LIMIT_SECONDS)
        exchanges = exchange_until(step, place)
    answer = step.result()
    return answer, {
        f"{name}, s": f"{answer['seconds']:.2f}",
        f"{name}, peak MiB": f"{answer['peak_mib']:.0f}",
        f"{name}, neighbour's longest exchange ms": f"{1000 * max(exchanges):.0f}",
    }
