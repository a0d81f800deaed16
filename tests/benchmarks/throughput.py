"""Question: how many times faster than `ProcessPoolExecutor(2).map(chunksize=1)` is torc_nb on many trivial jobs?

Clock: the pool's runs from before `map` to the list of results in hand, torc_nb's from before `map` to the DataFrame.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.benchmarks.contenders import POOL, TORC_NB
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import CouldNotRun, Timing, timing_of

LIMIT_SECONDS = 600.0


def measure(jobs: int, pairs: int, folder: Path) -> Section:
    """Time the two in turn, `pairs` times: what slows the machine for a while then slows both."""
    heading = f"{jobs:,} trivial jobs, torc_nb and the process pool in turn"
    headings = ["Pair", f"{POOL.name} jobs/s", f"{TORC_NB.name} jobs/s", "Ratio"]
    rows, ratios = [], []
    for pair in range(1, pairs + 1):
        pool, torc_nb = (_rate(contender.name, jobs, folder) for contender in (POOL, TORC_NB))
        if isinstance(pool, Timing) and isinstance(torc_nb, Timing):
            ratios.append(torc_nb.rate / pool.rate)
        rows.append([str(pair), _shown(pool), _shown(torc_nb), f"{ratios[-1]:.2f}" if len(ratios) == pair else ""])
    rows.append(["median", "", "", f"{median(ratios):.2f}" if len(ratios) == pairs else "none: a run gave no figure"])
    return Section(heading, Table(headings, rows), [
        f"{TORC_NB.name}: {TORC_NB.setup}.",
        "SQLite in WAL mode with `synchronous = NORMAL`, as for every user.",
        f"Pool: {POOL.setup}.",
    ])


def _rate(name: str, jobs: int, folder: Path) -> Timing | CouldNotRun:
    try:
        return timing_of(name, jobs, LIMIT_SECONDS, folder)
    except CouldNotRun as reason:
        return reason


def _shown(outcome: Timing | CouldNotRun) -> str:
    return f"{outcome.rate:,.0f}" if isinstance(outcome, Timing) else f"could not run: {outcome}"
