"""Intervals laid beside each other so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush


def lanes(intervals: Sequence[tuple[float, float]]) -> tuple[list[int], int]:
    """Give each interval, in the order of their begins, the lowest lane that is free; and how many lanes that takes."""
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    found: list[int] = []
    for start, end in intervals:
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        lane = heappop(free) if free else len(busy)
        heappush(busy, (end, lane))
        found.append(lane)
    return found, max(found, default=-1) + 1
