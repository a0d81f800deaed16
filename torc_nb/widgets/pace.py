"""How fast jobs finish, from looking again and again and from what the database remembers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

#: The rate is taken over at least so many seconds, and at least so many finished jobs: short jobs show at once that
#: they became slower, and long ones have a rate at all. But not over more than ``LONGEST`` seconds.
WINDOW, ENOUGH, LONGEST = 30.0, 20, 6 * 3600.0

#: Beyond this many moments every other one is forgotten.
_MOST = 240

#: The normal distribution has 80 % within so many standard deviations of its middle.
_OF_80 = 1.2816


class Rate(NamedTuple):
    """Jobs finished per second.

    ``error`` is the relative standard error of that, ``burst`` the variance of how many finish in some time as a share
    of their number: 1 for independent jobs, more where they finish in heaps.
    """

    per_second: float
    error: float
    burst: float

    def left(self, jobs: int) -> tuple[float, float]:
        """Return between how many seconds and how many so many jobs will have finished, with 80 %."""
        usual = jobs / self.per_second
        deviation = _OF_80 * math.sqrt(self.error**2 + self.burst / jobs)
        return usual / (1 + deviation), usual / (1 - deviation) if deviation < 1 else math.inf


class Pace:
    """Remembers how many jobs had finished when."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    @property
    def last(self) -> float | None:
        """When it observed last, in seconds."""
        return self._seen[-1][0] if self._seen else None

    def recall(self, now: float, finished: int, ended: Sequence[int], width: float) -> None:
        """Begin anew with what was before: how many ended in each of the last stretches, the newest first.

        Parameters
        ----------
        now
            In seconds.
        finished
            How many jobs have finished now.
        ended
            Of each stretch of time.
        width
            Of a stretch, in seconds.
        """
        self._seen = []
        before = finished
        for number, n in enumerate(ended, start=1):
            before -= n
            self._seen.insert(0, (now - number * width, before))
        # Nothing is known of the time before the first of them ended.
        while len(self._seen) > 1 and self._seen[0][1] == self._seen[1][1]:
            del self._seen[0]
        if sum(ended) == 0:
            self._seen = []

    def observe(self, now: float, finished: int) -> None:
        """Note how many jobs have finished at a time in seconds."""
        if self._seen and finished < self._seen[-1][1]:  # some run again: what went before says nothing
            self._seen.clear()
        self._seen.append((now, finished))
        while len(self._seen) > 2 and self._is_enough_without_the_first(now, finished):
            del self._seen[0]
        if len(self._seen) > _MOST:
            self._seen = self._seen[:-1:2] + self._seen[-1:]

    def _is_enough_without_the_first(self, now: float, finished: int) -> bool:
        start, before = self._seen[1]
        return now - start >= WINDOW and (finished - before >= ENOUGH or now - start >= LONGEST)

    @property
    def rate(self) -> Rate | None:
        """How fast jobs finish; None where that cannot be said yet.

        Its uncertainty is that of a ratio of sums, from how unevenly jobs finished between two looks, and at least that
        of as many independent events.
        """
        if len(self._seen) < 2:
            return None
        steps = [(t - s, after - before) for (s, before), (t, after) in zip(self._seen, self._seen[1:], strict=False)]
        seconds, finished = sum(dt for dt, _ in steps), sum(n for _, n in steps)
        if seconds <= 0 or finished <= 0:
            return None
        rate = finished / seconds
        spread = sum((n - rate * dt) ** 2 for dt, n in steps)
        if len(steps) > 1:
            spread *= len(steps) / (len(steps) - 1)
        burst = max(1.0, spread / finished)
        return Rate(rate, math.sqrt(burst / finished), burst)
