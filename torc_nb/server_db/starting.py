"""A private server made, started where nobody keeps it, and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil

from torc_nb.errors import DatabaseError, DatabaseUnavailable, InvalidRequest
from torc_nb.server_db import cluster, keeper
from torc_nb.server_db.lease import LEASE, LOCK, SERVER_LOCK, Lease, lock
from torc_nb.server_db.settings import Settings

_START_SECONDS = 120.0
_STOP_SECONDS = 90.0


def make(folder: Path, settings: Settings) -> bool:
    """Make a server's folder, or set an existing one's settings; whether it is new.

    Raises
    ------
    InvalidRequest
        Root asks: PostgreSQL would refuse.
    DatabaseError
        It cannot be made.
    """
    if os.geteuid() == 0:
        raise InvalidRequest(
            "PostgreSQL does not run as root: start it as an ordinary user, or name a server that runs already by --db."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.write(folder)
    except OSError as error:
        raise DatabaseError(f"{folder} cannot be made: {error.strerror}.") from error
    if (folder / cluster.DATA).exists():
        return False
    held = lock(folder, _START_SECONDS)
    if held is None:
        raise DatabaseError(f"Another process has been making {folder} for {_START_SECONDS:.0f} s.")
    try:
        if (folder / cluster.DATA).exists():
            return False
        cluster.create(folder)
    finally:
        os.close(held)
    return True


def start(folder: Path) -> Lease:
    """Have the server kept by somebody: by a new process here, where nobody does. Returns when it answers.

    Raises
    ------
    DatabaseError
        It does not start.
    DatabaseUnavailable
        Another machine holds its data, and does nothing.
    """
    before = Lease.read(folder)
    is_kept = _is_kept(folder, before)
    if not is_kept:
        keeper.detach(folder)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        now = Lease.read(folder)
        if now.term > before.term and now.state == "failed":
            raise DatabaseError(now.message)
        if now.state == "running" and (is_kept or now.term > before.term):
            return now
        time.sleep(0.05)
    raise DatabaseUnavailable(
        f"The database server of {folder} did not start within {_START_SECONDS:.0f} s; {folder / keeper.LOG} and "
        f"{folder / cluster.LOG} say more."
    )


def revive(folder: Path) -> Lease:
    """Start a server again whose keeper is gone; not one that was stopped on purpose, or that cannot run.

    Raises
    ------
    DatabaseUnavailable
        It was stopped, or it failed.
    """
    lease = Lease.read(folder)
    if not lease.is_kept:
        why = lease.message or "was stopped"
        raise DatabaseUnavailable(f"The database server of {folder}: {why}; `%torc db start` starts it.")
    return start(folder)


def _is_kept(folder: Path, lease: Lease) -> bool:
    """Whether somebody keeps the server; a keeper of this machine that does nothing any more is ended."""
    if not lease.is_kept or lease.is_alive is False:
        return False
    if not lease.stands_still(folder):
        return True
    if lease.is_here:
        _end(lease)
        return False
    for name in (LOCK, SERVER_LOCK):
        held = lock(folder, 0.0, name)
        if held is None:
            raise DatabaseUnavailable(
                f"The database server of {folder} is held by {lease.host}, where it has done nothing for {LEASE:.0f} "
                f"s: end process {lease.pid} there, or wait until the machine is gone."
            )
        os.close(held)
    return False


def _end(lease: Lease) -> None:
    """Kill a keeper of this machine with all that it started, however it was stopped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(lease.pid)
        family = [process, *process.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=LEASE)


def stop(folder: Path) -> Lease:
    """Have the keeper, wherever it is, end the server; returns when it has.

    Raises
    ------
    DatabaseError
        It does not.
    """
    lease = Lease.read(folder)
    if not lease.is_kept:
        return lease
    (folder / keeper.STOP).touch(mode=0o600)
    if lease.is_alive:
        os.kill(lease.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while (now := Lease.read(folder)).state not in ("stopped", "failed"):
        if now.is_alive is False:  # it died before it could: its server ends with it
            return now.stopped(folder)
        if time.monotonic() > deadline:
            raise DatabaseError(f"The server of {folder}, on {lease.host}, did not stop within {_STOP_SECONDS:.0f} s.")
        time.sleep(0.1)
    return now
