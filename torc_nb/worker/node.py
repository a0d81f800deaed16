"""What this worker may use of its node: the allocation's share under Slurm, else what affinity and cgroups leave it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from torc_nb.models import Room, WorkerSettings
from torc_nb.models.quantities import MIB

_CGROUP = Path("/sys/fs/cgroup")


def capacity(settings: WorkerSettings, environ: Mapping[str, str] = os.environ) -> Room:
    """Return the CPUs, bytes of memory, GPUs and seconds that this worker may use."""
    cpus = settings.num_cpus or slurm_cpus(environ) or available_cpus()
    memory = settings.memory or slurm_memory(environ, cpus) or available_memory()
    return Room(cpus, memory, len(gpus(environ)), time_left(environ))


def cpu_set() -> tuple[int, ...]:
    """The CPUs that this process may run on; empty where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def available_cpus() -> int:
    """Count the CPUs that affinity and the cgroup's quota leave this process."""
    count = len(cpu_set()) or os.cpu_count() or 1
    quota = _cgroup_value("cpu.max")
    if quota is not None and not quota.startswith("max"):
        limit, period = quota.split()
        count = min(count, max(1, int(limit) // int(period)))
    return count


def available_memory() -> int:
    """Return the bytes of memory of this machine, or of its cgroup where that has less."""
    total = int(psutil.virtual_memory().total)
    limit = _cgroup_value("memory.max")
    return min(total, int(limit)) if limit is not None and limit != "max" else total


def _cgroup_value(name: str) -> str | None:
    """Read the tightest cgroup-v2 setting of this process; None where there is none."""
    try:
        line = Path("/proc/self/cgroup").read_text().split("::", 1)[1].splitlines()[0]
    except (OSError, IndexError):
        return None
    folder = _CGROUP / line.lstrip("/")
    found = []
    while folder == _CGROUP or _CGROUP in folder.parents:
        try:
            text = (folder / name).read_text().strip()
        except OSError:
            text = "max"
        if not text.startswith("max"):
            found.append(text)
        if folder == _CGROUP:
            break
        folder = folder.parent
    return min(found, key=lambda text: int(text.split()[0])) if found else None


def slurm_cpus(environ: Mapping[str, str]) -> int | None:
    """Count the CPUs that Slurm allocated to us on this node; None outside an allocation."""
    if "SLURM_JOB_ID" not in environ:
        return None
    text = environ.get("SLURM_CPUS_ON_NODE") or environ.get("SLURM_JOB_CPUS_PER_NODE", "")
    digits = text.split("(")[0].split(",")[0]
    return int(digits) if digits.isdigit() else None


def slurm_memory(environ: Mapping[str, str], cpus: int) -> int | None:
    """Return the bytes that Slurm allocated to us on this node; None where it sets no limit."""
    if "SLURM_JOB_ID" not in environ:
        return None
    for name, factor in (("SLURM_MEM_PER_NODE", 1), ("SLURM_MEM_PER_CPU", cpus)):
        if environ.get(name, "").isdigit() and int(environ[name]):
            return int(environ[name]) * factor * MIB
    return None


def gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the GPUs that we may use, as CUDA_VISIBLE_DEVICES wants them."""
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip())
    if environ.get("SLURM_JOB_ID"):
        return tuple(name for name in environ.get("SLURM_JOB_GPUS", "").split(",") if name)
    try:
        return tuple(str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").iterdir()))
    except OSError:
        return ()


def scheduler_job(environ: Mapping[str, str]) -> str | None:
    """Return Slurm's name of the job that we are in, as in ``12`` or, of an array's task, ``12_3``; None outside."""
    array = environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{environ['SLURM_ARRAY_TASK_ID']}" if array else environ.get("SLURM_JOB_ID")


def time_left(environ: Mapping[str, str]) -> float | None:
    """Return the seconds until the allocation's walltime ends; None where it has no end."""
    job = environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    end = environ.get("SLURM_JOB_END_TIME", "")
    return float(end) - time.time() if end.isdigit() else _asked_time_left(job)


def walltime(environ: Mapping[str, str], left: float) -> float:
    """Return the seconds of the allocation's whole walltime, of which so many are left as the worker begins."""
    start, end = (environ.get(f"SLURM_JOB_{name}_TIME", "") for name in ("START", "END"))
    if start.isdigit() and end.isdigit():
        return float(end) - float(start)
    return 60 * math.ceil(left / 60)  # Slurm's limits are whole minutes, and a worker begins soon


def _asked_time_left(job: str) -> float | None:
    """Ask Slurm once, where it does not set the variable (before 23.02)."""
    from torc_nb import slurm
    from torc_nb.errors import LaunchError

    try:
        jobs = slurm.queue([job])
    except LaunchError:
        return None
    ends = [queued.end_time for queued in jobs if queued.end_time is not None]
    return ends[0] - time.time() if ends else None
