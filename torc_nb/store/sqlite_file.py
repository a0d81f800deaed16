"""SQLite files, opened so that many processes of one machine can write them."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from torc_nb import private
from torc_nb.errors import DatabaseError
from torc_nb.store import machine

#: How long a transaction waits for another writer before it gives up, in seconds.
LOCK_TIMEOUT = 30.0
#: The shortest and the longest pause between two attempts to get a lock, in seconds.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.004

#: What is added to the name of an SQLite file whose content has moved to a server.
MOVED = ".moved"
#: What its `user_version` says then.
HAS_MOVED = 1
#: What it says of a copy that is there to be looked at.
IS_COPY = 2


def engine(url: URL, *, create: bool, trust: bool) -> Engine:
    """Open a file, making it where it may be made.

    Raises
    ------
    DatabaseError
        It is not there, or cannot be used.
    NotPrivate
        Others may write it.
    """
    path = Path(str(url.database))
    if is_copy(path):
        return _copy_engine(url, path)
    exists = path.exists()
    if not exists and not create:
        raise DatabaseError(f"There is no database {path}.")
    try:
        private.make_folder(path.parent)
        if not trust:
            _check_private(path)
        is_on_network = machine.is_on_network(path)
        if is_on_network:
            _check_locks(path.parent)
        if not exists:
            # Made by us, so that it is private from its first byte; what somebody just made is not opened, see is_copy.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise DatabaseError(f"{path} cannot be {'used' if exists else 'made'}: {error.strerror}.") from error
    # A write-ahead log is in memory that several machines do not share.
    journal = "DELETE" if is_on_network else "WAL"

    def connect() -> sqlite3.Connection:
        # rw: a file that was removed is not made anew, empty
        return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=LOCK_TIMEOUT, check_same_thread=False)

    made = create_engine(url, creator=connect)

    @event.listens_for(made, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        # The first to open a file changes its journal, which SQLite does not wait for: all others would be refused.
        _patiently(connection, f"PRAGMA journal_mode = {journal}")
        # In WAL a crash of the machine may lose the last commits, never the file; a killed process loses nothing.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if journal == 'WAL' else 'FULL'}")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its place at once: a reader that turns writer would meet SQLITE_BUSY with no time-out.
        is_writing = connection.get_execution_options().get("torc_nb_write", False)
        if is_writing:
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")
        # Who has the file open would write into it for ever, though it has another name.
        driver: Any = connection.connection.dbapi_connection
        (version,) = driver.execute("PRAGMA user_version").fetchone()
        if version == HAS_MOVED and (is_writing or not path.exists()):
            raise DatabaseError(has_moved(path))

    return made


def is_copy(path: Path) -> bool:
    """Whether a file is a workflow's copy, which nobody changes.

    Only SQLite may open the file: whoever closes it by himself gives up the locks that all connections of his process
    hold on it, and the next process to leave the database takes its log away from under them.
    """
    try:
        with closing(_looked_at(path)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone() == (IS_COPY,))
    except sqlite3.Error:  # there is none, or it is no database
        return False


def _looked_at(path: Path) -> sqlite3.Connection:
    """Open a file that nobody changes; of another one no more than what its first page says can be relied on."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def set_copy(path: Path, *, is_copy: bool) -> None:
    """Make a file, that nobody else has open, a copy all in one piece, without a journal; or an ordinary one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA user_version = {IS_COPY if is_copy else 0:d}")


def _copy_engine(url: URL, path: Path) -> Engine:
    """Open a copy: whoever made it, nothing that it says is run, and nothing is written beside it."""

    def connect() -> sqlite3.Connection:
        opened = _looked_at(path)
        opened.execute("PRAGMA trusted_schema = OFF")
        return opened

    return create_engine(url, creator=connect)


def _check_private(path: Path) -> None:
    """Make sure that only the file's owner can change it, or what SQLite would read in its place: its journals."""
    owner = path.stat().st_uid if path.exists() else None
    private.check(path.parent, owner=owner)
    for ending in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            private.check(path.with_name(f"{path.name}{ending}"), owner=owner)


@cache
def _check_locks(folder: Path) -> None:
    """Make sure, once, that the locks of a network filesystem work: without them a database is soon destroyed."""
    from torc_nb.store import probe

    if complaint := probe.complaint(folder):
        raise DatabaseError(
            f"{folder} is on a network filesystem ({machine.filesystem(folder)}) whose locks do not work: {complaint}. "
            "An SQLite database would be destroyed there. Name a file on another filesystem (--db or "
            "TORC_NB_DATABASE_URL), or use a PostgreSQL database."
        )


def _begin_writing(connection: Connection) -> None:
    """Take the one writer's place.

    SQLite itself would sleep up to 100 ms between two attempts, and miss the short gaps that another's many small
    transactions leave.
    """
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        _patiently(driver, "BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # refused once more, in SQLAlchemy's words
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(1000 * LOCK_TIMEOUT)}")


def _patiently(driver: sqlite3.Connection, statement: str) -> None:
    """Execute a statement, asking again and again while another process holds a lock.

    Soon at first, since most transactions are over in a fraction of a millisecond; then every few milliseconds.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT
    pause = _SHORTEST_PAUSE
    while True:
        try:
            driver.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.25, 1.0) * pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)


def has_moved(file: str | os.PathLike[str] | None) -> str:
    """Say where what a file held is now."""
    return f"{file} has moved to a database server: open it again, Workflow(name) in its folder."
