"""Stages that are alike, taken together where there are too many to be told apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from torc_nb.api import Stage, Stages
from torc_nb.models import JobStatus
from torc_nb.plots.layers import depths

#: More nodes than these are grouped.
MOST = 30

#: What tells jobs of one kind apart: numbers, and what a name has after its first word.
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class Node:
    """Stages that are drawn as one: how many, and how their jobs stand."""

    key: Hashable
    name: str
    members: int
    statuses: dict[JobStatus, int]


@dataclass(frozen=True)
class Groups:
    """Nodes, and which waits for which: before, after, and whether it is given results."""

    nodes: Sequence[Node]
    edges: Sequence[tuple[Hashable, Hashable, bool]]


def grouped(stages: Stages) -> Groups:
    """Take together, where there are too many, stages of one depth that are called alike but for numbers.

    Where these still are many, those whose names begin with the same word; then all of one depth.
    """
    depth = depths([one.place for one in stages.stages], [(edge.before, edge.after) for edge in stages.edges])
    keys: list[Callable[[Stage], Hashable]] = [
        lambda one: one.place,
        lambda one: (depth[one.place], _NUMBERS.sub("#", one.name)),
        lambda one: (depth[one.place], _NUMBERS.sub("#", one.name).split(" ")[0].split("/")[0]),
        lambda one: depth[one.place],
    ]
    for key in keys:
        if len({key(one) for one in stages.stages}) <= MOST:
            break
    return _by(stages, key)


def _by(stages: Stages, key: Callable[[Stage], Hashable]) -> Groups:
    members: dict[Hashable, list[Stage]] = {}
    for one in stages.stages:
        members.setdefault(key(one), []).append(one)
    of_place = {one.place: group for group, them in members.items() for one in them}
    edges: dict[tuple[Hashable, Hashable], bool] = {}
    for edge in stages.edges:
        ends = of_place[edge.before], of_place[edge.after]
        if ends[0] != ends[1]:
            edges[ends] = edges.get(ends, False) or edge.gives
    return Groups(
        [Node(group, _name(them), len(them), _added(them)) for group, them in members.items()],
        [(before, after, gives) for (before, after), gives in edges.items()],
    )


def _name(members: Sequence[Stage]) -> str:
    first = members[0].name or "other jobs"
    if len(members) == 1:
        return first
    alike = {_NUMBERS.sub("#", one.name) for one in members}
    return (
        f"{len(members):,} of {_NUMBERS.sub('…', first)}"
        if len(alike) == 1
        else f"{first} and {len(members) - 1:,} more"
    )


def _added(members: Sequence[Stage]) -> dict[JobStatus, int]:
    sums: Counter[JobStatus] = Counter()
    for one in members:
        sums.update(one.statuses)
    return dict(sums)
