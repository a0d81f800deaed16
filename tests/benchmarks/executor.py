"""Question: as a `concurrent.futures.Executor`, how fast is torc_nb beside ProcessPoolExecutor and executorlib?

Two clocks: from `submit` to `result()` of a trivial call, one call at a time, and from before `map` of many trivial
calls to the list of their results. The executors are open side by side and take turns, so that what slows the machine
for a while slows all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.contenders import WORKERS
from tests.benchmarks.databases import Place
from tests.benchmarks.report import Section, Table
from tests.benchmarks.workload import run

HEADINGS = ["Executor", "Calls", "submit to result(), median ms", "calls of map", "map, calls/s, median", "rounds"]
#: How many calls one `map` of executorlib's process per call is given: it starts a Python for each.
SLOW_CALLS = 20
#: The bar of a call's time: so many times that of the process pool, and so many seconds more.
TIMES, MORE = 3, 0.005


def measure(singles: int, calls: int, rounds: int, folder: Path) -> Section:
    """Time single calls and maps, in turn."""
    with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own, ExitStack() as stack:
        opened = {name: stack.enter_context(open_(Path(own))) for name, open_ in CONTENDERS.items()}
        for executor in opened.values():
            executor.submit(run, {"x": 1, "y": 2}).result()
        single = _interleaved(opened, singles, _single)
        amounts = {name: SLOW_CALLS if name == PER_CALL else calls for name in opened}
        maps: dict[str, list[float]] = {name: [] for name in opened}
        for _ in range(rounds):
            for name, executor in opened.items():
                maps[name].append(amounts[name] / _map(executor, amounts[name]))
    rows = [
        [name, f"{len(single[name]):,}", f"{1000 * median(single[name]):.2f}" if single[name] else "",
         f"{amounts[name]:,}", f"{median(maps[name]):,.0f}", str(rounds)]
        for name in opened
    ]  # fmt: skip
    bar = TIMES * median(single[POOL]) + MORE
    verdict = "met" if median(single[OURS]) <= bar else "missed"
    return Section("As an executor", Table(HEADINGS, rows), [
        f"Bar of a single call: {TIMES} times {POOL} + {1000 * MORE:.0f} ms = {1000 * bar:.2f} ms: {verdict}.",
        f"{OURS}: `wf.executor(local={WORKERS})`, SQLite; each call is a job with its result in the database.",
    ])


def _interleaved(
    opened: dict[str, Executor], n: int, timed: Callable[[Executor], float]
) -> dict[str, list[float]]:
    """Time each executor `n` times, in turn; the one that starts a process for each call is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in opened}
    for _ in range(n):
        for name, executor in opened.items():
            if name != PER_CALL:
                seconds[name].append(timed(executor))
    return seconds


def _single(executor: Executor) -> float:
    before = time.perf_counter()
    executor.submit(run, {"x": 1, "y": 2}).result()
    return time.perf_counter() - before


def _map(executor: Executor, calls: int) -> float:
    params = [{"x": x, "y": 0.5} for x in range(calls)]
    before = time.perf_counter()
    results = list(executor.map(run, params))
    seconds = time.perf_counter() - before
    if results != [{"total": each["x"] + each["y"]} for each in params]:
        raise ValueError(f"{executor!r} returned wrong results")
    return seconds


@contextmanager
def _ours(folder: Path) -> Iterator[Executor]:
    workflow = Place(f"sqlite:///{folder}/torc.db", f"{folder}/files").workflow("executor")
    with workflow.executor(local=WORKERS) as executor:
        yield executor


@contextmanager
def _pool(folder: Path) -> Iterator[Executor]:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(WORKERS) as executor:
        yield executor


@contextmanager
def _executorlib(folder: Path, **options: Any) -> Iterator[Executor]:
    from executorlib import SingleNodeExecutor  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with SingleNodeExecutor(max_cores=WORKERS, **options) as executor:
        yield executor


@contextmanager
def _executorlib_block(folder: Path) -> Iterator[Executor]:
    with _executorlib(folder, block_allocation=True) as executor:
        yield executor


OURS, POOL, PER_CALL = "torc_nb", "ProcessPoolExecutor", "executorlib"
CONTENDERS = {OURS: _ours, POOL: _pool, "executorlib, block": _executorlib_block, PER_CALL: _executorlib}
