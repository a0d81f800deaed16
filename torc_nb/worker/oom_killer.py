"""Whether the kernel, out of memory, has just killed something here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MACHINE = Path("/proc/vmstat")

#: How many looks are remembered: with one every quarter of a second, those of the last two seconds.
LOOKS = 8


class OomKiller:
    """The kernel's out-of-memory killer, seen by its count of kills.

    Parameters
    ----------
    counters : iterable of Path, optional
        Files that may have the count; the first that has is looked at. Default: our control group's, which counts our
        own processes alone, and the machine's.
    """

    def __init__(self, counters: Iterable[Path] | None = None) -> None:
        there = _counters() if counters is None else counters
        self._counter = next((path for path in there if _count(path) is not None), None)
        self._seen: deque[int] = deque(maxlen=LOOKS)
        self.look()

    def look(self) -> None:
        """Note how many it has killed by now; called again and again."""
        self._seen.append(self._now())

    @property
    def has_killed(self) -> bool:
        """Whether it has killed anything since the first of the last looks."""
        return self._now() > self._seen[0]

    def _now(self) -> int:
        return (_count(self._counter) or 0) if self._counter is not None else 0


def _counters() -> Iterator[Path]:
    """The files that may have the count, the narrowest first."""
    try:
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:  # another system than Linux
        return
    for _, kinds, path in lines:
        if kinds == "":
            yield _CGROUPS / path.lstrip("/") / "memory.events"
        elif "memory" in kinds.split(","):
            yield _CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control"
            yield _CGROUPS / "memory" / "memory.oom_control"  # within a container, where the path is the host's
    yield _MACHINE


def _count(path: Path) -> int | None:
    """Return the count that a file has; None where it has none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
    return int(found[0]) if found else None
