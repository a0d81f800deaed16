"""Noticing at once that a workflow changed: SQLite's change counter, PostgreSQL's notifications."""

from __future__ import annotations

import select
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func
from sqlalchemy import select as sql_select

from torc_nb.functions.submitted import SUBMITTED
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.folder_changes import FolderChanges
from torc_nb.store.nudge import Nudge

_maps = schema.maps

#: How often SQLite's counter is looked at where nobody tells that the file was written, in seconds.
_LOOK = 0.02


def announce(connection: Connection, workflow_id: int) -> None:
    """Tell the workers of a workflow, when the caller's transaction is committed, that there may be work."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql_select(func.pg_notify(f"torc_{workflow_id}", "")))


def announce_ends(connection: Connection, workflow_id: int, map_ids: Collection[int]) -> None:
    """Tell who waits for single calls, when the caller's transaction is committed, that some of these maps ended."""
    if connection.dialect.name == "postgresql" and map_ids:
        submitted = sql_select(_maps.c.id).where(_maps.c.id.in_(sorted(map_ids)), _maps.c.call == SUBMITTED)
        connection.execute(sql_select(func.pg_notify(f"torc_{workflow_id}_ends", "")).where(submitted.exists()))


class Watch:
    """Tells whether anything may have changed since last asked; holds one connection of its own.

    Parameters
    ----------
    ends : bool, default False
        Listen for the ends of submitted calls, rather than for work. SQLite tells of all changes alike.
    """

    def __init__(self, database: Database, workflow_id: int, *, ends: bool = False) -> None:
        self._database = database
        self._workflow_id = workflow_id
        self._suffix = "_ends" if ends else ""
        self._connection: Any = None
        self._files: FolderChanges | None = None
        self._version = 0
        self._nudge = Nudge()

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a change; says whether there was one."""
        if self._connection is None:
            self._connect()
            return True
        if self._database.is_sqlite:
            return self._wait_for_commit(timeout)
        try:
            return self._listen(timeout)
        except self._database.driver_error:
            # It broke, and what happened meanwhile is unknown; the next wait opens another.
            self.disconnect()
            return True

    def pause(self, timeout: float, *, deaf: bool = False) -> None:
        """Wait until there may be a change, but no longer than told and not after `wake`.

        ``deaf``: whatever changes.
        """
        ears: list[Any] = [self._nudge]
        if not self.is_told:
            timeout = min(timeout, _LOOK)
        elif not deaf:
            ears.append(self._files if self._database.is_sqlite else self._connection.pgconn.socket)
        select.select(ears, [], [], timeout)
        self._nudge.forget()

    def wake(self) -> None:
        """End the pause of the thread that watches; from another one."""
        self._nudge.give()

    @property
    def is_told(self) -> bool:
        """Whether changes end a pause; else it takes a look to know of them."""
        return self._connection is not None and (self._files is not None or not self._database.is_sqlite)

    def disconnect(self) -> None:
        """Close its connection; the next look opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._files is not None:
            self._files.close()
            self._files = None

    def close(self) -> None:
        """Watch no more."""
        self.disconnect()
        self._nudge.close()

    def _wait_for_commit(self, timeout: float) -> bool:
        """Look at SQLite's counter, which costs some microseconds, whenever its files were written."""
        deadline = time.monotonic() + timeout
        while not self._has_new_version():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.pause(left)
        return True

    def _has_new_version(self) -> bool:
        if self._files is not None:
            self._files.forget()  # before the look: what is written after it is heard
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return bool(changed)

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
            self._files = FolderChanges.of(Path(self._database.place).parent)
            self._version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        else:
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN torc_{int(self._workflow_id)}{self._suffix}")
