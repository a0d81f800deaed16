"""How long the jobs of each kind take, as observed, and what follows: how many a child is given ahead."""

from __future__ import annotations

import math

from torc_nb.worker.assignments import Key

#: How many seconds of short jobs a child is given ahead, so that it never waits for the worker between them.
AHEAD = 0.05
#: The most jobs that a child is given ahead.
MOST = 1000
#: Jobs longer than this travel alone, in seconds.
SHORT = 0.02
#: What a job costs beside its own run time, in seconds; keeps the pace of empty jobs above nothing.
OVERHEAD = 2e-5


class Pace:
    """Seconds per job, by key and by map."""

    def __init__(self) -> None:
        self._of_keys: dict[Key, float] = {}
        self.of_maps: dict[int, float] = {}

    def learn(self, key: Key, seconds: float) -> None:
        """Follow the run times, quickly upwards: a batch that is too long hurts more than one too short."""
        seconds += OVERHEAD
        known = self._of_keys.get(key)
        weight = 0.5 if known is None or seconds > known else 0.2
        self._note(key, seconds if known is None else (1 - weight) * known + weight * seconds)

    def is_at_least(self, key: Key, seconds: float) -> None:
        """Learn from a job that has not ended yet."""
        if seconds > self._of_keys.get(key, 0.0):
            self._note(key, seconds)

    def ahead(self, key: Key) -> int:
        """How many jobs a child of this key may hold, the one that it runs included."""
        pace = self._of_keys.get(key)
        if pace is None or pace >= SHORT:
            return 1
        return min(MOST, math.ceil(AHEAD / pace))

    def _note(self, key: Key, seconds: float) -> None:
        self._of_keys[key] = seconds
        self.of_maps[max(0, key[0])] = seconds
