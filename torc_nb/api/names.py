"""Names of maps that a user did not give."""

from __future__ import annotations

from itertools import count

from torc_nb.store import Database, maps


def free_name(database: Database, workflow_id: int, wanted: str) -> str:
    """Return a name that no map of a workflow has yet: the one wanted, else it with a number behind."""
    taken = {map_.name for map_ in maps.listed(database, workflow_id)}
    return next(name for n in count(1) if (name := wanted if n == 1 else f"{wanted}-{n}") not in taken)
