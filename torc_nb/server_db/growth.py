"""How fast a database grows: its size is written down now and then."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

FILE = "sizes.json"
#: How far apart two sizes are at least, in seconds, and how many are kept.
INTERVAL, KEPT = 1800.0, 500
#: Over how long growth is told, in seconds: the last day.
SPAN = 24 * 3600.0


def note(folder: Path, size: int) -> None:
    """Write down a size in bytes, unless one was a moment ago."""
    sizes = _sizes(folder)
    if sizes and time.time() - sizes[-1][0] < INTERVAL:
        return
    temporary = folder / f"{FILE}.part"
    with contextlib.suppress(OSError):  # a disk that is full has worse to say
        temporary.write_text(json.dumps([*sizes, (time.time(), size)][-KEPT:]))
        temporary.replace(folder / FILE)


def per_day(folder: Path, size: int) -> float | None:
    """Return how many bytes a day it grew over the last day; None where nothing older is known."""
    earlier = [(then, old) for then, old in _sizes(folder) if time.time() - then <= SPAN + INTERVAL]
    if not earlier or time.time() - earlier[0][0] < 60.0:
        return None
    then, old = earlier[0]
    return (size - old) / (time.time() - then) * 24 * 3600.0


def _sizes(folder: Path) -> list[tuple[float, int]]:
    try:
        return [(float(then), int(size)) for then, size in json.loads((folder / FILE).read_text())]
    except (OSError, ValueError):
        return []
