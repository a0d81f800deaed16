"""A drawing of what follows what, from left to right: each in a layer behind all that it follows.

Sugiyama's way, in its three steps: layers by depth; an order within each that crosses few lines, by the middle of
what is beside it; rows. A line that passes layers has a place of its own in each, so that it covers no node.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

Line = tuple[Hashable, Hashable]

#: How often the layers are put in order, from left to right and back.
SWEEPS = 8


class Point(NamedTuple):
    """A place in the drawing: which layer from the left, and how far down, in rows."""

    layer: int
    row: float


class _Bend(NamedTuple):
    """Where a line passes a layer."""

    before: Hashable
    after: Hashable
    layer: int


@dataclass(frozen=True)
class Layout:
    """Where nodes stand, and through which places lines run from one to the other."""

    places: Mapping[Hashable, Point]
    routes: Mapping[Line, Sequence[Point]]
    depth: int
    height: float


def depths(nodes: Iterable[Hashable], lines: Iterable[Line]) -> dict[Hashable, int]:
    """Return for each node how many stand before it, one after the other, at most."""
    before: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for first, second in lines:
        before[second].append(first)
    found: dict[Hashable, int] = {}
    for node in TopologicalSorter(before).static_order():
        found[node] = max((found[other] + 1 for other in before[node]), default=0)
    return found


def layered(nodes: Sequence[Hashable], lines: Sequence[Line]) -> Layout:
    """Lay nodes out, which lines join to those that follow."""
    layer = depths(nodes, lines)
    chains = {(before, after): _chain(before, after, layer) for before, after in lines}
    beside: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for chain in chains.values():
        for one, other in pairwise(chain):
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    of = layer | {bend: bend.layer for chain in chains.values() for bend in chain if isinstance(bend, _Bend)}
    layers = _ordered([[one for one in of if of[one] == depth] for depth in range(max(of.values(), default=-1) + 1)],
                      beside, of)  # fmt: skip
    rows = _rows(layers, beside, of)
    points = {one: Point(of[one], row) for one, row in rows.items()}
    return Layout(
        {node: points[node] for node in nodes},
        {line: [points[one] for one in chain] for line, chain in chains.items()},
        len(layers),
        max((row + (0.5 if isinstance(one, _Bend) else 1.0) for one, row in rows.items()), default=0.0),
    )


def _chain(before: Hashable, after: Hashable, layer: Mapping[Hashable, int]) -> list[Hashable]:
    between = range(layer[before] + 1, layer[after])
    return [before, *(_Bend(before, after, depth) for depth in between), after]


def _ordered(
    layers: list[list[Hashable]], beside: Mapping[Hashable, Sequence[Hashable]], of: Mapping[Hashable, int]
) -> list[list[Hashable]]:
    """Put each layer in the order of the middles of what its members are joined to in the layer before, and back."""
    place = {one: float(number) for layer in layers for number, one in enumerate(layer)}
    for sweep in range(SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for layer in layers[::step]:
            layer.sort(key=lambda one: _middle(one, [o for o in beside[one] if of[o] == of[one] - step], place))
            place |= {one: float(number) for number, one in enumerate(layer)}
    return layers


def _rows(
    layers: list[list[Hashable]], beside: Mapping[Hashable, Sequence[Hashable]], of: Mapping[Hashable, int]
) -> dict[Hashable, float]:
    """Give each its row: as near as can be to what it is joined to, in the order of its layer, a row apart."""
    tallest = max(map(len, layers), default=0)
    rows = {one: number + (tallest - len(layer)) / 2 for layer in layers for number, one in enumerate(layer)}
    for sweep in range(SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for layer in layers[::step]:
            wanted = [_middle(one, [o for o in beside[one] if of[o] == of[one] - step], rows) for one in layer]
            rows |= zip(layer, _apart(wanted, tallest), strict=True)
    top = min(rows.values(), default=0.0)
    return {one: row - top for one, row in rows.items()}


def _apart(wanted: Sequence[float], tallest: int) -> list[float]:
    """Move rows as little as it takes to be one apart, and no further down than the tallest layer reaches."""
    found: list[float] = []
    for row in wanted:
        found.append(max(row, found[-1] + 1) if found else max(row, 0.0))
    limit = float(tallest - 1)
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], limit)
        limit = found[number] - 1
    return found


def _middle(one: Hashable, others: Sequence[Hashable], place: Mapping[Hashable, float]) -> float:
    return sum(place[other] for other in others) / len(others) if others else place[one]
