"""How many jobs of a group the worker wants, decided on a snapshot of what it holds."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping

from torc_nb.models import Request, Room, places
from torc_nb.store.counts import Group
from torc_nb.store.spool import NEARLY
from torc_nb.worker.outlook import Outlook
from torc_nb.worker.turns import Turns

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
    outlook : Outlook, optional
        Knows how long jobs of a map are likely to take.
    turns : Turns, optional
        How often groups were passed over.
    """

    def __init__(
        self,
        whole: Room,
        free: Room,
        held: Mapping[int, int],
        pace: Mapping[int, float],
        request: Callable[[int], Request],
        outlook: Outlook | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._whole = whole
        self.free, self._left = free, free
        self._held = held
        self._pace = pace
        self._request = request
        self._outlook = outlook
        self._turns = turns or Turns()
        self._too_large: list[Group] = []  # of those asked about: what this node holds, but not now
        self._is_kept = False  # for one of these

    def anew(self) -> Appetite:
        """The same before anything was asked."""
        new = copy.copy(self)
        new._left, new._too_large, new._is_kept = self.free, [], False
        return new

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

    def urgency(self, ready: Mapping[Group, int], workers: int) -> dict[Group, tuple[float, ...]]:
        """Say what comes first, given how many jobs of each group are ready and how many workers share them.

        First what takes more than half as long as all that is left would take, the longest first: it would be waited
        for. Then that of which nothing is known, as it comes. Then what takes most of a node for most time: the
        smallest jobs fill the gaps, and the end.
        """
        if self._outlook is not None:
            self._outlook.workers = workers
        known = {group: took for group in ready if (took := self._runtime(group)) is not None}
        sizes = {group: took * self._share(group) for group, took in known.items()}
        left = sum(size * ready[group] for group, size in sizes.items()) / max(1, workers)
        ranks: dict[Group, tuple[float, ...]] = dict.fromkeys(ready, (1.0, 0.0))
        for group, took in known.items():
            ranks[group] = (2.0, took) if 2 * took > left else (0.0, sizes[group])
        return ranks

    def _runtime(self, group: Group) -> float | None:
        """The seconds that a job of a group is likely to take, given or observed."""
        runtime = self._request(group.requirement_id).runtime
        return self._outlook.likely(group.map_id) if runtime is None and self._outlook is not None else runtime

    def _share(self, group: Group) -> float:
        """Which part of the node a job takes, of that of which it takes most."""
        request, whole = self._request(group.requirement_id), self._whole
        memory = whole.share(request.num_cpus) if request.memory is None else request.memory
        return max(
            request.num_cpus / max(1, whole.num_cpus),
            memory / max(1, whole.memory),
            request.num_gpus / max(1, whole.num_gpus),
        )

    def room_for(self, group: Group, ready: int, workers: int) -> int:
        """Say how many jobs to claim, of so many that are ready and are shared by so many workers.

        Long jobs, and those of which no run time is known, are claimed only for places that are free now; short ones
        ahead, but beyond a morsel no worker takes more than half of a fair share while others may want them.
        """
        pace = self._pace.get(group.map_id)
        if self._is_kept or (self._left.num_cpus <= 0 and pace is None):
            return 0
        request = self._stated(group)
        free = self._take(request, ready)
        side_by_side = places(request, self._whole)
        self._note(group, free, side_by_side)
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
        if runtime is None and self._outlook is not None and not self.takes_any:
            runtime = self._outlook.at_most(group.map_id)
        return request._replace(memory=memory, runtime=runtime)

    def _note(self, group: Group, free: int, side_by_side: int) -> None:
        """Note whose turn it was, and keep what gets free for a group that was passed over too often."""
        if free:
            self._turns.served(group, passed=self._too_large)
            self._too_large.clear()
        elif side_by_side:
            self._too_large.append(group)
            self._is_kept = self._turns.is_due(group)

    def _take(self, request: Request, ready: int) -> int:
        """Count the places that are free for so many jobs, and occupy them for the groups that are asked about next."""
        n = min(ready, places(request, self._left))
        free = self._left
        self._left = free._replace(
            num_cpus=free.num_cpus - n * request.num_cpus,
            memory=free.memory - n * (request.memory or 0),
            num_gpus=free.num_gpus - n * request.num_gpus,
        )
        return n
