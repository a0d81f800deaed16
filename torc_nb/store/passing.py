"""A database opened for a moment to read a few names: it is neither made, migrated nor started for that."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL

from torc_nb.store import address, shared
from torc_nb.store.database import Database, parse_url

#: How long anything may take, in seconds.
_PATIENCE = 1


def database(url: str | os.PathLike[str]) -> Database:
    """Return a database whose connections read only; that it cannot be read shows when it is."""
    parsed = parse_url(url)
    return Database(_file(parsed) if parsed.get_backend_name() == "sqlite" else _server(parsed))


def _file(url: URL) -> Engine:
    path = Path(str(url.database))

    def connect() -> sqlite3.Connection:
        # Where nobody has it open, a reader too would make the files of the write-ahead log.
        mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"
        return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE, check_same_thread=False)

    return create_engine(url, creator=connect, poolclass=NullPool)


def _server(url: URL) -> Engine:
    limits = {
        "connect_timeout": _PATIENCE,
        "options": f"-c statement_timeout={1000 * _PATIENCE} -c default_transaction_read_only=on",
    }
    made = create_engine(url, paramstyle="format", poolclass=NullPool, connect_args=limits)

    @event.listens_for(made, "do_connect")
    def look_up(_dialect: Any, _record: object, _arguments: Any, parameters: dict[str, Any]) -> None:
        if (folder := address.folder_of(url)) is not None:
            parameters.pop(address.PARAMETER)
            parameters.update(address.parameters(folder))
        elif (folder := shared.folder_of(url)) is not None:
            parameters.pop(shared.PARAMETER)
            parameters.update(shared.parameters(folder))

    return made
