"""A private server made, started where nobody keeps it, and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil

from torc_nb import private
from torc_nb.errors import DatabaseError, DatabaseUnavailable, InvalidRequest, LaunchError, SlurmUnavailable
from torc_nb.server_db import cluster, keeper, slurm_job
from torc_nb.server_db.lease import LEASE, LOCK, SERVER_LOCK, Lease, lock
from torc_nb.server_db.settings import HOST, SLURM, Settings

_START_SECONDS = 120.0
_STOP_SECONDS = 90.0
#: How long a Slurm job may wait in the queue before that is said, and how often Slurm is asked, in seconds.
_QUEUE_SECONDS, _ASK_SLURM = 10.0, 2.0
#: Held by the one process that sees to a server that is gone: others only look.
_TURN = "revive.lock"


def start(folder: Path, given: dict[str, object]) -> Lease:
    """Have a server that answers: made where there is none, and kept by a new process where nobody keeps it.

    Parameters
    ----------
    given
        Settings that are to be otherwise than before: whoever keeps the server then hands it over to a new process.
        ``on="host"`` brings it to this machine from another.

    Raises
    ------
    InvalidRequest
        Root asks: PostgreSQL would refuse.
    DatabaseError
        It cannot be made, or does not start.
    DatabaseUnavailable
        Another machine holds its data, and does nothing; or its Slurm job waits in the queue.
    LaunchError
        Slurm refuses the job, or does not answer; the settings stay as they were.
    """
    if os.geteuid() == 0:
        raise InvalidRequest(
            "PostgreSQL does not run as root: start it as an ordinary user, or name a server that runs already by --db."
        )
    before = Settings.read(folder)
    wanted = before.changed(given)
    try:
        private.make_folder(folder)
        wanted.write(folder)
    except OSError as error:
        raise DatabaseError(f"{folder} cannot be made: {error.strerror}.") from error
    _make(folder)
    (folder / keeper.STOP).unlink(missing_ok=True)
    is_elsewhere = given.get("on") == HOST and not Lease.read(folder).is_here
    try:
        return _bring_up(folder, instead=is_elsewhere or not wanted.run_like(before))
    except LaunchError:
        before.write(folder)
        raise


def _make(folder: Path) -> None:
    """Make the database's files, where there are none."""
    if (folder / cluster.DATA).exists():
        return
    held = lock(folder, _START_SECONDS)
    if held is None:
        raise DatabaseError(f"Another process has been making {folder} for {_START_SECONDS:.0f} s.")
    try:
        if not (folder / cluster.DATA).exists():
            cluster.create(folder)
    finally:
        os.close(held)


def revive(folder: Path) -> Lease:
    """Start a server again whose keeper is gone; not one that was stopped on purpose, or that cannot run.

    Of all who find out, one sees to it at a time: it may have to ask Slurm, which has other things to do.

    Raises
    ------
    DatabaseUnavailable
        It was stopped, or it failed.
    """
    before = Lease.read(folder)
    if not before.is_kept and slurm_job.awaited_job(folder) is None:
        why = before.message or "was stopped"
        raise DatabaseUnavailable(f"The database server of {folder}: {why}; `%torc db start` starts it.")
    deadline = time.monotonic() + 2 * LEASE
    while (turn := lock(folder, 0.0, _TURN)) is None and time.monotonic() < deadline:
        now = Lease.read(folder)
        if now.state == "running" and (now.term, now.beat) != (before.term, before.beat):
            return now
        time.sleep(0.5)
    try:
        return _bring_up(folder)
    finally:
        if turn is not None:
            os.close(turn)


def _bring_up(folder: Path, *, instead: bool = False) -> Lease:
    before = Lease.read(folder)
    is_kept = not instead and _is_kept(folder, before)
    job = "" if is_kept else _launch(folder, instead=instead)
    began = asked = time.monotonic()
    while time.monotonic() < began + _START_SECONDS:
        now = Lease.read(folder)
        if now.term > before.term and not now.is_kept:
            raise DatabaseError(
                now.message or f"The database server of {folder} was stopped; `%torc db start` starts it."
            )
        if now.state == "running" and (is_kept or now.term > before.term):
            return now
        if is_kept and _has_left(folder, now):
            before, is_kept = now, False
            job = _launch(folder, instead=False)
        if job and time.monotonic() > asked + _ASK_SLURM:
            job = _look_at(job, folder, before, time.monotonic() - began)
            asked = time.monotonic()
        time.sleep(0.05)
    raise DatabaseUnavailable(
        f"The database server of {folder} did not start within {_START_SECONDS:.0f} s; {folder / keeper.LOG} and "
        f"{folder / cluster.LOG} say more."
    )


