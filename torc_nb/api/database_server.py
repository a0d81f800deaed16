"""The database itself: a private server started, moved into, stopped; how it stands; copies of it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb import private, server_db
from torc_nb.api import places
from torc_nb.errors import Conflict, DatabaseError, InvalidRequest, NotFound, ReadOnly
from torc_nb.store import Database, address, copying, leases, shared, sizes, workflows
from torc_nb.store.database import parse_url
from torc_nb.store.sqlite_file import MOVED


@dataclass(frozen=True)
class Started:
    """A server that runs.

    Attributes
    ----------
    url : str
        What names its database from now on; no password is in it.
    host, port
        Where it is now.
    moved : dict or None
        How many rows of each table came from the SQLite file that was there before.
    kept : Path or None
        Where that file is now.
    slurm_job : str
        The Slurm job that it runs in; empty where it runs in none.
    """

    url: str
    host: str
    port: int
    moved: dict[str, int] | None = None
    kept: Path | None = None
    slurm_job: str = ""


@dataclass(frozen=True)
class Standing:
    """How a database stands.

    Attributes
    ----------
    place : str
        A file, a server's folder, or a URL without a password.
    state : str
        ``file``, ``starting``, ``running``, ``leaving``, ``stopped``, ``failed``, ``gone``, ``waiting`` in Slurm's
        queue, or ``reachable`` for a site's own server.
    where : str
        Host and port of a server.
    since : float or None
        When the server was started, in seconds since the epoch.
    size : int or None
        Bytes.
    growth : float or None
        Bytes a day, over the last day; None where too little is known.
    clients : int or None
        Connections to a server.
    slurm_job : str
        The Slurm job that a server runs in, or that will run it.
    workers : int or None
        Those present, of all workflows.
    backup : Path or None
        The newest copy.
    group : str or None
        With whom it is shared.
    """

    place: str
    state: str
    where: str = ""
    since: float | None = None
    size: int | None = None
    growth: float | None = None
    clients: int | None = None
    workers: int | None = None
    backup: Path | None = None
    message: str = ""
    slurm_job: str = ""
    group: str | None = None


def start(chosen: str, **given: Any) -> Started:
    """Run a private server in the place of an SQLite file, whose content moves there; or start it again.

    Parameters
    ----------
    given
        What :class:`~torc_nb.server_db.Settings` says, where it is to be otherwise than before: a server that runs is
        started anew then, and workers go on meanwhile. ``on="host"`` brings one here that runs elsewhere.

    Raises
    ------
    InvalidRequest
        The database is a site's own server; or root asks.
    Conflict
        Workers still use the file.
    DatabaseError
        It does not start, or the content does not arrive whole; the file is as it was.
    """
    folder = server_folder(chosen)
    file = folder.parent / places.FILE
    if file.exists():
        with closing(Database.open(file)) as source:
            copying.refuse_workers(source)
    lease = server_db.start(folder, given)
    database = Database.open(address.url_of(folder))
    try:
        places.remember(database)
        moved = _move(file, database) if file.exists() else None
        _take_in(database)
    finally:
        database.close()
    where = address.parameters(folder)
    kept = None if moved is None else file.with_name(file.name + MOVED)
    return Started(database.url, where["host"], where["port"], moved, kept, lease.slurm_job)


def _take_in(database: Database) -> None:
    """Record what workers finished that have left while no server was there."""
    for workflow in workflows.listed(database):
        assert workflow.id is not None
        leases.expire(database, workflow.id)


def _move(file: Path, target: Database) -> dict[str, int]:
    source = Database.open(file)
    try:
        return copying.move(source, target)
    finally:
        source.close()


def stop(chosen: str) -> str:
    """End a private server, wherever it runs; returns on which host it ran.

    Raises
    ------
    NotFound
        There is none.
    """
    return server_db.stop(_existing(chosen)).host


def server_folder(chosen: str) -> Path:
    """Return the folder of the private server of a database, whether it is there yet or not.

    Raises
    ------
    InvalidRequest
        A site's own server.
    ReadOnly
        Another user's, who shares it.
    """
    url = parse_url(chosen)
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).parent / places.SERVER
    if (theirs := shared.folder_of(url)) is not None:
        owner = shared.owner(theirs)
        raise ReadOnly(f"The server is {owner}'s, who shares it by {theirs} to be read: {owner} alone looks after it.")
    folder = address.folder_of(url)
    if folder is None:
        name = url.set(drivername="postgresql").render_as_string()
        raise InvalidRequest(
            f"{name} is on a server of the site's own, which whoever runs it starts, stops and copies. A copy of your "
            f"own: `pg_dump --format=custom --file=torc.dump '{name}'`; `pg_restore` puts it back."
        )
    return folder


def _existing(chosen: str) -> Path:
    folder = server_folder(chosen)
    if not folder.exists():
        raise NotFound(f"There is no database server in {folder.parent}; `%torc db start` makes one.")
    return folder


def status(chosen: str) -> Standing:
    """Return how a database stands; one that does not answer too.

    Raises
    ------
    NotFound
        There is none.
    """
    url = parse_url(chosen)
    if url.get_backend_name() == "sqlite":
        return _file_status(Path(str(url.database)))
    folder = address.folder_of(url)
    if folder is None:
        with closing(Database.open(chosen, create=False)) as database:
            size, clients = sizes.of_server(database)
            where = _where(database)
            return Standing(database.place, "reachable", where, None, size, None, clients, leases.present(database))
    return _server_status(folder)


def _where(database: Database) -> str:
    url = database.engine.url
    theirs = shared.folder_of(url)
    if theirs is None:
        return f"{url.host}:{url.port or 5432}"
    found = shared.parameters(theirs)
    return f"{found['host']}:{found['port']}"


def _file_status(file: Path) -> Standing:
    if not file.exists():
        raise NotFound(f"There is no database {file} yet.")
    parts = (file.with_name(f"{file.name}{ending}") for ending in ("", "-wal", "-shm"))
    size = sum(part.stat().st_size for part in parts if part.exists())
    with closing(Database.open(file, create=False)) as database:
        return Standing(str(file), "file", size=size, workers=leases.present(database))


def _server_status(folder: Path) -> Standing:
    lease = server_db.Lease.read(folder)
    backups = server_db.Settings.read(folder).backups
    copies = server_db.copies(Path(backups)) if backups else []
    place, backup = f"the server of {folder}", copies[-1] if copies else None
    group = server_db.group_of(folder)
    if not lease.is_kept or lease.is_alive is False:
        if (job := server_db.awaited_job(folder)) is not None:
            why = f"Slurm job {job.id} waits in the queue ({job.reason or 'no reason'})." if job.is_waiting else ""
            state = "waiting" if job.is_waiting else "starting"
            return Standing(place, state, backup=backup, message=why, slurm_job=job.id)
        state = lease.state if not lease.is_kept else "gone"
        return Standing(place, state, lease.host, lease.since, backup=backup, message=lease.message, group=group)
    if lease.state == "starting":
        return Standing(place, "starting", lease.host, lease.since, backup=backup, slurm_job=lease.slurm_job)
    where = address.parameters(folder)
    with closing(Database.open(address.url_of(folder))) as database:
        size, clients = sizes.of_server(database)
        workers = leases.present(database)
    growth = server_db.per_day(folder, size)
    return Standing(
        place, lease.state, f"{where['host']}:{where['port']}", lease.since, size, growth, clients, workers, backup,
        slurm_job=lease.slurm_job, group=group,
    )  # fmt: skip


def backup(chosen: str, target: str | os.PathLike[str] | None = None) -> Path:
    """Copy the database into a new file of a folder, while workers go on; returns the file.

    Raises
    ------
    DatabaseError
        It failed.
    """
    url = parse_url(chosen)
    folder = server_folder(chosen)
    to = Path(target or server_db.default_backups(folder)).expanduser().resolve()
    if url.get_backend_name() != "sqlite":
        return server_db.make_backup(folder, to)
    return _copy_file(Path(str(url.database)), to)


def _copy_file(file: Path, to: Path) -> Path:
    if not file.exists():
        raise NotFound(f"There is no database {file} yet.")
    copy = to / f"{time.strftime('%Y-%m-%d-%H%M%S')}.db"
    half = copy.with_suffix(".part")
    try:
        private.make_folder(to)
        os.close(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    except OSError as error:
        raise DatabaseError(f"{copy} cannot be made: {error.strerror}.") from error
    _copy_content(file, half)
    half.replace(copy)
    return copy


def _copy_content(file: Path, to: Path) -> None:
    """Copy by SQLite's own means, which respect those who have either file open."""
    try:
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(to)) as sink,
        ):
            source.backup(sink)
    except sqlite3.Error as error:
        raise DatabaseError(f"{file} could not be copied to {to}: {error}.") from error


