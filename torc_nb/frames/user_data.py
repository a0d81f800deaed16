"""User data as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from torc_nb.frames import columns
from torc_nb.frames.listings import records
from torc_nb.frames.nesting import label
from torc_nb.frames.spread import Spread
from torc_nb.models import UserDataModel


def user_data(found: Iterable[UserDataModel], *, flat: bool = False) -> pd.DataFrame:
    """List user data by their keys: name, data, revision, whether they are ephemeral.

    Parameters
    ----------
    found
        What to list.
    flat
        Give each value within dicts a column of its own, as in ``data.params.x``.
    """
    listed = list(found)
    frame = records(UserDataModel, listed, drop=["workflow_id"]).rename_axis(index="key")
    if not flat or not listed:
        return frame
    spread = Spread(flat=True)
    spread.extend([{"data": one.data} for one in listed])
    spread_over = spread.columns()
    if spread_over is None:  # of too many keys
        return frame
    names = columns.distinct(label(name) for name in spread_over)
    table = pd.DataFrame(dict(zip(names, spread_over.values(), strict=True)), index=frame.index)
    return pd.concat([frame[["name"]], table, frame[["rev", "is_ephemeral"]]], axis=1)
