"""The ends of attempts on their way to the database: in memory, and in the worker's spool while it is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from torc_nb.models import Completion
from torc_nb.store.spool import Place, Spool
from torc_nb.worker.words import say

#: How long an end may wait for the database before it is written to the disk, in seconds: a blip costs nothing.
PATIENCE = 3.0
#: How many ends are written to the database at once.
MOST = 2000
#: How long after a failure the disk is tried again, in seconds.
TRY_AGAIN = 10.0


class Backlog:
    """First in, first out; the loop adds and secures, the ledger's thread takes.

    The order is: what stands in the spool, what is being written to the database (of which the spool may hold a copy),
    what waits.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._lock = threading.Lock()
        self._waiting: list[Completion] = []
        self._waits_since = 0.0
        self._flying: list[Completion] = []
        self._flies_since = 0.0
        self._reaches_to: Place | None = None  # the end, in the spool, of what is flying; None: it is in memory alone
        self._spool_fails_until = 0.0
        self._has_complained = False

    @property
    def is_empty(self) -> bool:
        """Whether all is written to the database."""
        return not (self._waiting or self._flying) and self._spool.is_empty

    @property
    def is_spooled(self) -> bool:
        """Whether anything stands in the spool."""
        return not self._spool.is_empty

    @property
    def unsafe(self) -> int:
        """How many ends are in memory alone."""
        return len(self._waiting) + (0 if self._reaches_to else len(self._flying))

    def add(self, completions: Sequence[Completion]) -> int:
        """Add what ended; returns how many wait in memory."""
        with self._lock:
            if not self._waiting:
                self._waits_since = time.monotonic()
            self._waiting += completions
            return len(self._waiting)

    def is_ripe(self, age: float) -> bool:
        """Whether anything has waited so long, in seconds, or is many, or stands in the spool."""
        waiting = self._waiting
        return not self._spool.is_empty or (
            bool(waiting) and (len(waiting) >= MOST or time.monotonic() - self._waits_since > age)
        )

    def take(self) -> list[Completion]:
        """Take what is to be written to the database next; :meth:`written` or :meth:`failed` must follow."""
        with self._lock:
            while not self._spool.is_empty:
                self._flying, self._reaches_to = self._spool.read(MOST)
                if self._flying:
                    return self._flying
                self._spool.forget(self._reaches_to)  # nothing in these lines is to be written
                self._reaches_to = None
            self._flying, self._waiting = self._waiting, []
            self._flies_since = self._waits_since
            return self._flying

    def written(self) -> None:
        """Forget what was taken."""
        with self._lock:
            if self._reaches_to is not None:
                self._spool.forget(self._reaches_to)
            self._flying, self._reaches_to = [], None

    def failed(self) -> None:
        """Keep what was taken for another time."""
        with self._lock:
            if self._reaches_to is None and self._flying:
                self._waiting = self._flying + self._waiting
                self._waits_since = self._flies_since
            self._flying, self._reaches_to = [], None

    def secure(self, patience: float = PATIENCE) -> None:
        """Write to the disk what has waited longer; where that fails it stays in memory."""
        with self._lock:
            now = time.monotonic()
            if now < self._spool_fails_until:
                return
            try:
                if self._flying and self._reaches_to is None and now - self._flies_since > patience:
                    self._reaches_to = self._spool.append(self._flying)
                if self._waiting and now - self._waits_since > patience:
                    self._spool.append(self._waiting)
                    self._waiting = []
            except OSError as error:
                self._spool_fails_until = now + TRY_AGAIN
                self._complain(error)

    def give_up(self) -> None:
        """Write to the disk all that could not be written to the database."""
        self.failed()
        self._spool_fails_until = 0.0
        self.secure(0.0)

    def close(self) -> None:
        """Leave the spool to others."""
        self._spool.close()

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            say(
                f"results cannot be kept on the disk ({error}); they stay in memory and are lost if the worker ends "
                "before the database is back"
            )
