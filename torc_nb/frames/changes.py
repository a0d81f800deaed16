"""What a reinitialize would do, as a DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from torc_nb.changes import Affected
from torc_nb.frames import columns


def affected(rows: Iterable[Affected], read_key: Callable[[str], Any]) -> pd.DataFrame:
    """List affected jobs, one a row, by their ids: why, and what differs.

    Parameters
    ----------
    read_key
        Gives the stored key of a row back.
    """
    found = list(rows)
    table = {
        "name": columns.natural([row.name for row in found]),
        "map": columns.natural([row.map for row in found]),
        "key": columns.natural([None if row.key is None else read_key(row.key) for row in found]),
        "status": columns.labels(row.status for row in found),
        "reason": columns.natural([row.reason for row in found]),
        "old": columns.natural([row.old for row in found]),
        "new": columns.natural([row.new for row in found]),
        "difference": columns.natural([row.difference for row in found]),
    }
    return pd.DataFrame(table, index=pd.Index([row.job_id for row in found], name="job", dtype="int64"))
