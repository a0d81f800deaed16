"""User data as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from torc_nb.frames.listings import records
from torc_nb.models import UserDataModel


def user_data(found: Iterable[UserDataModel]) -> pd.DataFrame:
    """List user data by their keys: name, data, revision, whether they are ephemeral."""
    return records(UserDataModel, found, drop=["workflow_id"]).rename_axis(index="key")
