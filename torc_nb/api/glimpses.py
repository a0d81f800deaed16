"""A few names from a database, read in passing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from torc_nb.api import current
from torc_nb.api.api import Api
from torc_nb.store import names, passing


class Glimpse:
    """What the Tab key wants to know of a database."""

    def __init__(self, api: Api) -> None:
        self._api = api

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


@contextmanager
def glimpse(url: str | os.PathLike[str]) -> Iterator[Glimpse]:
    """Open a database for a moment; it is neither made, migrated, started nor remembered."""
    database = passing.database(url)
    try:
        yield Glimpse(Api(database))
    finally:
        database.close()
