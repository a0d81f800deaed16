"""How many jobs of a group the worker wants, decided on a snapshot of what it holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torc_nb.models import Request, Room, places
from torc_nb.store.counts import Group
from torc_nb.store.spool import NEARLY

#: Seconds of short jobs that a worker holds, so that it never waits for the database between them.
STOCK = 0.4
#: Seconds of short jobs that a worker takes without leaving any to others: to hand them round would take longer.
MORSEL = 0.1
#: The most jobs that a worker holds, and that it claims at once: its places wait for a claim that is too large.
MOST, AT_ONCE = 8000, 4000


class Appetite:
    """What a worker has room for at one moment.

    Parameters
    ----------
    whole, free : Room
        The node, and what of it no claimed job occupies or will occupy.
    held : mapping
        For each map, how many of its jobs the worker holds.
    pace : mapping
        For each map, the seconds that one of its jobs takes, as observed.
    request : callable
        Gives the request of a requirement's id.
    expected : callable, optional
        Gives, for a map, the seconds that one of its jobs is likely to take; None where nothing is known of it.
    """

    def __init__(
        self,
        whole: Room,
        free: Room,
        held: Mapping[int, int],
        pace: Mapping[int, float],
        request: Callable[[int], Request],
        expected: Callable[[int], float | None] = lambda map_id: None,
    ) -> None:
        self._whole = whole
        self.free, self._left = free, free
        self._held = held
        self._pace = pace
        self._request = request
        self._expected = expected

    @property
    def places(self) -> tuple[int, ...]:
        """The CPUs, bytes of memory and GPUs that are free: all of it that does not change by itself."""
        return self.free[:3]

    @property
    def longest(self) -> float:
        """For how long a job that a walltime has cut may have run then: here it shall get further."""
        left = self.free.time_left
        return math.inf if left is None or self.takes_any else left

    @property
    def takes_any(self) -> bool:
        """Whether the worker has nearly all of its time: it takes any job, since no other will have more."""
        left, all_ = self.free.time_left, self._whole.time_left
        return left is None or all_ is None or left >= NEARLY * all_

    def room_for(self, group: Group, ready: int, workers: int) -> int:
        """Say how many jobs to claim, of so many that are ready and are shared by so many workers.

        Long jobs, and those of which no run time is known, are claimed only for places that are free now; short ones
        ahead, but beyond a morsel no worker takes more than half of a fair share while others may want them.
        """
        request = self._stated(group)
        free = self._take(request)
        side_by_side = places(request, self._whole)
        pace = self._pace.get(group.map_id)
        if not side_by_side or pace is None or pace >= STOCK:
            return free
        stock = min(MOST, math.ceil(side_by_side * STOCK / pace)) - self._held.get(group.map_id, 0)
        if workers > 1:
            morsel = math.ceil(side_by_side * MORSEL / pace)
            stock = min(stock, max(morsel, math.ceil(ready / (2 * workers))))
        return max(free, min(stock, AT_ONCE))

    def _stated(self, group: Group) -> Request:
        """What jobs of a group ask for, with what is assumed where they say nothing."""
        request = self._request(group.requirement_id)
        memory = self._whole.share(request.num_cpus) if request.memory is None else request.memory
        runtime = request.runtime
        if runtime is None and not self.takes_any:
            runtime = self._expected(group.map_id)
        return request._replace(memory=memory, runtime=runtime)

    def _take(self, request: Request) -> int:
        """Count the places that are free for the request, and occupy them for the groups that are asked about next."""
        n = places(request, self._left)
        free = self._left
        self._left = free._replace(
            num_cpus=free.num_cpus - n * request.num_cpus,
            memory=free.memory - n * (request.memory or 0),
            num_gpus=free.num_gpus - n * request.num_gpus,
        )
        return n
