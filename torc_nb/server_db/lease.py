"""Who keeps a private server: one process at a time, on one host.

Three things keep others away from the data. A lock that a keeper holds. Another that PostgreSQL's processes inherit, so
that it lasts as long as any of them lives, stopped or orphaned or not. And a counter that the keeper moves: whoever
sees it stand still for a whole lease, by its own clock, knows that the keeper does nothing more. A keeper that finds
its term over ends its server.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torc_nb import private
from torc_nb.store import machine

FILE = "lease.json"
#: The locks of the keeper, and of the server's own processes.
LOCK, SERVER_LOCK = "lock", "server.lock"

#: How often a keeper moves the counter, in seconds.
BEAT = 2.0
#: After which silence others take a keeper for dead, in seconds.
LEASE = 20.0


@dataclass(frozen=True)
class Lease:
    """What a keeper says of itself.

    Attributes
    ----------
    term : int
        Goes up with each keeper.
    beat : int
        Goes up while it lives.
    state : str
        ``starting``, ``running``, ``leaving`` where another is to keep the server, ``stopping`` and ``stopped`` on
        request, or ``failed``, then with ``message``.
    slurm_job : str
        The Slurm job that it runs in, for a server that was asked for there.
    """

    term: int = 0
    beat: int = 0
    state: str = "stopped"
    message: str = ""
    host: str = ""
    boot_id: str = ""
    pid: int = 0
    process_start: float = 0.0
    server_pid: int = 0
    since: float = 0.0
    slurm_job: str = ""

    @classmethod
    def read(cls, folder: Path) -> Lease:
        """Read that of a server; an empty one where it never ran."""
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()

    @classmethod
    def taken(cls, folder: Path, slurm_job: str = "") -> Lease:
        """Take the next term for this process, which must hold the lock."""
        lease = cls(
            term=cls.read(folder).term + 1,
            state="starting",
            host=socket.gethostname(),
            boot_id=machine.boot_id(),
            pid=os.getpid(),
            process_start=machine.process_start(),
            since=time.time(),
            slurm_job=slurm_job,
        )
        lease._write(folder)
        return lease

    def renewed(self, folder: Path, **changes: object) -> Lease:
        """Move the counter, and say what changed.

        Raises
        ------
        TermOver
            Another has the server now.
        """
        if Lease.read(folder).term != self.term:
            raise TermOver
        lease = replace(self, beat=self.beat + 1, **changes)  # type: ignore[arg-type]
        lease._write(folder)
        return lease

    @property
    def is_here(self) -> bool:
        """Whether its keeper runs, or ran, on this machine as it runs now."""
        return self.boot_id == machine.boot_id()

    @property
    def is_alive(self) -> bool | None:
        """Whether the keeper's process lives; None where it is another machine's."""
        return machine.is_alive(self.boot_id, self.pid, self.process_start)

    @property
    def is_kept(self) -> bool:
        """Whether somebody is to keep the server, by what was said last."""
        return self.state in ("starting", "running", "leaving")

    def stopped(self, folder: Path) -> Lease:
        """Say in a dead keeper's place that the server is to stay away."""
        lease = replace(self, beat=self.beat + 1, state="stopped", server_pid=0)
        lease._write(folder)
        return lease

    def stands_still(self, folder: Path, seconds: float = LEASE) -> bool:
        """Watch for so long whether the counter moves."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = Lease.read(folder)
            if (now.term, now.beat) != (self.term, self.beat):
                return False
            time.sleep(BEAT / 4)
        return True

    def _write(self, folder: Path) -> None:
        temporary = folder / f"{FILE}.{os.getpid()}"
        private.write_text(temporary, json.dumps(asdict(self)))
        temporary.replace(folder / FILE)


class TermOver(Exception):
    """Another keeper has the server now."""


def lock(folder: Path, seconds: float, name: str = LOCK) -> int | None:
    """Take a lock; returns its descriptor, None where others hold it all that time."""
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
        time.sleep(0.05)
