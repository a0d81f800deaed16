"""One background thread that keeps all views up to date, as long as there are any."""

from __future__ import annotations

import threading
from typing import Protocol

#: Seconds between two looks: while something changes, and at most while nothing does.
SHORTEST, LONGEST = 1.0, 5.0


class Live(Protocol):
    """Something that looks again when asked to."""

    def look(self) -> bool:
        """Look again; returns whether anything changed."""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to see."""


class Poll:
    """Asks every view to look again, in one thread that ends with the last view."""

    def __init__(self, shortest: float = SHORTEST, longest: float = LONGEST) -> None:
        self._shortest, self._longest = shortest, longest
        self._views: list[Live] = []
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def add(self, view: Live) -> None:
        """Keep a view up to date until it is over or removed."""
        with self._lock:
            if not any(one is view for one in self._views):
                self._views.append(view)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="torc-nb views", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, view: Live) -> None:
        """Leave a view alone."""
        with self._lock:
            self._views = [one for one in self._views if one is not view]
        self._wake.set()

    def _run(self) -> None:
        pause = self._shortest
        while views := self._watched():
            changed = sum(map(self._look, views))
            pause = self._shortest if changed else min(self._longest, pause * 1.5)
            if self._wake.wait(pause):
                self._wake.clear()
                pause = self._shortest

    def _look(self, view: Live) -> bool:
        try:
            return view.look()
        except Exception:  # it cannot be drawn any more: its kernel is going, and nobody would read a word about it
            self.remove(view)
            return False

    def _watched(self) -> list[Live]:
        with self._lock:
            self._views = [view for view in self._views if not view.is_over]
            if not self._views:
                self._thread = None
            return list(self._views)
