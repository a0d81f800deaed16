"""How fast jobs finish, from looking again and again."""

from __future__ import annotations

from collections import deque

#: Over how many seconds the rate is taken.
WINDOW = 30.0


class Pace:
    """Remembers how many jobs had finished when, for the last half minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def observe(self, now: float, finished: int) -> None:
        """Note how many jobs have finished at a time in seconds."""
        if self._seen and finished < self._seen[-1][1]:  # some run again: what went before says nothing
            self._seen.clear()
        self._seen.append((now, finished))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Jobs finished per second; None where that cannot be said yet."""
        if len(self._seen) < 2:
            return None
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start) if end > start and after > before else None
