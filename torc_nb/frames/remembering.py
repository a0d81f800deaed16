"""What a table of parameters remembers of its origin: the map, its jobs, and the revisions that were seen.

It stands in ``attrs``, which pandas hands on to whatever is sorted, filtered or copied from a table; as text, which is
copied at no cost, compared, and written into files along with the table.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_nb.errors import InvalidRequest

_NAME = "torc_nb"


class Remembered(NamedTuple):
    """Where a table came from.

    Attributes
    ----------
    map_id, created
        The map and when it was made, in seconds since the epoch.
    kind
        What the columns are: ``names`` of a dict, ``positions`` of a tuple, or the ``whole`` value.
    columns
        Their labels.
    jobs, revs
        The jobs of the rows as the map had them, and at which revisions they were seen.
    """

    map_id: int
    created: float
    kind: str
    columns: list[Hashable]
    jobs: np.ndarray[Any, np.dtype[np.int64]]
    revs: np.ndarray[Any, np.dtype[np.int64]]


def remember(
    frame: pd.DataFrame, map_id: int, created: float, kind: str, jobs: Sequence[int], revs: Sequence[int]
) -> None:
    """Let a table remember where it came from."""
    frame.attrs[_NAME] = {
        "map_id": map_id,
        "created": created,
        "kind": kind,
        "columns": list(frame.columns),
        "jobs": _packed(jobs),
        "revs": _packed(revs),
    }


def remembered(frame: Any) -> Remembered:
    """Return what a table remembers.

    Raises
    ------
    InvalidRequest
        It is no table of parameters, or it has forgotten.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InvalidRequest(f"modify takes a DataFrame, an edited m.params(), not a {type(frame).__name__}.")
    if _NAME not in frame.attrs:
        raise InvalidRequest(
            "This DataFrame does not know from which jobs it came: it was not made by m.params(), or merging or "
            "reading it from a file lost that. With its index as params() has it: new = m.params(); new.update(df); "
            "m.modify(new)."
        )
    known = frame.attrs[_NAME]
    return Remembered(
        known["map_id"],
        known["created"],
        known["kind"],
        list(known["columns"]),
        _unpacked(known["jobs"]),
        _unpacked(known["revs"]),
    )


def renew(frame: pd.DataFrame, revs: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    """Let a table know the revisions that its own changes made."""
    frame.attrs[_NAME] = {**frame.attrs[_NAME], "revs": _packed(revs)}


def _packed(numbers: Any) -> str:
    # By their differences, which are small and alike.
    steps = np.diff(np.asarray(numbers, dtype="<i8"), prepend=0)
    return base64.b64encode(zlib.compress(steps.tobytes(), 1)).decode()


def _unpacked(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    steps = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8")
    return np.cumsum(steps, dtype=np.int64)
