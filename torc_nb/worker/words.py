"""What a worker says in its own log."""

from __future__ import annotations

import contextlib
import sys


def say(message: str) -> None:
    """Say it, where there is room for it: a worker must not end for a full disk under its log."""
    with contextlib.suppress(OSError):
        print(f"torc_nb worker: {message}", file=sys.stderr, flush=True)
