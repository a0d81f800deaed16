"""How long jobs of each map are likely to take, as others of it took; looked up again every now and then."""

from __future__ import annotations

import time

from torc_nb.store import Database, counts, runtimes
from torc_nb.store.runtimes import Observed

#: How long what a map's jobs are likely to take is taken for granted, in seconds.
LASTS = 20.0
#: How many maps a worker looks up, for the order of jobs, before it claims any.
AT_FIRST = 50
#: How many looks a second all workers have together after that.
LOOKS = 20.0

_UNKNOWN = (0.0, None)


class Outlook:
    """What one worker knows of run times."""

    def __init__(self, database: Database, workflow_id: int) -> None:
        self._database = database
        self._workflow_id = workflow_id
        self._observed: dict[int, tuple[float, Observed | None]] = {}  # until when it holds, and what it is
        self._asked_about: set[int] = set()
        self._next_look: float | None = None
        self.workers = 1  # that share what there is, as was last heard

    def at_most(self, map_id: int) -> float | None:
        """The seconds that a job of a map is likely to need at most."""
        until, observed = self._observed.get(map_id, _UNKNOWN)
        if time.monotonic() >= until:
            observed = self._look(map_id)
        return None if observed is None else observed.most

    def likely(self, map_id: int) -> float | None:
        """The seconds that one is likely to take, where they are alike; nobody is asked, but it is looked up later."""
        self._asked_about.add(map_id)
        observed = self._observed.get(map_id, _UNKNOWN)[1]
        return observed.most if observed is not None and observed.are_alike else None

    def refresh(self) -> None:
        """Look up the oldest of what was asked about, as seldom as all may who share it; at first what is there."""
        now = time.monotonic()
        if self._next_look is None:
            self._look_at_all()
        elif now >= self._next_look and self._asked_about:
            oldest = min(self._asked_about, key=lambda map_id: self._observed.get(map_id, _UNKNOWN)[0])
            if now < self._observed.get(oldest, _UNKNOWN)[0]:
                return
            self._look(oldest)
        else:
            return
        self._next_look = now + self.workers / LOOKS
        self._asked_about.clear()

    def _look_at_all(self) -> None:
        with self._database.read() as connection:
            ready = {group.map_id for group in counts.ready(connection, self._workflow_id)}
        for map_id in sorted(ready - {0})[:AT_FIRST] if len(ready) > 1 else ():
            self._look(map_id)

    def _look(self, map_id: int) -> Observed | None:
        with self._database.read() as connection:
            found = runtimes.observed(connection, map_id)
        known = None if found is None or found.is_by_few else found
        self._observed[map_id] = time.monotonic() + LASTS, known
        return known
