"""The process that keeps a private server: starts it, renews the lease, makes the daily copy, ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from torc_nb.errors import DatabaseError, LaunchError, TorcError
from torc_nb.server_db import backups, cluster, growth, network, slurm_job
from torc_nb.server_db.lease import BEAT, LEASE, SERVER_LOCK, Lease, TermOver, lock
from torc_nb.server_db.readers import Readers
from torc_nb.server_db.settings import SLURM, Settings
from torc_nb.store import address, machine

#: What the keeper itself has to say.
LOG = "keeper.log"
#: Who wants the server stopped, perhaps from another host, puts this file beside it; it stays until a start.
STOP = "stop"
#: Another keeper, perhaps of another host, that is to have the server puts this one.
HANDOVER = "handover"
#: How long the data may still be held by a server that is ending, in seconds.
_LOCK_SECONDS = 60.0
#: A server that dies is started again, but not one that does so more often than this in a row.
_DEATHS = 5
#: One that lived this long, in seconds, was well.
_LONG = 60.0
_SHUTDOWN_SECONDS = 60.0
#: How long after a submission that Slurm refused the next is tried, in seconds.
_SUBMIT_AGAIN = 60.0


class Keeper:
    """Keeps the server of a folder until it is asked to stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = Settings.read(folder)
        self._is_job = self._settings.on == SLURM
        self._lease = Lease()
        self._is_leaving = False
        self._next_job_at: float | None = None
        self._backup: subprocess.Popen[bytes] | None = None
        self._size_noted = -growth.INTERVAL
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._leave)

    def keep(self, *, instead: bool = False) -> None:
        """Run the server, unless somebody else does; ``instead`` of whoever does.

        Raises
        ------
        DatabaseError
            It cannot be started, or dies again and again.
        """
        if self._is_job and not slurm_job.is_wanted(self._folder):
            return
        if instead or self._is_job:
            (self._folder / HANDOVER).touch(mode=0o600)
        if lock(self._folder, _LOCK_SECONDS + _SHUTDOWN_SECONDS) is None:
            return  # whoever has it keeps the server
        (self._folder / HANDOVER).unlink(missing_ok=True)
        self._lease = Lease.taken(self._folder, slurm_job.own_id() if self._is_job else "")
        try:
            self._see_to_jobs()
            if not self._is_to_stop:
                self._keep_alive()
            self._renew(state="stopped" if self._is_to_stop else "leaving", server_pid=0)
        except TermOver:
            return
        except TorcError as error:
            self._renew(state="failed", message=str(error), server_pid=0)
            raise

    def _keep_alive(self) -> None:
        """Have the server running until it is to end, again after each of its deaths."""
        deaths = 0
        while not self._is_leaving:
            began = time.monotonic()
            why = DatabaseError(f"The database server died {_DEATHS} times; see {self._folder / cluster.LOG}.")
            try:
                self._look_after(self._come_up())
            except DatabaseError as error:  # it died before it answered
                why = error
            deaths = 1 if time.monotonic() - began > _LONG else deaths + 1
            if deaths >= _DEATHS and not self._is_leaving:
                raise why
            self._pause(1.0)

    def _come_up(self) -> subprocess.Popen[bytes]:
        """Start the server, and say where it is."""
        folder, wanted = self._folder, self._settings
        host = wanted.address if machine.is_own_address(wanted.address or "?") else network.address()
        port = cluster.free_port(host, wanted.port or _last_port(folder))
        networks = wanted.networks or network.networks(host, wanted.hosts)
        # A server that was killed leaves processes behind for a moment: they must be gone before another is there.
        descriptor = lock(folder, _LOCK_SECONDS, SERVER_LOCK)
        if descriptor is None:
            raise DatabaseError(f"Processes of an earlier server still hold {folder}; end them, `ps` shows postgres.")
        server = cluster.run(folder, host, port, networks, descriptor)
        os.close(descriptor)
        try:
            self._renew(state="starting", server_pid=server.pid)
            while not cluster.is_up(folder, server, port):
                self._renew()
                time.sleep(0.1)
            try:
                cluster.prepare(folder, port)
            except cluster.Error as error:
                raise DatabaseError(f"The database server of {folder} cannot be prepared: {error}") from error
            address.announce(folder, host, port)
            self._renew(state="running")
            return server
        except BaseException:
            _kill(server)
            raise

    def _look_after(self, server: subprocess.Popen[bytes]) -> None:
        """Renew the lease while the server lives."""
        readers = Readers(self._folder)
        try:
            while server.poll() is None and not self._is_leaving:
                self._renew()
                readers.follow()
                self._is_leaving |= self._is_to_stop or (self._folder / HANDOVER).exists()
                self._ask_for_successor()
                self._copy_daily()
                self._note_size()
                self._pause(BEAT, server)
        except BaseException:  # the term is over, or the folder is gone: nobody keeps this server any more
            _kill(server)
            raise
        if self._is_leaving:
            self._renew(state="stopping" if self._is_to_stop else "leaving")
            _shut_down(server)

    @property
    def _is_to_stop(self) -> bool:
        """Whether nobody is to keep the server; else it only ends here, as a site, a walltime or a successor wants."""
        return (self._folder / STOP).exists()

    def _see_to_jobs(self) -> None:
        """Know when to ask Slurm for a successor; a keeper that is no job wants none."""
        try:
            if self._is_job:
                self._next_job_at = slurm_job.half_time()
            elif slurm_job.named(self._folder):
                slurm_job.withdraw(self._folder)
        except LaunchError as error:
            print(error, file=sys.stderr)

    def _ask_for_successor(self) -> None:
        """Submit the job that will keep the server after this one, in good time."""
        if self._next_job_at is None or time.time() < self._next_job_at:
            return
        try:
            slurm_job.submit(self._folder, self._folder / LOG)
            self._next_job_at = None
        except LaunchError as error:  # whoever finds the server gone can still submit one
            print(error, file=sys.stderr)
            self._next_job_at = time.time() + _SUBMIT_AGAIN

    def _renew(self, **changes: object) -> None:
        self._lease = self._lease.renewed(self._folder, **changes)

    def _pause(self, seconds: float, server: subprocess.Popen[bytes] | None = None) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._is_leaving and (server is None or server.poll() is None):
            time.sleep(0.1)

    def _copy_daily(self) -> None:
        """Make a copy where the newest is a day old, in a process of its own."""
        if self._backup is not None and self._backup.poll() is None:
            return
        wanted = Settings.read(self._folder).backups
        if wanted and backups.is_due(Path(wanted)):
            self._backup = subprocess.Popen(
                [sys.executable, "-P", "-m", "torc_nb.server_db", "backup", str(self._folder)],
                stdin=subprocess.DEVNULL,
            )

    def _note_size(self) -> None:
        if time.monotonic() - self._size_noted > growth.INTERVAL:
            self._size_noted = time.monotonic()
            with contextlib.suppress(cluster.Error):  # it may be ending
                growth.note(self._folder, cluster.size(self._folder))

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        self._is_leaving = True


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


def detach(folder: Path, *, instead: bool) -> None:
    """Start a keeper that outlives this process and whatever started it; ``instead`` of another that runs."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    path = folder / LOG
    path.touch(mode=0o600)
    with path.open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "torc_nb.server_db", "take" if instead else "keep", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
