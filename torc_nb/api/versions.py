"""How many results stand by which version of the code, counted seldom where counting takes long."""

from __future__ import annotations

import time
from typing import NamedTuple

from torc_nb.store import Database, versions

#: The share of time that counting may take while a view asks again and again.
SHARE = 0.05

#: How many workflows are remembered.
_MOST = 20


class _Counted(NamedTuple):
    stands: object
    until: float
    found: dict[str, dict[str, int]]


_known: dict[tuple[str, int], _Counted] = {}


def counted(database: Database, workflow_id: int, stands: object, *, is_over: bool) -> dict[str, dict[str, int]]:
    """Return how many results of each map are by which version, where there are several.

    Parameters
    ----------
    stands
        How the workflow stands: as long as that is equal, the answer is.
    is_over
        Whether it stays so: then the answer is exact, while jobs run it may be a little old.
    """
    key = (database.url, workflow_id)
    known = _known.get(key)
    now = time.monotonic()
    if known is not None and (known.stands == stands or (now < known.until and not is_over)):
        return known.found
    found = versions.counted(database, workflow_id)
    took = time.monotonic() - now
    while len(_known) >= _MOST:
        del _known[next(iter(_known))]
    _known[key] = _Counted(stands, now + took / SHARE, found)
    return found
