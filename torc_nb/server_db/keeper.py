"""The process that keeps a private server: starts it, renews the lease, makes the daily copy, ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from torc_nb.errors import TorcError
from torc_nb.server_db import backups, cluster, growth, network
from torc_nb.server_db.lease import BEAT, LEASE, Lease, TermOver, lock
from torc_nb.server_db.settings import Settings
from torc_nb.store import address, machine

#: What the keeper itself has to say.
LOG = "keeper.log"
#: Who wants the server stopped, perhaps from another host, puts this file beside it.
STOP = "stop"
#: How long the data may still be held by a server that is ending, in seconds.
_LOCK_SECONDS = 60.0
#: A server that dies is started again, but not one that does so more often than this in a row.
_DEATHS = 5
_SHUTDOWN_SECONDS = 60.0


class Keeper:
    """Keeps the server of a folder until it is asked to stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = Settings.read(folder)
        self._is_told_to_stop = False
        self._backup: subprocess.Popen[bytes] | None = None
        self._size_noted = -growth.INTERVAL
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)

    def keep(self) -> None:
        """Run the server.

        Raises
        ------
        DatabaseError
            It cannot be started, or dies again and again.
        """
        descriptor = lock(self._folder, _LOCK_SECONDS)
        if descriptor is None:
            return  # whoever has it keeps the server
        lease = Lease.taken(self._folder)
        (self._folder / STOP).unlink(missing_ok=True)
        try:
            for _ in range(_DEATHS):
                server, lease = self._come_up(lease, descriptor)
                lease = self._look_after(server, lease)
                if self._is_told_to_stop:
                    lease.renewed(self._folder, state="stopped", server_pid=0)
                    return
                time.sleep(1.0)
            raise TorcError(f"The database server died {_DEATHS} times; see {self._folder / cluster.LOG}.")
        except TermOver:
            return
        except TorcError as error:
            lease.renewed(self._folder, state="failed", message=str(error), server_pid=0)
            raise

    def _come_up(self, lease: Lease, descriptor: int) -> tuple[subprocess.Popen[bytes], Lease]:
        """Start the server, and say where it is."""
        folder, wanted = self._folder, self._settings
        host = wanted.address if machine.is_own_address(wanted.address or "?") else network.address()
        port = cluster.free_port(host, wanted.port or _last_port(folder))
        server = cluster.run(folder, host, port, wanted.networks or network.networks(host), descriptor)
        try:
            lease = lease.renewed(folder, state="starting", server_pid=server.pid)
            while not cluster.is_up(folder, server, port):
                lease = lease.renewed(folder)
                time.sleep(0.1)
            cluster.prepare(folder, port)
            address.announce(folder, host, port)
            return server, lease.renewed(folder, state="running", server_pid=server.pid)
        except BaseException:
            _kill(server)
            raise

    def _look_after(self, server: subprocess.Popen[bytes], lease: Lease) -> Lease:
        """Renew the lease while the server lives."""
        try:
            while server.poll() is None and not self._is_told_to_stop:
                lease = lease.renewed(self._folder)
                self._is_told_to_stop |= (self._folder / STOP).exists()
                self._copy_daily()
                self._note_size()
                self._pause(server)
        except BaseException:  # the term is over, or the folder is gone: nobody keeps this server any more
            _kill(server)
            raise
        if self._is_told_to_stop:
            lease = lease.renewed(self._folder, state="stopping")
            _shut_down(server)
        return lease

    def _pause(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + BEAT
        while time.monotonic() < deadline and server.poll() is None and not self._is_told_to_stop:
            time.sleep(0.1)

    def _copy_daily(self) -> None:
        """Make a copy where the newest is a day old, in a process of its own."""
        if self._backup is not None and self._backup.poll() is None:
            return
        if self._settings.backups and backups.is_due(Path(self._settings.backups)):
            self._backup = subprocess.Popen(
                [sys.executable, "-P", "-m", "torc_nb.server_db", "backup", str(self._folder)],
                stdin=subprocess.DEVNULL,
            )

    def _note_size(self) -> None:
        if time.monotonic() - self._size_noted > growth.INTERVAL:
            self._size_noted = time.monotonic()
            growth.note(self._folder, cluster.size(self._folder))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told_to_stop = True


def _last_port(folder: Path) -> int:
    try:
        return int(address.parameters(folder)["port"])
    except TorcError:
        return 0


def _shut_down(server: subprocess.Popen[bytes]) -> None:
    """End the server in order: transactions are rolled back, all is written."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_SHUTDOWN_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(server)


def _kill(server: subprocess.Popen[bytes]) -> None:
    """End the server at once: its log brings back all that was committed."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(LEASE / 4)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def detach(folder: Path) -> None:
    """Start a keeper that outlives this process and whatever started it."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    path = folder / LOG
    path.touch(mode=0o600)
    with path.open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "torc_nb.server_db", "keep", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
