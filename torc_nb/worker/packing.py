"""Which jobs may start where: the node's CPUs, memory and GPUs, handed out and taken back."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torc_nb.models import Request, Room, fits


@dataclass(frozen=True)
class Seat:
    """The part of the node that one child holds."""

    cpus: tuple[int, ...]  # empty: not pinned
    gpus: tuple[str, ...]
    num_cpus: int
    memory: int


class Packing:
    """The node's free CPUs, memory and GPUs."""

    def __init__(self, whole: Room, cpu_set: tuple[int, ...], gpu_names: tuple[str, ...]) -> None:
        self.whole = whole
        self._ends = None if whole.time_left is None else time.monotonic() + whole.time_left
        self._num_cpus = whole.num_cpus
        self._memory = whole.memory
        self._gpus = list(gpu_names)
        # A job stays on the CPUs that it asked for where each of the share is really there; Slurm may count more than
        # the machine has. Even with all CPUs given away the worker's own loop does not suffer: 100,000 empty jobs on
        # two CPUs take as long with pinned children as without.
        self._cpus = list(cpu_set) if len(cpu_set) == whole.num_cpus else None

    @property
    def free(self) -> Room:
        """What is free now."""
        return Room(self._num_cpus, self._memory, len(self._gpus), self.time_left)

    @property
    def time_left(self) -> float | None:
        """The seconds left of the allocation."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    def memory_of(self, request: Request) -> int:
        """What a job is counted with: its request, else the node's share of memory per CPU."""
        return self.whole.share(request.num_cpus) if request.memory is None else request.memory

    def take(self, request: Request) -> Seat | None:
        """Take the part of the node that a job of this request needs; None where it is not free."""
        memory = self.memory_of(request)
        # Whether it fits the time that is left was decided when it was claimed.
        if not fits(request._replace(memory=memory, runtime=None), self.free):
            return None
        self._num_cpus -= request.num_cpus
        self._memory -= memory
        gpus = tuple(self._gpus[: request.num_gpus])
        del self._gpus[: request.num_gpus]
        cpus: tuple[int, ...] = ()
        if self._cpus is not None:
            cpus = tuple(self._cpus[: request.num_cpus])
            del self._cpus[: request.num_cpus]
        return Seat(cpus, gpus, request.num_cpus, memory)

    def give_back(self, seat: Seat) -> None:
        """Take a seat back."""
        self._num_cpus += seat.num_cpus
        self._memory += seat.memory
        self._gpus.extend(seat.gpus)
        if self._cpus is not None:
            self._cpus.extend(seat.cpus)
