"""Maps in which too many jobs have failed: who waits for them is told instead of waiting on."""

from __future__ import annotations

from torc_nb.api.inspection import Status
from torc_nb.errors import MapStopped
from torc_nb.models.quantities import counted
from torc_nb.store import Database, limits

_CURE = (
    "wf.failures() shows why. wf.rerun() runs the failed jobs again and lets it go on; so does mapping again with a "
    "higher max_failures, or with none."
)


def check(database: Database, status: Status, map_id: int | None = None) -> None:
    """Make sure that what is waited for is not stopped: all that is left of a workflow, or a map.

    Raises
    ------
    MapStopped
        It is, and what ran has ended; the message says why and what to do.
    """
    if status.is_settling:
        return
    for stop in status.stops:
        if status.is_stopped or (stop.map_id == map_id and not stop.at_work):
            said = limits.sentence(database, status.workflow.id or 0, stop)
            waits = f"{counted(stop.left, 'job')} will not begin" if stop.left else "no further job will begin"
            raise MapStopped(f"{said[0].upper()}{said[1:]}; {waits}. {_CURE}")
