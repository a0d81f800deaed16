"""The memory of running jobs: measured over their process trees, and who must stop when it runs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psutil

from torc_nb.models import Request
from torc_nb.models.quantities import GIB, MIB
from torc_nb.worker.packing import Packing

#: The share of the machine's memory that must stay available; below it a job is stopped before the kernel stops us.
RESERVE = 0.03


def of_trees(pids: Sequence[int]) -> dict[int, int]:
    """Return the resident bytes of each process with all its descendants."""
    used = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            tree = [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
        used[pid] = sum(_resident(member) for member in tree)
    return used


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def victim(used: Mapping[int, int], requests: Mapping[int, Request], packing: Packing) -> int | None:
    """Choose the job to stop under memory pressure: the one furthest over its request; None where there is none."""
    if not used or not _is_pressed(sum(used.values()), packing.whole.memory):
        return None
    over = {pid: amount - packing.memory_of(requests[pid]) for pid, amount in used.items()}
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
