"""Where faults come: whom they can meet, what is in flight there, and what harm was done."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from services.slurm_cluster import SlurmCluster

from chaos.edits import Editor
from chaos.journal import Journal
from chaos.processes import WorkerProcess, workers
from chaos.schedule import Planned

if TYPE_CHECKING:
    from services.postgres_server import PostgresServer

#: How long a fault waits for somebody whom it can meet, in seconds.
WAIT_FOR_VICTIM = 10.0
#: How long a worker that was asked for may take to come, in seconds: the nodes may be full.
WAIT_FOR_NODE = 15.0
#: A result that came so long ago, in seconds, may be on its way to the database.
ON_ITS_WAY = 0.1

RUNNING, COMPLETION, CLAIM, NOTHING = "a running job", "a completion", "a claim", "nothing"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Harm:
    """What a fault did to one worker, and when: what it ran in this time may have to be run again."""

    worker: int
    kind: str
    began: float
    ended: float  # infinite where the worker did not live on


@dataclass
class Scene:
    """Where faults come: the workflow, and what it stands on."""

    files: Path
    journal: Journal
    claimed: Callable[[int], int]  # how many jobs a worker holds that it has not begun
    editor: Editor
    cluster: SlurmCluster | None = None
    server: PostgresServer | None = None
    sqlite: Path | None = None
    schedule_short: Callable[[float], str] | None = None  # an allocation with so short a walltime; its name in Slurm
    is_over: threading.Event = field(default_factory=threading.Event)
    harms: list[Harm] = field(default_factory=list)
    database: threading.Lock = field(default_factory=threading.Lock)  # held by whoever keeps the database away
    nodes: dict[str, threading.Lock] = field(default_factory=dict)
    _aiming: threading.Lock = field(default_factory=threading.Lock)

    def harm(self, worker: WorkerProcess, kind: str, ended: float = float("inf"), began: float | None = None) -> None:
        """Note that a worker came to harm."""
        self.harms.append(Harm(worker.pid, kind, time.time() if began is None else began, ended))

    def in_flight(self, worker: WorkerProcess) -> str:
        """What a worker has in hand."""
        if self.journal.running(worker.pid):
            return RUNNING
        now = time.time()
        if self.journal.ended_between(now - ON_ITS_WAY, now, worker.pid):
            return COMPLETION
        if self.database.acquire(blocking=False):
            try:
                return CLAIM if self.claimed(worker.pid) else NOTHING
            finally:
                self.database.release()
        return NOTHING

    @contextmanager
    def victim(
        self,
        planned: Planned,
        is_one: Callable[[WorkerProcess], object] = lambda worker: True,
    ) -> Iterator[tuple[WorkerProcess | None, str]]:
        """Choose a worker, None if there is none for too long, and tell what it has in hand.

        Faults that aim do so, and strike, one after the other: else all would wait for the same worker. A worker with a
        walltime of its own is spared: it is there for the end of that.
        """
        with self._aiming if planned.aims else nullcontext():
            found = self._found(planned, lambda worker: worker.ends == math.inf and is_one(worker))
            worker = chosen(found, planned) if found else None
            yield worker, NOTHING if worker is None else self.in_flight(worker)

    def of_allocation(self, name: str) -> WorkerProcess | None:
        """Wait for the worker of an allocation; None if it does not come for too long."""
        deadline = time.monotonic() + WAIT_FOR_NODE
        while time.monotonic() < deadline and not self.is_over.is_set():
            for worker in workers(self.files):
                if worker.slurm_job == name:
                    return worker
            time.sleep(0.1)
        return None

    def _found(self, planned: Planned, is_one: Callable[[WorkerProcess], object]) -> list[WorkerProcess]:
        """Wait until there are workers that a fault can meet, busy ones if it aims."""
        deadline = time.monotonic() + WAIT_FOR_VICTIM
        while True:
            found = [one for one in workers(self.files) if is_one(one)]
            busy = [one for one in found if self.journal.running(one.pid)]
            if busy or (found and not planned.aims) or time.monotonic() > deadline or self.is_over.is_set():
                return busy if busy and planned.aims else found
            time.sleep(0.1)


def chosen(among: Sequence[_T], planned: Planned) -> _T:
    """Return the one that the seed chose."""
    return among[int(planned.choice * len(among))]
