"""What a job asks for, what a node offers, and whether the one fits the other."""

from __future__ import annotations

from typing import NamedTuple

from torc_nb.models.quantities import format_duration, format_memory

#: How much a runtime estimate may exceed the time left, as a share: four rounds of a quarter of the walltime fit.
GRACE = 0.05


class Request(NamedTuple):
    """What one job asks of a node. Memory in bytes, times in seconds; None means unknown."""

    num_cpus: int = 1
    num_gpus: int = 0
    memory: int | None = None
    runtime: float | None = None
    timeout: float | None = None


class Room(NamedTuple):
    """What a node, or what is free of it, offers. Memory in bytes, time left in seconds (None: no end)."""

    num_cpus: int
    memory: int
    num_gpus: int = 0
    time_left: float | None = None

    def share(self, num_cpus: int) -> int:
        """The node's memory per CPU, times ``num_cpus``: what a job gets that asked for no memory."""
        return self.memory * num_cpus // max(1, self.num_cpus)


def fits(request: Request, room: Room) -> bool:
    """Whether a job of this request can start in this room. Unstated memory and runtime always fit."""
    return (
        request.num_cpus <= room.num_cpus
        and request.num_gpus <= room.num_gpus
        and (request.memory or 0) <= room.memory
        and (
            room.time_left is None
            or request.runtime is None
            or request.runtime <= room.time_left + GRACE * request.runtime
        )
    )


def places(request: Request, room: Room) -> int:
    """How many jobs of the request fit into the room side by side."""
    if not fits(request, room):
        return 0
    limits = [room.num_cpus // max(1, request.num_cpus)]
    if request.num_gpus:
        limits.append(room.num_gpus // request.num_gpus)
    if request.memory:
        limits.append(room.memory // request.memory)
    return min(limits)


def misfit(request: Request, room: Room) -> str | None:
    """Why the job can never start in this room, with the numbers; None where it can."""
    reasons = []
    if request.num_cpus > room.num_cpus:
        reasons.append(f"{request.num_cpus} CPUs of {room.num_cpus}")
    if request.num_gpus > room.num_gpus:
        reasons.append(f"{request.num_gpus} GPUs of {room.num_gpus}")
    if (request.memory or 0) > room.memory:
        reasons.append(f"{format_memory(request.memory or 0)} of memory of {format_memory(room.memory)}")
    if room.time_left is not None and request.runtime is not None and not fits(request, room) and not reasons:
        reasons.append(f"{format_duration(request.runtime)} of {format_duration(room.time_left)}")
    return " and ".join(reasons) or None
