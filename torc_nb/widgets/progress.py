"""The progress bar of ``wait``: a line that moves in a notebook, tqdm's on a terminal, elsewhere one final line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from torc_nb.models import JobStatus
from torc_nb.models.names import printable
from torc_nb.models.palette import COLOURS
from torc_nb.widgets import markup, words
from torc_nb.widgets.pace import Pace


class Bar:
    """A bar that is told how jobs stand.

    With ``TORC_NB_PROGRESS=plain``, and where neither a notebook nor a terminal is, it prints one final line that
    depends on nothing but the jobs.

    Parameters
    ----------
    title
        What stands before it.
    enabled
        False: it shows nothing.
    """

    def __init__(self, title: str, *, enabled: bool = True) -> None:
        self._face = _face(printable(title)) if enabled else None
        self._statuses: dict[JobStatus, int] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, statuses: Mapping[JobStatus, int]) -> None:
        """Show how many jobs stand in each status."""
        if self._face is not None and statuses != self._statuses:
            self._face.show(statuses)
        self._statuses = dict(statuses)

    def close(self) -> None:
        """Leave the last state standing."""
        if self._face is not None:
            self._face.end()
        self._face = None


class _Face(Protocol):
    """Where a bar is drawn."""

    def show(self, statuses: Mapping[JobStatus, int]) -> None:
        """Draw how the jobs stand."""

    def end(self) -> None:
        """Draw nothing more."""


def _face(title: str) -> _Face:
    if os.environ.get("TORC_NB_PROGRESS") == "plain":
        return _LastLine(title)
    if "ipykernel.zmqshell" in sys.modules:
        return _InNotebook(title)
    return _OnTerminal(title) if sys.stderr.isatty() else _LastLine(title)


class _LastLine:
    """One line, when it is over."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._statuses: Mapping[JobStatus, int] | None = None

    def show(self, statuses: Mapping[JobStatus, int]) -> None:
        self._statuses = dict(statuses)

    def end(self) -> None:
        if self._statuses is not None:
            print(words.line(self._title, self._statuses))


class _InNotebook:
    """An output of the cell, drawn anew in its place: no widget, so that the saved notebook shows the last state."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._pace = Pace()
        self._handle: Any = None

    def show(self, statuses: Mapping[JobStatus, int]) -> None:
        finished = sum(n for status, n in statuses.items() if status.is_finished)
        self._pace.observe(time.monotonic(), finished)
        shown = {
            "text/plain": words.line(self._title, statuses, self._pace.rate),
            "text/html": markup.line(self._title, statuses, self._pace.rate),
        }
        if self._handle is None:
            from IPython import display

            new_handle: Any = display.DisplayHandle  # IPython has no types
            self._handle = new_handle()
            self._handle.display(shown, raw=True)
        else:
            self._handle.update(shown, raw=True)

    def end(self) -> None:
        """The last state stands already."""


class _OnTerminal:
    """tqdm's bar."""

    def __init__(self, title: str) -> None:
        from tqdm import tqdm

        # As total is only known with the first status, 0 keeps tqdm from showing a bar without an end.
        self._bar: Any = tqdm(total=0, desc=title, unit="job", colour=COLOURS[JobStatus.COMPLETED], dynamic_ncols=True)

    def show(self, statuses: Mapping[JobStatus, int]) -> None:
        self._bar.total = sum(statuses.values())
        self._bar.set_postfix_str(", ".join(words.others(statuses)), refresh=False)
        finished = sum(n for status, n in statuses.items() if status.is_finished)
        self._bar.update(finished - self._bar.n)
        self._bar.refresh()

    def end(self) -> None:
        self._bar.close()
