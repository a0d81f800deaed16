"""What one request is about."""

from __future__ import annotations

from typing import Any, NamedTuple

from torc_nb.api import Api
from torc_nb.errors import NotFound
from torc_nb.server.query import Query

#: Plain data, as JSON has it.
Data = dict[str, Any]


class Asked(NamedTuple):
    """A workflow of a database, perhaps a job of it, and what is asked for besides."""

    api: Api
    database_id: str
    workflow_id: int
    job_id: int
    query: Query

    def map_id(self) -> int | None:
        """Return the map that is asked for; None: all.

        Raises
        ------
        NotFound
            The workflow has none of that name or id; the message lists those there are.
        """
        if self.query.map is None:
            return None
        known = self.api.list_maps(self.workflow_id)
        by_id = [one for one in known if str(one.id) == self.query.map]
        found = [one for one in known if one.name == self.query.map] or by_id
        if not found:
            names = ", ".join(repr(one.name) for one in known[:20]) or "none"
            raise NotFound(f"There is no map {self.query.map[:40]!r} in this workflow; its maps: {names}.")
        return int(found[0].id)

    def page(self, rows: list[Data], total: int | None) -> Data:
        """Return rows as one page of a list."""
        return {"rows": rows, "total": total, "limit": self.query.limit, "offset": self.query.offset}
