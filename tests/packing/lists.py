"""What workers are measured by: nodes that are filled from a list by someone who knows how long each job takes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from .mixes import NODE, Work

#: In which order the list may stand; the largest are those that take most of a node for most time.
ORDERS: dict[str, Callable[[Work], float]] = {
    "longest": lambda job: -job.seconds,
    "largest": lambda job: -job.seconds * max(job.num_cpus / NODE.num_cpus, job.memory / NODE.memory),
    "input": lambda _: 0.0,
}


def makespan(jobs: Sequence[Work], nodes: int) -> float:
    """Until when the jobs run where at any time the first of the list begins that fits onto a node."""
    free = [(NODE.num_cpus, NODE.memory)] * nodes
    waiting = list(jobs)
    ends: list[tuple[float, int, int, int]] = []
    now = 0.0
    freed = set(range(nodes))
    while waiting or ends:
        left = []
        for position, job in enumerate(waiting):
            if not freed:
                left += waiting[position:]
                break
            node = next((one for one in sorted(freed) if _holds(free[one], job)), None)
            if node is None:
                left.append(job)
                continue
            free[node] = (free[node][0] - job.num_cpus, free[node][1] - job.memory)
            heapq.heappush(ends, (now + job.seconds, node, job.num_cpus, job.memory))
            if not free[node][0]:
                freed.discard(node)
        waiting = left
        freed = set()
        if ends:
            now = ends[0][0]
        while ends and ends[0][0] <= now:
            _, node, num_cpus, memory = heapq.heappop(ends)
            free[node] = (free[node][0] + num_cpus, free[node][1] + memory)
            freed.add(node)
    return now


def best(jobs: Sequence[Work], nodes: int) -> tuple[float, str]:
    """The shortest of the three orders' makespans, and which that is."""
    return min((makespan(sorted(jobs, key=order), nodes), name) for name, order in ORDERS.items())


def first_come(jobs: Sequence[Work], nodes: int) -> float:
    """The makespan of the order in which the jobs were declared."""
    return makespan(jobs, nodes)


def bound(jobs: Sequence[Work], nodes: int) -> float:
    """What no schedule can go below: the longest job, and all CPUs or all memory in use all the time."""
    return max(
        *(job.seconds for job in jobs),
        sum(job.seconds * job.num_cpus for job in jobs) / (nodes * NODE.num_cpus),
        sum(job.seconds * job.memory for job in jobs) / (nodes * NODE.memory),
    )


def _holds(free: tuple[int, int], job: Work) -> bool:
    return job.num_cpus <= free[0] and job.memory <= free[1]
