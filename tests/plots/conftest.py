"""A workflow on each kind of database, whose attempts the tests make up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store.scene import Scene

from torc_nb.api import Api
from torc_nb.store import Database


@pytest.fixture
def scene(store_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A started workflow without jobs."""
    database = Database.open(store_url)
    yield Scene(database, tmp_path / "files")
    database.close()


@pytest.fixture
def api(scene: Scene) -> Api:
    """What the figures are drawn from."""
    return Api(scene.database)