def restore(chosen: str, copy: str | os.PathLike[str]) -> str:
    """Put a copy in the place of the database; returns where what was there before is now.

    Raises
    ------
    Conflict
        Workers are there.
    InvalidRequest
        The file is no copy, or the server runs on another machine.
    """
    source = Path(copy).expanduser().resolve()
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    _refuse_workers(chosen)
    url = parse_url(chosen)
    if url.get_backend_name() != "sqlite":
        return f"database {server_db.restore(_existing(chosen), source)}"
    return str(_put_back(source, Path(str(url.database))))


def _refuse_workers(chosen: str) -> None:
    standing = status(chosen)
    if standing.workers:
        raise Conflict(
            f"{standing.workers} worker(s) still use {standing.place}: cancel them first, `%torc workflows cancel`."
        )


def _put_back(copy: Path, file: Path) -> Path:
    with closing(Database.open(copy, create=False)):
        pass  # it is a database of ours
    before = file.with_name(f"{file.name}.before-{time.strftime('%Y-%m-%d-%H%M%S')}")
    if file.exists():
        os.close(os.open(before, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
        _copy_content(file, before)
    else:
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    # Into the file, not in its place: whoever has it open would go on with its journal, which has its name.
    _copy_content(copy, file)
    return before


def facts(standing: Standing) -> dict[str, Any]:
    """Return what is known of a database, for a program."""
    return {name: value for name, value in vars(standing).items() if value not in (None, "")}
