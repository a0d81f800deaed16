"""The progress bar of ``wait``: tqdm's in a notebook or on a terminal; elsewhere one line when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from torc_nb.models import JobStatus
from torc_nb.widgets import words
from torc_nb.widgets.palette import COLOURS


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
        self._title = words.printable(title)
        self._enabled = enabled
        self._statuses: dict[JobStatus, int] | None = None
        self._bar: Any = _tqdm(self._title) if enabled and not _is_plain() else None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, statuses: Mapping[JobStatus, int]) -> None:
        """Show how many jobs stand in each status."""
        if self._bar is not None and statuses != self._statuses:
            self._bar.total = sum(statuses.values())
            self._bar.set_postfix_str(", ".join(words.others(statuses)), refresh=False)
            finished = sum(n for status, n in statuses.items() if status.is_finished)
            self._bar.update(finished - self._bar.n)
            self._bar.refresh()
        self._statuses = dict(statuses)

    def close(self) -> None:
        """Leave the last state standing."""
        if self._bar is not None:
            self._bar.close()
        elif self._enabled and self._statuses is not None:
            print(words.line(self._title, self._statuses))
        self._enabled, self._bar = False, None


def _tqdm(title: str) -> Any:
    from tqdm.auto import tqdm

    # As total is only known with the first status, 0 keeps tqdm from showing a bar without an end.
    return tqdm(total=0, desc=title, unit="job", colour=COLOURS[JobStatus.COMPLETED], dynamic_ncols=True)


def _is_plain() -> bool:
    if os.environ.get("TORC_NB_PROGRESS") == "plain":
        return True
    in_notebook = "ipykernel.zmqshell" in sys.modules
    return not in_notebook and not sys.stderr.isatty()
