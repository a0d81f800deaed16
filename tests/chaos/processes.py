"""A workflow's workers on this machine, with their nurseries and children, as the process table shows them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class WorkerProcess:
    """One worker and its descendants."""

    pid: int
    start: str  # tells it from a later process of the same number
    node: str
    slurm_job: str
    ends: float  # when its walltime does, in seconds since the epoch, where it was told
    root_nursery: list[int] = field(default_factory=list)
    nurseries: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)

    def is_alive(self) -> bool:
        """Whether it is there, stopped or not."""
        found = _stat(self.pid)
        return found is not None and found[2] == self.start and found[0] not in "ZX"

    def send(self, number: signal.Signals) -> None:
        """Signal it, unless it is gone."""
        if self.is_alive():
            signalled(self.pid, number)


def signalled(pid: int, number: signal.Signals) -> bool:
    """Signal a process; False where it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def workers(files: Path) -> list[WorkerProcess]:
    """The workers that were launched from a workflow's folder and live, in the order of their ids."""
    parents = dict(_ours(files))
    found = {}
    for pid, (parent, start) in parents.items():
        if parent not in parents and not _is_ours(parent, files):  # which may have become one while we looked
            variables = _environment(pid)
            node, job = (variables.get(name, "") for name in ("SLURMD_NODENAME", "SLURM_JOB_ID"))
            ends = float(variables.get("SLURM_JOB_END_TIME", "inf"))
            found[pid] = WorkerProcess(pid, start, node, job, ends)
    for pid in parents:
        ancestors = list(_ancestors(pid, parents))
        if ancestors and ancestors[-1] in found:
            worker = found[ancestors[-1]]
            generation = (worker.root_nursery, worker.nurseries, worker.children)
            generation[min(len(ancestors), 3) - 1].append(pid)
    return [found[pid] for pid in sorted(found)]


def left(files: Path) -> list[int]:
    """All processes, of whatever generation, that live and were launched from a workflow's folder."""
    return [pid for pid, _ in _ours(files)]


def _ours(files: Path) -> Iterator[tuple[int, tuple[int, str]]]:
    """Process, parent and start of all that have a worker's command line, which they share with their worker."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_ours(int(entry.name), files):
            stat = _stat(int(entry.name))
            if stat is not None and stat[0] not in "ZX":
                yield int(entry.name), stat[1:]


def _is_ours(pid: int, files: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"torc_nb.worker" in words and any(word.startswith(os.fsencode(files)) for word in words)


def _stat(pid: int) -> tuple[str, int, str] | None:
    """State, parent and start of a process; None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), fields[19]


def _ancestors(pid: int, parents: dict[int, tuple[int, str]]) -> Iterator[int]:
    while (parent := parents[pid][0]) in parents:
        yield parent
        pid = parent


def _environment(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
