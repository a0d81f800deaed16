"""How many nodes: what the jobs need against what a kind of node holds, in rounds that fit into a walltime."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torc_nb.models import GRACE, Request, Room, places

_HOUR = 3600.0


class Demand(NamedTuple):
    """So many jobs that ask for the same; their runtime is given or observed, None where it is neither."""

    request: Request
    n: int


class Shape(NamedTuple):
    """Nodes of one kind: what each of them has, the walltime in ``room.time_left``, and how many there are."""

    partition: str
    room: Room
    nodes: int


class NodeChoice(NamedTuple):
    """One way to have the jobs run: times in seconds, None where no run time is known."""

    shape: Shape
    nodes: int
    at_a_time: int  # of the jobs of which there are most, on one node
    rounds: int | None  # one after another on each node
    seconds: float | None
    charge: float | None = None  # node-hours, times the site's factor

    @property
    def node_hours(self) -> float | None:
        """Of all nodes together."""
        return None if self.seconds is None else self.nodes * self.seconds / _HOUR

    @property
    def allocations(self) -> int | None:
        """How many allocations each node takes one after another, since a walltime ends."""
        walltime = self.shape.room.time_left
        if self.seconds is None:
            return None
        return 1 if walltime is None else max(1, math.ceil(self.seconds / walltime - GRACE))


def choices_of(demands: Sequence[Demand], shape: Shape, factor: float = 1.0) -> list[NodeChoice]:
    """Return the sensible numbers of nodes of one kind, fewest first; none where a job fits no node of it.

    The fewest are those that end within one walltime, the most those that run every job in the first round; between
    them, those that take half as long as the fewest. Jobs of different requests are counted one after another; those of
    which no run time is known as nothing, unless none is known at all.
    """
    counted = [_Counted(demand, _side_by_side(demand.request, shape.room)) for demand in demands if demand.n]
    if not counted or not all(one.at_a_time for one in counted):
        return []
    most = min(shape.nodes, max(math.ceil(one.n / one.at_a_time) for one in counted))
    if all(one.runtime is None for one in counted):
        return [_choice(counted, shape, most, factor)]
    walltime = shape.room.time_left
    fewest = most if walltime is None else _fewest(counted, most, walltime)
    half = _fewest(counted, most, _seconds(counted, fewest) / 2)
    if walltime is None:
        fewest = 1
    return [_choice(counted, shape, n, factor) for n in sorted({fewest, half, most})]


def best_of(found: Sequence[NodeChoice]) -> NodeChoice | None:
    """Return the choice that costs least among those that end within one walltime; of equal ones the fewest nodes.

    More nodes wait longer in the queue, and leave more of their last round unused.
    """
    known = [one for one in found if one.seconds is not None]
    return min(known, key=lambda one: (one.allocations, round(one.charge or 0.0, 6), one.nodes), default=None)


def links_of(demands: Sequence[Demand], shape: Shape, nodes: int) -> int | None:
    """Return how many allocations one after another each of so many nodes needs; None where a run time is not known.

    A round that does not fit into what is left of an allocation waits for the next. Jobs that fit no such node do not
    count.
    """
    counted = [_Counted(demand, _side_by_side(demand.request, shape.room)) for demand in demands if demand.n]
    counted = [one for one in counted if one.at_a_time]
    walltime = shape.room.time_left
    if walltime is None:
        return 1
    if any(one.runtime is None for one in counted):
        return None
    return math.ceil(sum(one.rounds(nodes) / _rounds_within(one.runtime or 0.0, walltime) for one in counted))


def _rounds_within(runtime: float, walltime: float) -> float:
    return math.inf if runtime <= 0 else max(1, int(walltime / runtime + GRACE))


class _Counted(NamedTuple):
    demand: Demand
    at_a_time: int

    @property
    def n(self) -> int:
        return self.demand.n

    @property
    def runtime(self) -> float | None:
        return self.demand.request.runtime

    def rounds(self, nodes: int) -> int:
        return math.ceil(self.n / (self.at_a_time * nodes))


def _side_by_side(request: Request, room: Room) -> int:
    memory = room.share(request.num_cpus) if request.memory is None else request.memory
    return places(request._replace(memory=memory), room)


def _seconds(counted: Sequence[_Counted], nodes: int) -> float:
    return sum(one.rounds(nodes) * (one.runtime or 0.0) for one in counted)


def _fewest(counted: Sequence[_Counted], most: int, seconds: float) -> int:
    """The fewest nodes that are done within a time, with the grace that the workers give; ``most`` where none are."""
    low, high = 1, most
    longest = max(one.runtime or 0.0 for one in counted)
    while low < high:
        middle = (low + high) // 2
        if _seconds(counted, middle) <= seconds + GRACE * longest:
            high = middle
        else:
            low = middle + 1
    return low


def _choice(counted: Sequence[_Counted], shape: Shape, nodes: int, factor: float) -> NodeChoice:
    largest = max(counted, key=lambda one: one.n)
    if all(one.runtime is None for one in counted):
        return NodeChoice(shape, nodes, largest.at_a_time, None, None)
    seconds = _seconds(counted, nodes)
    rounds = sum(one.rounds(nodes) for one in counted)
    return NodeChoice(shape, nodes, largest.at_a_time, rounds, seconds, factor * nodes * seconds / _HOUR)
