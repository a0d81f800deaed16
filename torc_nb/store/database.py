"""One database: opened, checked, created; its transactions and its clock."""

from __future__ import annotations

import os
import re
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from torc_nb.errors import DatabaseError, DatabaseTooNew, DatabaseUnavailable, InvalidRequest, ReadOnly
from torc_nb.models.addresses import without_password
from torc_nb.store import address, schema, server, shared, sqlite_file


class Database:
    """A database of workflows, on SQLite or PostgreSQL.

    Use :meth:`open`; ``read`` and ``write`` give transactions, short ones only.

    Attributes
    ----------
    trust : bool
        Whether whoever wrote it is trusted, another user too.
    is_copy : bool
        Whether it is one workflow's copy, to be looked at: nothing in it is unpickled, imported or run.
    is_read_only : bool
        Whether this user may not change it: it is a copy, or another user's who shares it.
    archive : Path or None
        The file that a copy was unpacked from.
    """

    def __init__(self, engine: Engine, *, trust: bool = False, archive: Path | None = None) -> None:
        self.engine = engine
        self.trust = trust
        self.archive = archive
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.is_copy = self.is_sqlite and sqlite_file.is_copy(Path(str(engine.url.database)))
        self._shared = shared.folder_of(engine.url)
        self.is_read_only = self.is_copy or self._shared is not None

    @classmethod
    def open(
        cls, url: str | os.PathLike[str], *, create: bool = True, trust: bool = False, archive: Path | None = None
    ) -> Database:
        """Open a database, creating or migrating it where needed.

        Parameters
        ----------
        url : str or path
            ``postgresql://…``, ``sqlite:///…`` or the path of an SQLite file.
        create : bool, default True
            Whether an absent SQLite file is made.
        trust : bool, default False
            Whether it is used although other users may have written it.
        archive : Path, optional
            The file that it was unpacked from.

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
            engine = sqlite_file.engine(parsed, create=create, trust=trust)
        else:
            engine = server.engine(parsed)
        database = cls(engine, trust=trust, archive=archive)
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
        folder = address.folder_of(self.engine.url)
        if folder is not None:
            return address.url_of(folder)
        if self._shared is not None:
            return shared.url_of(self._shared)
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def folder(self) -> Path | None:
        """The folder of an SQLite file, or that beside a private server; None for a site's own."""
        if self.is_sqlite:
            return Path(self.engine.url.database or "").parent
        folder = address.folder_of(self.engine.url)
        return None if folder is None else folder.parent

    @property
    def place(self) -> str:
        """Where it is, as users know it: a file, a private server's folder, or a URL without a password."""
        if self.is_sqlite:
            return str(self.archive or self.engine.url.database)
        if self._shared is not None:
            return f"the server that {self.sharer} shares by {self._shared}"
        folder = address.folder_of(self.engine.url)
        return self.engine.url.render_as_string() if folder is None else f"the server of {folder}"

    @property
    def sharer(self) -> str | None:
        """Who shares it to be read; None where it is one's own, or a site's."""
        return None if self._shared is None else shared.owner(self._shared)

    def __repr__(self) -> str:
        return f"Database({self.place!r})"

    def check_writable(self) -> None:
        """Make sure that this user may change it, before anything else is done.

        Raises
        ------
        ReadOnly
            It is a copy, or shared to be read.
        """
        if self.is_copy:
            raise ReadOnly(
                f"{self.place} is a copy to look at, and nothing was changed. To compute, map in a workflow of your "
                "own: Workflow(name); or ask whoever exported it for what `%torc workflows export FILE.jsonl.gz` "
                "writes, which `workflows import` takes in."
            )
        if self.is_read_only:
            raise ReadOnly(
                f"You may only read this database, and nothing was changed: {self.sharer} shares it, and alone may "
                f"change it. Ask {self.sharer}; or map in a database of your own, db=…."
            )

    def check_exists(self) -> None:
        """Make sure that an SQLite file is still there: open connections go on with one that was removed.

        Raises
        ------
        DatabaseError
            It was removed.
        """
        if self.is_sqlite and not Path(self.engine.url.database or "").exists():
            raise DatabaseError(self.why_gone())

    def why_gone(self) -> str:
        """Say why an SQLite file is not there any more."""
        return self.moved or f"{self!r} was removed."

    @property
    def moved(self) -> str | None:
        """Where an SQLite file is gone since what it held moved to a server: a sentence that says so."""
        path = self.engine.url.database
        has_moved = self.is_sqlite and Path(f"{path}{sqlite_file.MOVED}").exists()
        return sqlite_file.has_moved(path) if has_moved else None

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
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that only reads, and in which all is as it was when it began, whoever writes meanwhile."""
        with _said_clearly(self), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes: committed at the end, rolled back on an exception."""
        self.check_writable()
        with (
            _said_clearly(self),
            self.engine.connect().execution_options(torc_nb_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """Open a transaction that changes tables, one process at a time."""
        self.check_writable()
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
                self.check_writable()
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
            raise InvalidRequest(server.where_passwords_belong(parsed))
        return parsed.set(drivername="postgresql+psycopg")
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidRequest("An SQLite database in memory cannot be shared with workers; give the path of a file.")
    return parsed.set(database=str(Path(parsed.database).expanduser().resolve()))


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
            raise DatabaseError(database.why_gone()) from error
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
    if database.is_copy:
        raise DatabaseError(
            f"{database!r} was written by an older torc_nb (schema {revision}, this version knows {schema.REVISION}): "
            "give Workflow.open the zip file that it is from, which it brings up to date as it unpacks it."
        )
    if database.is_read_only:
        raise DatabaseError(
            f"{database!r} was written by an older torc_nb (schema {revision}, this version knows {schema.REVISION}): "
            f"when {database.sharer} has opened it with this version, you can read it too."
        )
    migrations.upgrade(database)
