"""When which fault comes: drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

#: The share of faults that aim at a worker which runs jobs.
AIMED = 0.8


@dataclass(frozen=True)
class Planned:
    """A fault to come."""

    at: float  # seconds from the beginning
    kind: str
    lasts: float  # a share, 0 to 1, of the longest that this kind may last
    choice: float  # 0 to 1: which of those that are there
    aims: bool  # at a worker that runs jobs, if there is one; else it takes whoever is there, in whatever moment


def drawn(seed: int, kinds: Sequence[str], count: int, pause: float) -> list[Planned]:
    """Draw faults, all kinds about as often, with ``pause`` seconds between two on average; some come at once."""
    source = random.Random(seed)
    order = [kinds[number % len(kinds)] for number in range(count)]
    source.shuffle(order)
    planned, at = [], 0.0
    for kind in order:
        at += source.expovariate(1 / pause)
        planned.append(Planned(at, kind, source.random(), source.random(), source.random() < AIMED))
    return planned


def lengths(seed: int, count: int) -> list[float]:
    """Draw how long jobs take, in seconds: most some hundredths, some up to five."""
    source = random.Random(f"lengths {seed}")
    ranges = source.choices([(0.01, 0.05), (0.1, 1.0), (1.0, 5.0)], [0.85, 0.12, 0.03], k=count)
    return [round(source.uniform(*one), 3) for one in ranges]
