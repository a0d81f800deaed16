"""The claimed jobs that wait on this node for a child."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence

from torc_nb.models import Claim
from torc_nb.worker.assignments import Key, key_of

#: A job that waits this long for a child is given back for other workers, in seconds.
PATIENCE = 1.0


class Stock:
    """Jobs by key, in the order of their claims; those that were taken back from a child come first."""

    def __init__(self) -> None:
        self._waiting: dict[Key, deque[Claim]] = {}
        self._served: dict[Key, float] = {}  # when a child last took jobs of a key, or the first came

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, claims: Iterable[Claim]) -> None:
        """Put new claims behind the others."""
        for claim in claims:
            key = key_of(claim)
            waiting = self._waiting.get(key)
            if waiting is None:
                waiting = self._waiting[key] = deque()
            if not waiting:
                self._served[key] = time.monotonic()
            waiting.append(claim)

    def put_back(self, key: Key, claims: Sequence[Claim]) -> None:
        """Put jobs before the others, in their order."""
        waiting = self._waiting.setdefault(key, deque())
        if not waiting:
            self._served[key] = time.monotonic()
        waiting.extendleft(reversed(claims))

    def take(self, key: Key, n: int) -> list[Claim]:
        """Take the next jobs of a key."""
        waiting = self._waiting[key]
        self._served[key] = time.monotonic()
        return [waiting.popleft() for _ in range(min(n, len(waiting)))]

    def first(self, key: Key) -> Claim | None:
        """The next job of a key; None where none waits."""
        waiting = self._waiting.get(key)
        return waiting[0] if waiting else None

    def count(self, key: Key) -> int:
        """How many jobs of a key wait."""
        return len(self._waiting.get(key, ()))

    def __iter__(self) -> Iterator[Key]:
        """The keys of which jobs wait; they may be served meanwhile."""
        return iter([key for key, waiting in self._waiting.items() if waiting])

    def of(self, key: Key) -> Iterator[Claim]:
        """The waiting jobs of a key."""
        return iter(self._waiting.get(key, ()))

    def drop(self, attempts: Collection[tuple[int, int]]) -> None:
        """Forget these attempts: they are not ours any more."""
        for key in self:
            self._waiting[key] = deque(
                claim for claim in self._waiting[key] if (claim.job_id, claim.attempt) not in attempts
            )

    def take_unserved(self) -> list[Claim]:
        """Take the jobs of every key that no child has served for long: another worker may have a place for them."""
        now = time.monotonic()
        return [
            claim
            for key in self
            if now - self._served[key] > PATIENCE
            for claim in self.take(key, len(self._waiting[key]))
        ]

    def take_all(self, map_ids: Collection[int] | None = None) -> list[Claim]:
        """Take every job; those of some maps only, where these are given."""
        chosen = [key for key in self if map_ids is None or key[0] in map_ids]
        return [claim for key in chosen for claim in self.take(key, len(self._waiting[key]))]

    def clear(self) -> None:
        """Forget all jobs."""
        self._waiting.clear()
