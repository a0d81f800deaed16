"""What a worker stands on: the database, and the workflow's folder."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from torc_nb import private
from torc_nb.errors import DatabaseElsewhere, TorcError
from torc_nb.models import WorkerSettings
from torc_nb.store import Database, machine


def open_database(settings: WorkerSettings) -> Database:
    """Open the database that a worker was told.

    Raises
    ------
    DatabaseElsewhere
        It is an SQLite file of another machine.
    DatabaseError
        It cannot be used.
    """
    if settings.database.startswith("sqlite") and settings.origin not in ("", machine.boot_id()):
        raise DatabaseElsewhere(
            f"The SQLite database {settings.database.removeprefix('sqlite:///')} serves workers on its own "
            f"machine only, and this is {socket.gethostname()}. Use a PostgreSQL database: name it by --db or "
            "TORC_NB_DATABASE_URL, `%torc workflows export` and `import` take a workflow there."
        )
    return Database.open(settings.database, create=False, trust=settings.trust)


def host() -> str:
    """What this node is called."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def check_folder(folder: Path, trust: bool) -> None:
    """Prove that this node sees the workflow's folder, and that nobody else may write what is taken in from there.

    Raises
    ------
    TorcError
        It does not, or cannot write it.
    NotPrivate
        Others may write it.
    """
    try:
        private.make_folder(folder / "logs")
        if not os.access(folder / "logs", os.W_OK):
            raise OSError(errno.EROFS, "it cannot be written")
        for place in () if trust else (folder, folder / "spool", folder / "values", folder / "launches"):
            if place.exists():
                private.check(place)
    except OSError as error:
        raise TorcError(
            f"{socket.gethostname()} cannot use the workflow's folder {folder}: {error.strerror}. "
            "Give the workflow a folder that all nodes see and may write."
        ) from error
