"""Steps of one workflow timed in turn, each in a fresh interpreter, beside another workflow's worker that goes on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import DATABASES, Place
from tests.benchmarks.million import NEIGHBOURS_JOBS, exchange_until
from tests.benchmarks.report import Table
from tests.benchmarks.trial import in_fresh_interpreter, peak_mib
from tests.benchmarks.workload import generated_parameters, run

LIMIT_SECONDS = 600.0
NOTES = [
    "Each step runs in an interpreter that does nothing else; memory is that process's peak, imports included.",
    "The neighbour is another workflow's worker in the same database; its longest exchange is timed.",
]

#: What a step tells beside its time.
Told = dict[str, int]


def table(
    folder: Path,
    module: str,
    steps: Mapping[str, str],
    prepare: Callable[[Place], None],
    check: Callable[[str, Told], object],
) -> Table:
    """Time the steps on each database, one after the other; a column each.

    Parameters
    ----------
    module : str
        Does what it is told by a word, see ``answer``.
    steps : mapping
        The names of the steps, and the words for them.
    check : callable
        Raises where what a step tells is not as it has to be.
    """
    columns = {}
    for name, database in DATABASES.items():
        with database(folder) as place:
            prepare(place)
            _begin_neighbour(place)
            columns[name] = {}
            for step, word in steps.items():
                columns[name] |= _take(step, module, place, word, check)
    rows = [[figure, *(column[figure] for column in columns.values())] for figure in next(iter(columns.values()))]
    return Table(["Figure", *columns], rows)


def answer(name: str, step: Callable[[Any, int, str], Told]) -> None:
    """Do one step to the workflow of a name, as the command line says, and print how long it took and what it tells."""
    url, files, word = sys.argv[1:]
    api: Any = Place(url, files).workflow(name).api
    workflow_id = api.list_workflows(name=name)[-1].id
    before = time.perf_counter()
    told = step(api, workflow_id, word)
    seconds = time.perf_counter() - before
    print("\n" + json.dumps({"seconds": seconds, "peak_mib": peak_mib(), "told": told}))


def _begin_neighbour(place: Place) -> None:
    """Give the other workflow its jobs."""
    neighbour = place.workflow("neighbour")
    neighbour.map(run, generated_parameters(NEIGHBOURS_JOBS))
    neighbour.start()


def _take(name: str, module: str, place: Place, word: str, check: Callable[[str, Told], object]) -> dict[str, str]:
    """Let a module do what the word says; returns the figures."""
    with ThreadPoolExecutor(1) as thread:
        step = thread.submit(in_fresh_interpreter, module, [*place, word], LIMIT_SECONDS)
        exchanges = exchange_until(step, place)
    took = step.result()
    check(word, took["told"])
    return {
        f"{name}, s": f"{took['seconds']:.2f}",
        f"{name}, peak MiB": f"{took['peak_mib']:.0f}",
        f"{name}, neighbour's longest exchange ms": f"{1000 * max(exchanges):.0f}",
    }
