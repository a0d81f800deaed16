"""What wakes the worker's loop: a signal to stop, or the ledger's thread that has news."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType

_TO_STOP = (signal.SIGTERM, signal.SIGINT)


class Bell:
    """Rings in the worker's loop; from its making on, a signal to stop is noted instead of ending the process."""

    def __init__(self) -> None:
        self.told_to_stop: str | None = None
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in _TO_STOP:
            signal.signal(number, self._stop)

    def ring(self) -> None:
        """Wake the loop; from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, b"!")

    def fileno(self) -> int:
        """The descriptor that is readable while it rings."""
        return self._read_end

    def silence(self) -> None:
        """Take note of the ringing."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_end, 4096)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.told_to_stop = f"it was stopped by {signal.Signals(number).name}"
