"""The live view of a workflow in a notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import ipywidgets

from torc_nb.api import Status
from torc_nb.models.names import printable
from torc_nb.widgets import markup, words
from torc_nb.widgets.pace import Pace
from torc_nb.widgets.poll import Poll

#: The poll of all views of this process.
POLL = Poll()


class ProgressView(ipywidgets.VBox):  # type: ignore[misc]
    """Shows how a workflow stands, from when it is displayed until the workflow is done or the view closed.

    Parameters
    ----------
    status
        Asks the database; called in a thread of its own. Where it raises, the view says so and asks again.
    title
        The name to show.
    """

    def __init__(self, status: Callable[[], Status], title: str, *, poll: Poll = POLL) -> None:
        self._ask = status
        self._title = title
        self._poll = poll
        self._pace = Pace()
        self._looking = threading.Lock()
        self._status: Status | None = None
        self._error: str | None = None
        self._answered: float | None = None
        # Apart from each other: what has not changed is not drawn again, so that a log keeps its place and selection.
        self._parts = [ipywidgets.HTML() for _ in range(4)]
        super().__init__(self._parts)

    def __repr__(self) -> str:
        if self._status is not None:
            return words.line(self._title, self._status.statuses, self._pace.rate)
        return f"{printable(self._title)}: {self._error or 'not looked at yet'}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Display the view, with what it shows now as HTML and text for where no kernel will be."""
        self.look()
        if not self.is_over:
            self._poll.add(self)
        bundle: dict[str, Any] = super()._repr_mimebundle_()
        return bundle | {"text/plain": repr(self), "text/html": "".join(part.value for part in self._parts)}

    @property
    def is_over(self) -> bool:
        """Whether it was closed, or all jobs have finished."""
        done = self._error is None and self._status is not None and self._status.total > 0 and self._status.is_done
        return self.comm is None or done

    def look(self) -> bool:
        """Ask the database and show the answer; returns whether anything changed."""
        with self._looking:
            before = self._status, self._error
            try:
                self._status = self._ask()
            except Exception as error:
                self._error = f"{type(error).__name__}: {error}"
            else:
                self._error, self._answered = None, time.time()
                self._pace.observe(time.monotonic(), self._status.finished)
            self._show()
            return before != (self._status, self._error)

    def close(self) -> None:
        """Take the view away and stop looking."""
        self._poll.remove(self)
        super().close()

    def _show(self) -> None:
        shown = [""] * len(self._parts)
        if self._status is not None:
            shown[0] = markup.jobs(self._status, self._title, self._pace.rate)
            shown[1] = markup.workers(self._status)
            shown[2] = markup.allocations(self._status)
        if self._error is not None:
            shown[3] = markup.trouble(self._title, self._error, self._answered)
        for part, text in zip(self._parts, shown, strict=True):
            part.value = text
            part.layout.display = None if text else "none"
