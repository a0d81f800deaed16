"""The databases that the benchmarks write to: each new and empty, and as durable as a user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from services.postgres_server import PostgresServer


class Place(NamedTuple):
    """Where a workflow is kept: the database's address, and the folder of large values and logs."""

    url: str
    files: str

    def workflow(self, name: str) -> Any:
        """Open or create a workflow there."""
        from torc_nb import Workflow

        return Workflow(name, db=self.url, files=self.files)


@contextmanager
def sqlite(folder: Path) -> Iterator[Place]:
    """A new SQLite file in a folder of its own."""
    with TemporaryDirectory(prefix="bench-", dir=folder, ignore_cleanup_errors=True) as own:
        yield Place(f"sqlite:///{own}/torc.db", f"{own}/files")


@contextmanager
def postgresql(folder: Path) -> Iterator[Place]:
    """A new database on a private server, which chooses its own folder for its data."""
    with (
        PostgresServer(durable=True) as server,
        TemporaryDirectory(prefix="bench-", dir=folder, ignore_cleanup_errors=True) as own,
    ):
        yield Place(server.create_database(), f"{own}/files")


DATABASES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {"SQLite": sqlite, "PostgreSQL": postgresql}
