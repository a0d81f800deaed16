"""The memory of running jobs: measured over their process trees, and who must stop when it runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

import psutil

from torc_nb.models.quantities import GIB, MIB

#: The share of the machine's memory that must stay available; below it a job is stopped before the kernel stops us.
RESERVE = 0.03


def of_trees(pids: Collection[int]) -> dict[int, int]:
    """Return the resident bytes of each process with all its descendants."""
    if not pids:
        return {}
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    used = {}
    for pid in pids:
        tree = [pid]
        for member in tree:
            tree += children.get(member, ())
        used[pid] = sum(map(_resident, tree))
    return used


def _parents() -> Iterator[tuple[int, int]]:
    """Pid and parent of every process: one pass, however many jobs run."""
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            yield pid, psutil.Process(pid).ppid()


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def victim(used: Mapping[int, int], asked: Mapping[int, int], share: int) -> int | None:
    """Choose whom to stop when the node's share is used up: the one furthest over its request; None for nobody."""
    over = {pid: amount - asked[pid] for pid, amount in used.items() if pid in asked}
    if not over or not _is_pressed(sum(used.values()), share):
        return None
    worst = max(over, key=lambda pid: over[pid])
    return worst if over[worst] > 0 else None


def _is_pressed(used: int, share: int) -> bool:
    if used > share:
        return True
    machine = psutil.virtual_memory()
    return bool(machine.available < RESERVE * machine.total)


def verdict(used: int, asked: int) -> str:
    """Say what a stopped job did: ``used 31 of 20 GiB``."""
    unit, name = (GIB, "GiB") if asked >= GIB else (MIB, "MiB")
    return f"used {used / unit:.4g} of {asked / unit:.4g} {name}: ask for more memory, or run fewer jobs at a time"
