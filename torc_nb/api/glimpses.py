"""A few names and numbers from a database, read in passing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torc_nb.api import current
from torc_nb.api.api import Api
from torc_nb.store import names, passing, standings


class Glimpse:
    """What the Tab key, and the list of all workflows, want to know of a database."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    def url(self) -> str:
        """What names the database."""
        return self._api.database.url

    @property
    def place(self) -> str:
        """Where it is, as users know it; no password is in it."""
        return self._api.database.place

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return "sqlite" if self._api.database.is_sqlite else "postgresql"

    @property
    def is_there(self) -> bool:
        """Whether there is a file to look into, or the folder of a server; a site's server may always be there."""
        database = self._api.database
        place = Path(database.place) if database.is_sqlite else database.folder
        return place is None or place.exists()

    @property
    def moved(self) -> str | None:
        """Where a file is gone since what it held moved to a server: a sentence that says so."""
        return self._api.database.moved

    def standings(self) -> list[standings.Standing]:
        """Return how each workflow stands, the oldest first."""
        return standings.of_all(self._api.database)

    def workflows(self, begun: str, most: int) -> list[str]:
        """Return names of workflows, the newest first."""
        return names.of_workflows(self._api.database, begun, most)

    def maps(self, workflow: str | None, begun: str, most: int) -> list[str]:
        """Return names of a workflow's maps."""
        return names.of_maps(self._api.database, self._meant(workflow), begun, most)

    def jobs(self, workflow: str | None, begun: str, most: int) -> list[tuple[int, str | None]]:
        """Return ids of a workflow's jobs that begin with some digits, and their names."""
        return names.of_jobs(self._api.database, self._meant(workflow), begun, most)

    def _meant(self, workflow: str | None) -> int:
        found = current.workflow(self._api, workflow).id
        assert found is not None
        return found


def lasting(url: str | os.PathLike[str]) -> Glimpse:
    """Return what looks into a database again and again: it opens a connection for each question, and keeps none."""
    return Glimpse(Api(passing.database(url)))


@contextmanager
def glimpse(url: str | os.PathLike[str]) -> Iterator[Glimpse]:
    """Open a database for a moment; it is neither made, migrated, started nor remembered."""
    database = passing.database(url)
    try:
        yield Glimpse(Api(database))
    finally:
        database.close()
