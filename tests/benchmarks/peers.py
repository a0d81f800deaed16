"""Question: how many trivial jobs a second does each system do, all at the same count, each alone and warm?"""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.contenders import CONTENDERS, POOL, TORC_NB
from tests.benchmarks.report import Section, Table
from tests.benchmarks.trial import WARM_UP_JOBS, CouldNotRun, Timing, timing_of

HEADINGS = ["System", "Version", "Set-up", "Jobs", "Jobs/s", "Times the pool", "Start-up s (not counted)"]


def measure(jobs: int, cap_seconds: float, folder: Path) -> Section:
    """Time every contender once, one after the other."""
    outcomes = {name: _outcome(name, jobs, cap_seconds, folder) for name in CONTENDERS}
    pool = outcomes[POOL.name]
    rows = [_row(name, outcome, pool) for name, outcome in outcomes.items()]
    return Section(f"{jobs:,} trivial jobs, every system", Table(HEADINGS, rows), [
        f"Start-up is the time to open the system and to get {WARM_UP_JOBS} first results.",
        f"A system too slow to do {jobs:,} jobs in {cap_seconds:.0f} s was given fewer; the count says how many.",
        f"{TORC_NB.name} alone stores each parameter, result and attempt in a database that outlives the process.",
    ])


def _outcome(name: str, jobs: int, cap_seconds: float, folder: Path) -> Timing | CouldNotRun:
    try:
        return timing_of(name, jobs, cap_seconds, folder)
    except CouldNotRun as reason:
        return reason


def _row(name: str, outcome: Timing | CouldNotRun, pool: Timing | CouldNotRun) -> list[str]:
    setup = CONTENDERS[name].setup
    if isinstance(outcome, CouldNotRun):
        return [name, "", setup, "", f"could not run: {outcome}", "", ""]
    ratio = f"{outcome.rate / pool.rate:.2g}" if isinstance(pool, Timing) else ""
    return [name, outcome.version, setup, f"{outcome.jobs:,}", f"{outcome.rate:,.0f}", ratio,
            f"{outcome.startup_seconds:.1f}"]
