"""A fresh database of each kind for each test, whose counts are checked when the test has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store.scene import Scene, check_counts

from torc_nb.store import Database


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A new database; whatever a test did to its jobs, the kept counts must be those of the jobs."""
    database = Database.open(store_url)
    yield database
    check_counts(database)
    database.close()


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    """A started workflow without jobs."""
    return Scene(database, tmp_path / "files")
