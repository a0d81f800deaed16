"""Ending another thread's pause."""

from __future__ import annotations

import contextlib
import os
import threading


class Nudge:
    """Something to select upon that another thread makes readable."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: tuple[int, ...] = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)

    def give(self) -> None:
        """End the pause, or the next one; from any thread."""
        with self._lock, contextlib.suppress(BlockingIOError):  # there are more than enough
            if self._ends:
                os.write(self._ends[1], b"!")

    def fileno(self) -> int:
        """The descriptor that is readable once it was given."""
        return self._ends[0]

    def forget(self) -> None:
        """Take note of it."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._ends[0], 4096)

    def close(self) -> None:
        """Give its descriptors back, when nobody pauses any more."""
        with self._lock:  # else another thread might write into what has the descriptor next
            ends, self._ends = self._ends, ()
            for end in ends:
                os.close(end)
