"""What jobs asked for against what they took, as it is shown and applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torc_nb.api import Api

if TYPE_CHECKING:
    import pandas as pd


def usage(api: Api, workflow_id: int, maps: str | Sequence[str] | None) -> pd.DataFrame:
    """Return the table of some maps, or all, and say what there is to say of it."""
    from torc_nb import frames

    found = api.job_usage(workflow_id, _names(maps))
    for note in found.notes:
        print(note)
    return frames.job_usage(found.rows)


def apply_recommended(api: Api, workflow_id: int, maps: str | Sequence[str] | None) -> None:
    """Let the jobs of some maps, or all, ask for what is recommended, and say what that changes."""
    applied, said = api.apply_recommended(workflow_id, _names(maps))
    for line in [*map(str, applied), *said]:
        print(line)


def _names(maps: str | Sequence[str] | None) -> Sequence[str] | None:
    return [maps] if isinstance(maps, str) else maps
