"""How a worker leaves: what it says, and where it says it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from torc_nb.errors import DatabaseUnavailable, LaunchError
from torc_nb.models import Membership
from torc_nb.models.quantities import format_duration
from torc_nb.store import Database, leases
from torc_nb.store.spool import Cut, Farewell, Spool
from torc_nb.worker.words import say

#: A signal to stop that comes when no more than this is left of a walltime is its end, in seconds or as a share.
NEAR_END, NEAR_END_SHARE = 60.0, 0.05
#: So long before the end of its walltime a worker leaves word of it: it may be killed without a warning, in seconds.
BEFORE_THE_END = 3.0


class Departure:
    """Why a worker leaves, and what the end of its walltime cuts short.

    Parameters
    ----------
    walltime, had : float or None
        The allocation's, and how much of it was left when the worker began, in seconds; None where it has no end.
    time_left : callable
        Tells how much is left now.
    """

    def __init__(
        self,
        database: Database,
        worker: Membership,
        files: Path,
        walltime: float | None,
        had: float | None,
        time_left: Callable[[], float | None],
    ) -> None:
        self.message = "it failed"
        self._database = database
        self._worker = worker
        self._spool = Spool(files, worker.id)  # one of its own, that nobody reads before the worker is gone
        self._walltime = walltime
        self._had = had
        self._time_left = time_left
        self._cut: Cut | None = None

    @property
    def is_out_of_time(self) -> bool:
        """Whether what would begin now could not end."""
        return self._time_left() == 0

    def stopped(self, signal: str, running: dict[int, float]) -> str:
        """Why it was told to stop, at a moment when these jobs were running."""
        left = self._time_left()
        if self._walltime is None or left is None or left > max(NEAR_END, NEAR_END_SHARE * self._walltime):
            return signal
        return self.end_of_walltime(running)

    def foresee(self, running: Callable[[], dict[int, float]]) -> None:
        """Leave word just before the end of the walltime, should there be no other moment to say it."""
        left = self._time_left()
        if left is not None and left < BEFORE_THE_END and self._spool.is_empty:
            self._leave_word(self.end_of_walltime(running()))

    def end_of_walltime(self, running: dict[int, float]) -> str:
        """Leave as the walltime ends, which cuts these jobs short."""
        walltime = self._walltime or 0.0
        self._cut = Cut(walltime, self._had or walltime, running)
        return f"its walltime of {format_duration(walltime)} ended"

    def leave(self) -> None:
        """Say that it leaves; where the database is away, to those who will find that its process has ended."""
        try:
            leases.leave(self._database, self._worker, message=self.message, cut=self._cut)
        except DatabaseUnavailable:
            self._leave_word(self.message)
        self._spool.close()

    def _leave_word(self, message: str) -> None:
        try:
            self._spool.say_farewell(Farewell(message, self._cut))
        except OSError as error:
            say(f"why it ends could not be written down: {error}")


def cancel_what_waits(database: Database, workflow_id: int) -> None:
    """Cancel what still waits in Slurm's queue for a workflow in which nothing is left to do.

    Where that fails, or there is no scancel on this node, it will start, find nothing to do, and leave.
    """
    if "SLURM_JOB_ID" not in os.environ:
        return
    from torc_nb import slurm
    from torc_nb.store import allocations

    if slurm.available():
        with contextlib.suppress(LaunchError, DatabaseUnavailable):
            slurm.cancel(allocations.cancel_idle(database, workflow_id))
