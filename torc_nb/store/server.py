"""PostgreSQL servers: a site's own, and the private one, wherever it is by then."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from torc_nb.errors import DatabaseUnavailable
from torc_nb.store import address, shared

#: How long a transaction may say nothing before a server ends it, in seconds. A node that vanished in its midst, or a
#: laptop whose lid was closed, would hold its locks for hours, and all others would wait for them.
SILENCE = 30.0
#: How long a server may leave what was sent to it unanswered before its connection counts as broken, in seconds.
PATIENCE = 30.0


def where_passwords_belong(url: URL) -> str:
    """Say what to do instead of writing a password into a URL."""
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()
    line = ":".join([url.host or "*", str(url.port or "*"), url.database or "*", url.username or "*", "PASSWORD"])
    return (
        "A password does not belong into a database's URL, which many can read: put this line into ~/.pgpass, a file "
        f"that only you may read (chmod 600 ~/.pgpass),\n    {line}\nand name the database by {bare}"
    )


def engine(url: URL) -> Engine:
    """Reach a server; no connection is made yet."""
    made = create_engine(url, paramstyle="format", pool_pre_ping=True, connect_args=_patience(url))
    if (folder := address.folder_of(url)) is not None:
        _look_up(made, folder)
    elif (folder := shared.folder_of(url)) is not None:
        _look_up_shared(made, folder)

    @event.listens_for(made, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.autocommit = True  # else the setting would end with the first transaction that is rolled back
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(1000 * SILENCE)}")
        connection.autocommit = False

    return made


def _look_up(made: Engine, folder: Path) -> None:
    """Have each new connection of an engine made to where a private server is by then."""

    @event.listens_for(made, "do_connect")
    def connect(dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
        parameters.pop(address.PARAMETER)
        try:
            return dialect.connect(*arguments, **(parameters | address.parameters(folder)))
        except (dialect.loaded_dbapi.OperationalError, DatabaseUnavailable) as error:
            if why := address.revive(folder):
                raise DatabaseUnavailable(why) from error
            return dialect.connect(*arguments, **(parameters | address.parameters(folder)))


def _look_up_shared(made: Engine, folder: Path) -> None:
    """The same for a reader, who may not start a server that is gone."""

    @event.listens_for(made, "do_connect")
    def connect(dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
        parameters.pop(shared.PARAMETER)
        try:
            return dialect.connect(*arguments, **(parameters | shared.parameters(folder)))
        except dialect.loaded_dbapi.OperationalError as error:
            _say_who_starts_it(folder, error)


def _say_who_starts_it(folder: Path, error: Exception) -> NoReturn:
    owner = shared.owner(folder)
    raise DatabaseUnavailable(
        f"The database server that {owner} shares by {folder} does not let you in: {str(error).strip()}\n"
        f"If it does not run, {owner} starts it, by opening a workflow or by `%torc db start`."
    ) from error


def _patience(url: URL) -> dict[str, int]:
    """When a connection counts as broken, where the URL does not say.

    Otherwise a pulled cable would keep whoever waits for an answer for many minutes. Keepalives alone find it while
    nothing is under way; what was sent and is not acknowledged the kernel would repeat for a quarter of an hour.
    """
    limits = {
        "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4,
        "tcp_user_timeout": int(1000 * PATIENCE),
    }  # fmt: skip
    return {name: value for name, value in limits.items() if name not in url.query}
