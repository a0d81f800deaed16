"""Noticing at once that a workflow changed: SQLite's change counter, PostgreSQL's notifications."""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Connection, func
from sqlalchemy import select as sql_select

from torc_nb.store.database import Database


def announce(connection: Connection, workflow_id: int) -> None:
    """Tell the workers of a workflow, when the caller's transaction is committed, that there may be work."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql_select(func.pg_notify(f"torc_{workflow_id}", "")))


class Watch:
    """Tells whether anything may have changed since last asked; holds one connection of its own."""

    def __init__(self, database: Database, workflow_id: int) -> None:
        self._database = database
        self._workflow_id = workflow_id
        self._connection: Any = None
        self._version = 0

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a change; says whether there was one.

        On SQLite it returns at once: the counter is looked at, which costs some microseconds.
        """
        if self._connection is None:
            self._connect()
            return True
        if self._database.is_sqlite:
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            changed, self._version = version != self._version, version
            return bool(changed)
        try:
            return self._listen(timeout)
        except self._database.driver_error:
            # It broke, and what happened meanwhile is unknown; the next wait opens another.
            self.close()
            return True

    def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listen(self, timeout: float) -> bool:
        # By libpq's own calls: psycopg's `notifies(timeout=0)` does not notice that the server is gone.
        pgconn = self._connection.pgconn
        while select.select([pgconn.socket], [], [], timeout)[0]:
            pgconn.consume_input()
            heard = False
            while pgconn.notifies() is not None:
                heard = True
            if heard:
                return True
            # Something else came; if it was the connection's last word, the next reading says so.
        return False

    def _connect(self) -> None:
        self._connection = self._database.connect()
        if self._database.is_sqlite:
            self._version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        else:
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN torc_{int(self._workflow_id)}")
