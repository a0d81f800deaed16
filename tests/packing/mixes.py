"""Mixes of a thousand jobs: what they ask of a node, and how long they take, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from torc_nb.models import Room

GIB = 1 << 30
#: A node: 16 CPUs, 64 GiB.
NODE = Room(16, 64 * GIB)
JOBS = 1000
#: Jobs of a map whose run times are alike take between so much of the longest and all of it.
ALIKE = 0.8

#: How long jobs take, in seconds, about a minute in the middle.
DISTRIBUTIONS: dict[str, Callable[[random.Random], float]] = {
    "uniform": lambda draw: draw.uniform(1.0, 120.0),
    "lognormal": lambda draw: 40.0 * draw.lognormvariate(0.0, 1.0),
    "heavy-tailed": lambda draw: 20.0 * draw.paretovariate(1.5),
}


class Work(NamedTuple):
    """A job: the map that it is of, what it asks, and how long it takes, in seconds."""

    map_number: int
    num_cpus: int
    memory: int
    seconds: float


class Mix(NamedTuple):
    """Jobs in the order in which they are declared, and what is told of each map: its longest run time, or nothing."""

    jobs: list[Work]
    runtimes: dict[int, float | None]


def alike(distribution: str, seed: int, *, maps: int = 40, told: bool = True, scale: float = 1.0) -> Mix:
    """Maps whose jobs take about as long as one another: how long is drawn for each map, and told or not."""
    draw = random.Random(f"{distribution} {seed}")
    jobs: list[Work] = []
    runtimes: dict[int, float | None] = {}
    for number in range(maps):
        num_cpus, memory = _asked(draw)
        longest = scale * DISTRIBUTIONS[distribution](draw)
        runtimes[number] = longest if told else None
        jobs += [
            Work(number, num_cpus, memory, longest * draw.uniform(ALIKE, 1.0) if maps < JOBS else longest)
            for _ in range(JOBS // maps)
        ]
    return Mix(jobs, runtimes)


def unlike(distribution: str, seed: int, *, maps: int = 40, scale: float = 1.0) -> Mix:
    """Maps whose jobs have nothing but what they ask in common: how long is drawn for each job, and not told."""
    draw = random.Random(f"{distribution} {seed}")
    jobs = []
    for number in range(maps):
        num_cpus, memory = _asked(draw)
        jobs += [
            Work(number, num_cpus, memory, scale * DISTRIBUTIONS[distribution](draw)) for _ in range(JOBS // maps)
        ]
    return Mix(jobs, dict.fromkeys(range(maps)))


def _asked(draw: random.Random) -> tuple[int, int]:
    """One to eight CPUs, and half to one and a half times their share of a node's memory."""
    num_cpus = draw.randint(1, 8)
    return num_cpus, int(NODE.share(num_cpus) * draw.uniform(0.5, 1.5))
