"""Question: how much longer do workers take for a mix of jobs than a list that is made with all run times at hand?

A simulation: time is played, and what decides is the workers' own code and a real database; see `tests/packing`. So it
has no clock and the machine's speed does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.databases import sqlite
from tests.benchmarks.report import Section, Table

NODES = (4, 16, 32)
HEADINGS = [
    "Run times", "Mix", "Nodes", "Times the best of three lists", "Times first come, first served",
    "Times what no schedule can beat", "Seeds",
]  # fmt: skip
#: So many jobs of each map have completed before, where their run times are observed.
ENDED_BEFORE = 12


def measure(seeds: int, folder: Path) -> Section:
    """Simulate every mix on every number of nodes, with each kind of knowledge."""
    from tests.packing.mixes import DISTRIBUTIONS, alike, unlike

    kinds: dict[str, tuple[Callable[[str, int], Any], int]] = {
        "given": (alike, 0),
        "observed before": (lambda name, seed: alike(name, seed, told=False), ENDED_BEFORE),
        "observed on the way": (lambda name, seed: alike(name, seed, told=False), 0),
        "unknown": (unlike, 0),
    }
    rows = [
        [kind, name, f"{nodes}", *_ratios([make(name, seed) for seed in range(1, seeds + 1)], nodes, before, folder)]
        for kind, (make, before) in kinds.items()
        for name in DISTRIBUTIONS
        for nodes in NODES
    ]
    return Section("How well 1,000 jobs are packed onto nodes of 16 CPUs", Table(HEADINGS, rows), [
        "Each ratio is the middle of the seeds, and in brackets the worst.",
        "Who makes the lists knows each job's run time: longest first, largest (by part of a node) first, input.",
        "Given, observed: 40 maps, whose jobs take between 0.8 of the longest and all of it.",
        "Unknown: how long is drawn for each job, so that others of its map tell nothing.",
    ])  # fmt: skip


def _ratios(runs: list[Any], nodes: int, before: int, folder: Path) -> list[str]:
    from tests.packing.lists import best, bound, first_come
    from tests.packing.simulator import simulate

    found = []
    for mix in runs:
        with sqlite(folder) as place:
            took = simulate(place.url, Path(place.files), mix, nodes, ended_before=before).makespan
        found.append([took / least for least in (best(mix.jobs, nodes)[0], first_come(mix.jobs, nodes),
                                                 bound(mix.jobs, nodes))])  # fmt: skip
    return [*(f"{median(ratio):.3f} ({max(ratio):.3f})" for ratio in zip(*found, strict=True)), f"{len(runs)}"]
