"""One database: opened, checked, created; its transactions and its clock."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from torc_nb import private
from torc_nb.errors import DatabaseError, DatabaseTooNew, DatabaseUnavailable, InvalidRequest
from torc_nb.models.addresses import without_password
from torc_nb.store import address, machine, schema

#: How long a transaction waits for another writer before it gives up, in seconds.
LOCK_TIMEOUT = 30.0

#: What is added to the name of an SQLite file whose content has moved to a server.
MOVED = ".moved"
#: What its `user_version` says then.
HAS_MOVED = 1

#: How long a transaction may say nothing before a server ends it, in seconds. A node that vanished in its midst, or a
#: laptop whose lid was closed, would hold its locks for hours, and all others would wait for them.
SILENCE = 30.0


class Database:
    """A database of workflows, on SQLite or PostgreSQL.

    Use :meth:`open`; ``read`` and ``write`` give transactions, short ones only.

    Attributes
    ----------
    trust : bool
        Whether whoever wrote it is trusted, another user too.
    """

    def __init__(self, engine: Engine, *, trust: bool = False) -> None:
        self.engine = engine
        self.trust = trust
        self.is_sqlite = engine.dialect.name == "sqlite"

    @classmethod
    def open(cls, url: str | os.PathLike[str], *, create: bool = True, trust: bool = False) -> Database:
        """Open a database, creating or migrating it where needed.

        Parameters
        ----------
        url : str or path
            ``postgresql://…``, ``sqlite:///…`` or the path of an SQLite file.
        create : bool, default True
            Whether an absent SQLite file is made.
        trust : bool, default False
            Whether it is used although other users may have written it.

        Raises
        ------
        DatabaseTooNew
            A newer torc_nb wrote it.
        DatabaseUnavailable
            It does not answer.
        NotPrivate
            Others may write the SQLite file, or what is in its folder.
        DatabaseError
            It cannot be used as it is.
        """
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite_engine(parsed, create, trust)
        else:
            engine = _postgresql_engine(parsed)
        database = cls(engine, trust=trust)
        # A forked process must not use its parent's connections, nor close them.
        os.register_at_fork(after_in_child=_Abandon(database.engine))
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def url(self) -> str:
        """The URL, to open the same database again."""
        server = address.folder_of(self.engine.url)
        if server is not None:
            return address.url_of(server)
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def folder(self) -> Path | None:
        """The folder of an SQLite file, or that beside a private server; None for a site's own."""
        if self.is_sqlite:
            return Path(self.engine.url.database or "").parent
        server = address.folder_of(self.engine.url)
        return None if server is None else server.parent

    @property
    def place(self) -> str:
        """Where it is, as users know it: a file, a private server's folder, or a URL without a password."""
        if self.is_sqlite:
            return str(self.engine.url.database)
        server = address.folder_of(self.engine.url)
        return self.engine.url.render_as_string() if server is None else f"the server of {server}"

    def __repr__(self) -> str:
        return f"Database({self.place!r})"

    def check_exists(self) -> None:
        """Make sure that an SQLite file is still there: open connections go on with one that was removed.

        Raises
        ------
        DatabaseError
            It was removed.
        """
        if self.is_sqlite and not Path(self.engine.url.database or "").exists():
            raise DatabaseError(self._why_gone())

    def _why_gone(self) -> str:
        has_moved = Path(f"{self.engine.url.database}{MOVED}").exists()
        return _has_moved(self.engine.url.database) if has_moved else f"{self!r} was removed."

    def close(self) -> None:
        """Close its connections; using it again opens new ones."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with _said_clearly(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def stream(self) -> Iterator[Connection]:
        """Open a transaction that only reads, at whatever pace the caller takes the rows."""
        with self.read() as connection:
            if not self.is_sqlite:
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes: committed at the end, rolled back on an exception."""
        with (
            _said_clearly(self),
            self.engine.connect().execution_options(torc_nb_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """Open a transaction that changes tables, one process at a time."""
        with _said_clearly(self), self.engine.connect() as connection:
            if self.is_sqlite:
                # To change a table SQLite copies and drops it, and the drop must not cascade. Not possible within a
                # transaction, so this connection is set so before, and never used again.
                pooled = connection.connection
                pooled.driver_connection.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]
                connection.detach()
            with connection.execution_options(torc_nb_write=True).begin():
                _wait_for_others(connection)
                yield connection

    def connect(self) -> Any:
        """Open a connection of the driver itself, which the caller closes."""
        with _said_clearly(self):
            pooled = self.engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
            return connection

    @property
    def driver_error(self) -> type[Exception]:
        """What the driver raises."""
        error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return error

    def now(self, connection: Connection) -> float:
        """Tell the time in seconds since the epoch, by the database's clock (for SQLite this machine's)."""
        if self.is_sqlite:
            return time.time()
        return float(connection.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)

    def take_ids(self, name: str, n: int) -> int:
        """Reserve ``n`` consecutive ids of a kind and return the first, in a transaction of its own."""
        sequences = schema.sequences
        with self.write() as connection:
            after = connection.scalar(
                update(sequences)
                .where(sequences.c.name == name)
                .values(next=sequences.c.next + n)
                .returning(sequences.c.next)
            )
        if after is None:
            raise DatabaseError(f"{self!r} has no sequence {name!r}: it was not made by torc_nb.")
        return int(after) - n

    def _prepare(self) -> None:
        with _said_clearly(self):
            revision = _revision(self.engine)
            if revision is None:
                _create(self.engine)
            elif revision != schema.REVISION:
                _migrate(self, revision)


class _Abandon:
    """Lets go of an engine's connections in a forked child; of an engine that still lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)

    def __call__(self) -> None:
        engine = self._engine()
        if engine is not None:
            engine.dispose(close=False)


def _has_moved(file: str | os.PathLike[str] | None) -> str:
    return f"{file} has moved to a database server: open it again, Workflow(name) in its folder."


def parse_url(url: str | os.PathLike[str]) -> URL:
    """Read a database's URL, or the path of an SQLite file.

    Raises
    ------
    InvalidRequest
        It is neither.
    """
    text_ = os.fspath(url)
    if "://" not in text_:
        return URL.create("sqlite", database=str(Path(text_).expanduser().resolve()))
    try:
        parsed = make_url(text_)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidRequest(
            f"{without_password(text_)!r} is not a database for torc_nb; give a postgresql:// URL or the path of an "
            "SQLite file."
        )
    if parsed.get_backend_name() == "postgresql":
        if "@" in (parsed.host or ""):  # the rest of the password would be shown as the host
            raise InvalidRequest(f"The password of {without_password(text_)} has an @ in it: write that as %40.")
        if parsed.password is not None or "password" in parsed.query:
            raise InvalidRequest(_where_passwords_belong(parsed))
        return parsed.set(drivername="postgresql+psycopg")
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidRequest("An SQLite database in memory cannot be shared with workers; give the path of a file.")
    return parsed.set(database=str(Path(parsed.database).expanduser().resolve()))


def _where_passwords_belong(url: URL) -> str:
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()
    line = ":".join([url.host or "*", str(url.port or "*"), url.database or "*", url.username or "*", "PASSWORD"])
    return (
        "A password does not belong into a database's URL, which many can read: put this line into ~/.pgpass, a file "
        f"that only you may read (chmod 600 ~/.pgpass),\n    {line}\nand name the database by {bare}"
    )


def _postgresql_engine(url: URL) -> Engine:
    engine = create_engine(url, paramstyle="format", pool_pre_ping=True, connect_args=_patience(url))
    if (folder := address.folder_of(url)) is not None:
        _look_up(engine, folder)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.autocommit = True  # else the setting would end with the first transaction that is rolled back
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(1000 * SILENCE)}")
        connection.autocommit = False

    return engine


def _look_up(engine: Engine, folder: Path) -> None:
    """Have each new connection of an engine made to where a private server is by then."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
        parameters.pop(address.PARAMETER)
        try:
            return dialect.connect(*arguments, **(parameters | address.parameters(folder)))
        except (dialect.loaded_dbapi.OperationalError, DatabaseUnavailable) as error:
            if why := address.revive(folder):
                raise DatabaseUnavailable(why) from error
            return dialect.connect(*arguments, **(parameters | address.parameters(folder)))


def _patience(url: URL) -> dict[str, int]:
    """How long a server may be silent before its connection counts as broken, where the URL does not say: seconds.

    Otherwise a pulled cable would keep whoever waits for an answer for many minutes.
    """
    keepalive = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
    return {name: value for name, value in keepalive.items() if name not in url.query}


def _sqlite_engine(url: URL, create: bool, trust: bool) -> Engine:
    path = Path(str(url.database))
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
            # Made by us, so that it is private from its first byte.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise DatabaseError(f"{path} cannot be {'used' if exists else 'made'}: {error.strerror}.") from error
    # A write-ahead log is in memory that several machines do not share.
    journal = "DELETE" if is_on_network else "WAL"

    def connect() -> sqlite3.Connection:
        # rw: a file that was removed is not made anew, empty
        return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=LOCK_TIMEOUT, check_same_thread=False)

    engine = create_engine(url, creator=connect)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        # The first to open a file changes its journal, which SQLite does not wait for: all others would be refused.
        _patiently(connection, f"PRAGMA journal_mode = {journal}")
        # In WAL a crash of the machine may lose the last commits, never the file; a killed process loses nothing.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if journal == 'WAL' else 'FULL'}")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its place at once: a reader that turns writer would meet SQLITE_BUSY with no time-out.
        is_writing = connection.get_execution_options().get("torc_nb_write", False)
        if is_writing:
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")
        # Who has the file open would write into it for ever, though it has another name.
        if connection.exec_driver_sql("PRAGMA user_version").scalar() == HAS_MOVED and (
            is_writing or not path.exists()
        ):
            raise DatabaseError(_has_moved(path))

    return engine


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
    """Execute a statement, asking every few milliseconds while another process holds a lock."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            driver.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.001, 0.004))


@contextmanager
def _said_clearly(database: Database) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except DBAPIError as error:
        message = str(error.orig).strip()
        if _is_unknown_name(error):
            raise DatabaseTooNew(
                f"{database!r} has other tables than this process knows ({message.splitlines()[0]}): torc_nb was "
                "upgraded meanwhile. Restart the kernel."
            ) from error
        if "file is not a database" in message:
            raise DatabaseError(f"{database!r} is not an SQLite database.") from error
        if not (isinstance(error, OperationalError) or error.connection_invalidated):
            raise
        if database.is_sqlite and not Path(database.place).exists():
            raise DatabaseError(database._why_gone()) from error
        if "disk" in message:  # for a while perhaps, which a worker outlasts
            raise DatabaseUnavailable(
                f"{database!r} cannot be written: {message}. Make room on its disk, or in your quota."
            ) from error
        if "readonly" in message or "unable to open" in message:
            raise DatabaseError(f"{database!r} cannot be written: {message}.") from error
        raise DatabaseUnavailable(f"{database!r} does not answer: {message}") from error


def _is_unknown_name(error: DBAPIError) -> bool:
    """Whether a statement names a table or column that is not there."""
    if isinstance(error.orig, sqlite3.Error):
        return re.match(r"no such (table|column)|table \S+ has no column", str(error.orig)) is not None
    return getattr(error.orig, "sqlstate", "") in ("42P01", "42703")


def _revision(engine: Engine) -> str | None:
    """The migration that the database stands at; None where it is empty."""
    try:
        with engine.connect() as connection:
            return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    except DBAPIError as error:
        if not _is_unknown_name(error):
            raise
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:  # somebody made all of them since we asked
        return _revision(engine)
    if tables:
        raise DatabaseError(
            f"{engine.url.render_as_string()} holds tables of another program; give torc_nb a database of its own."
        )
    return None


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time make or change tables; on SQLite the transaction itself does."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(0x746F7263)))


def _create(engine: Engine) -> None:
    """Make all tables at once, stamped as the newest revision; safe against another process that does the same."""
    with engine.connect().execution_options(torc_nb_write=True) as connection, connection.begin():
        _wait_for_others(connection)
        if "alembic_version" in inspect(connection).get_table_names():
            return
        schema.metadata.create_all(connection, checkfirst=False)
        connection.execute(schema.sequences.insert(), [{"name": "jobs", "next": 1}])
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": schema.REVISION})


def _migrate(database: Database, revision: str) -> None:
    from torc_nb.store import migrations

    if revision not in migrations.known():
        raise DatabaseTooNew(
            f"{database!r} was written by a newer torc_nb (schema {revision}, this version knows {schema.REVISION}); "
            "upgrade it: pip install -U torc-nb."
        )
    migrations.upgrade(database)
