"""Whether anybody looks at a view: front ends say so, as far as the kernel can hear them."""

from __future__ import annotations

import sys
import time
from typing import Any

#: A front end says every twenty seconds that it is there; a browser lets a page in the background do so once a minute.
PATIENCE = 150.0

#: So long after one front end took its view away, others have said that they are there.
OTHERS = 30.0

#: A kernel that does nothing for us for so many seconds runs a cell.
BUSY = 2.0


class Presence:
    """Remembers when a front end was last heard, and since when it could be heard."""

    def __init__(self) -> None:
        self._heard: float | None = None
        self._asked: float | None = None
        self._free = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a front end has ever drawn the view itself."""
        return self._heard is not None

    def hear(self) -> None:
        """Note that a front end shows the view."""
        self._heard = time.monotonic()

    def miss(self) -> None:
        """Note that a front end took the view away; another one may still show it."""
        # The kernel listens again, should it have been busy: they say so soon, as they would have said meanwhile.
        self._heard = self._free = time.monotonic() - PATIENCE + OTHERS

    def is_likely(self) -> bool:
        """Whether some front end shows the view, or would have said so had the kernel listened."""
        if self._heard is None:
            return False
        return self._is_busy() or time.monotonic() - max(self._heard, self._free) < PATIENCE

    def _is_busy(self) -> bool:
        """Whether the kernel's main thread runs a cell, during which messages of some front ends wait."""
        if self._asked is None:
            loop = _loop()
            if loop is None:
                return False
            self._asked = time.monotonic()
            loop.add_callback(self._answer)
            return False
        return time.monotonic() - self._asked > BUSY

    def _answer(self) -> None:
        now = time.monotonic()
        if self._asked is not None and now - self._asked > BUSY:
            self._free = now
        self._asked = None


def _loop() -> Any:
    """The kernel's event loop, which runs in its main thread while no cell does."""
    if "ipykernel.kernelbase" not in sys.modules:
        return None
    from ipykernel.kernelbase import Kernel

    return Kernel.instance().io_loop if Kernel.initialized() else None