def _has_left(folder: Path, lease: Lease) -> bool:
    """Whether the keeper that others counted on is gone: it was about to leave, or died."""
    return lease.is_alive is False or (lease.state == "leaving" and _is_free(folder))


def _launch(folder: Path, *, instead: bool) -> str:
    """Have a keeper on its way; returns the id of the Slurm job that will be it, where it is one."""
    if Settings.read(folder).on == SLURM:
        return slurm_job.submit(folder, folder / keeper.LOG, anew=instead)
    keeper.detach(folder, instead=instead)
    return ""


def _look_at(job: str, folder: Path, before: Lease, seconds: float) -> str:
    """Say why a Slurm job does not keep the server yet, once that is worth saying; returns the job to wait for."""
    found = slurm_job.standing(job)
    if found is None or found.has_ended:
        if job == before.slurm_job:  # that of the keeper that is gone, which Slurm was still ending
            return _launch(folder, instead=False)
        words = (folder / keeper.LOG).read_text(errors="replace").strip().splitlines()[-8:]
        raise DatabaseError(
            "\n".join(
                [
                    f"Slurm job {job} ended before the database server ran; {folder / keeper.LOG} says:",
                    *words,
                    "When that is mended, `%torc db start` submits another.",
                ]
            )
        )
    if found.is_waiting and seconds > _QUEUE_SECONDS:
        raise DatabaseUnavailable(
            f"Slurm job {job}, which will run the database server, waits in the queue ({found.reason or 'no reason'}). "
            "It begins by itself: try again then; `%torc db status` shows how it stands."
        )
    return job


def _is_kept(folder: Path, lease: Lease) -> bool:
    """Whether somebody keeps the server; one that does nothing any more is ended, by this machine or by Slurm."""
    if not lease.is_kept or lease.is_alive is False:
        return False
    if lease.slurm_job and (told := _told_by_slurm(lease.slurm_job)) is not None:
        return told
    if not lease.stands_still(folder):
        return True
    if lease.is_here:
        _end(lease)
    elif lease.slurm_job:
        slurm_job.end(lease.slurm_job)
    else:
        _check_held(folder, lease)
    return False


def _told_by_slurm(job: str) -> bool | None:
    """Whether a job will go on, or has ended: by Slurm's word nothing of it runs any more. None: the job must show."""
    try:
        found = slurm_job.standing(job)
    except SlurmUnavailable:
        return None
    if found is None or found.has_ended:
        return False
    return True if found.is_waiting else None


def _check_held(folder: Path, lease: Lease) -> None:
    """Make sure that no process of another machine holds the data."""
    for name in (LOCK, SERVER_LOCK):
        held = lock(folder, 0.0, name)
        if held is None:
            raise DatabaseUnavailable(
                f"The database server of {folder} is held by {lease.host}, where it has done nothing for {LEASE:.0f} "
                f"s: end process {lease.pid} there, or wait until the machine is gone."
            )
        os.close(held)


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
    if not lease.is_kept and not slurm_job.named(folder):
        return lease
    (folder / keeper.STOP).touch(mode=0o600)
    slurm_job.withdraw(folder)
    if lease.is_alive:
        os.kill(lease.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while (now := Lease.read(folder)).is_kept or now.state == "stopping":
        if now.is_alive is False or _is_free(folder):  # it died or left before it could: its server ended with it
            return now.stopped(folder)
        if time.monotonic() > deadline:
            raise DatabaseError(f"The server of {folder}, on {lease.host}, did not stop within {_STOP_SECONDS:.0f} s.")
        time.sleep(0.1)
    return now


def _is_free(folder: Path) -> bool:
    """Whether no keeper holds the server."""
    held = lock(folder, 0.0)
    if held is not None:
        os.close(held)
    return held is not None
