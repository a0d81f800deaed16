"""A place in a notebook in which a function of the user's shows results, anew while they come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torc_nb.errors import NotFound
from torc_nb.models.names import printable
from torc_nb.widgets import gathered, main_thread
from torc_nb.widgets.gathered import Bundle
from torc_nb.widgets.place import Place
from torc_nb.widgets.poll import Poll
from torc_nb.widgets.screen import Screen

#: After a call that took a second, reading included, the next one comes so many seconds later: a tenth of the time.
_REST = 9.0


@dataclass(frozen=True)
class Seen:
    """How a map stands, as far as it decides whether there is anything new to show."""

    completed: int
    failed: int
    total: int
    is_done: bool


class Watched(Protocol):
    """A map, as a refreshing place needs it; asked in threads of their own."""

    def seen(self) -> Seen:
        """How it stands; raises NotFound where it is no more."""

    def read(self) -> Any:
        """Its results that are there."""


class Refreshing:
    """Calls a function with the results that are there, now and whenever there are more, until all are.

    The function is called by the kernel's main thread, between cells or while one waits for jobs, never twice at a
    time, and so seldom that it takes no more than about a tenth of the time.

    Parameters
    ----------
    watched
        The map.
    function
        Called with the results; what it prints, displays, draws and returns is shown.
    title
        The map's name.
    shell
        Of a kernel.
    """

    def __init__(self, watched: Watched, function: Callable[[Any], Any], title: str, shell: Any) -> None:
        self._watched, self._function, self._shell = watched, function, shell
        self._title = printable(title)
        self._screen = Screen()
        self._place = Place(self._screen)
        self._parts: list[Bundle] = []
        self._trouble = ""
        self._drawn: Seen | None = None
        self._next = 0.0
        self._busy = threading.Lock()  # from when results are read until they are drawn
        self._over = False
        cell, self._run = _cell_and_run(shell)
        self._cell = cell or f"{watched!r} {getattr(function, '__qualname__', '')}"  # not every front end names cells

    def __call__(self, results: Any) -> Any:
        """Call the function, as if it were not decorated."""
        return self._function(results)

    def __repr__(self) -> str:
        return f"<{self._title}: {'refreshes no more' if self._over else 'refreshes while results come in'}>"

    def _ipython_display_(self) -> None:
        """Show nothing beside the place, where it is a cell's last value."""

    @property
    def is_over(self) -> bool:
        """Whether it refreshes no more."""
        return self._over

    def begin(self, poll: Poll) -> None:
        """Show what is there, and keep up with it; a place that the same cell made before is left as it is."""
        for one in [*_active]:
            if one._cell == self._cell and one._run != self._run:
                one.stop()
        seen = self._watched.seen()
        results, took = self._read_timed()
        with self._busy:
            self._draw(seen, results, took, self._place.show)
        if not self._over:
            _active.append(self)
            poll.add(self)

    def stop(self) -> None:
        """Leave what is shown as it is."""
        if not self._over:
            self._end()
            self._show(self._place.update)

    def _end(self) -> None:
        self._over = True
        if self in _active:
            _active.remove(self)

    def finish(self) -> None:
        """Show the last results where all are there, before anything else is done; on the main thread."""
        main_thread.do_wanted()
        while not self._over and not self._busy.acquire(timeout=0.02):
            main_thread.do_wanted()  # those that were being read
        if self._over:
            return
        try:
            seen = self._watched.seen()
            if seen.is_done:
                self._draw(seen, *self._read_timed(), self._place.update)
        except Exception as error:
            self._complain(error)
        finally:
            self._busy.release()

    def look(self) -> bool:
        """See whether there are more results, and have them read and drawn; returns whether there are."""
        if self._over or not self._busy.acquire(blocking=False):
            return True
        reads = False
        try:
            seen = self._watched.seen()
            self._complain(None)
            is_new = seen.is_done or self._drawn is None or seen.completed != self._drawn.completed
            reads = is_new and (seen.is_done or time.monotonic() >= self._next)
            if reads:
                threading.Thread(target=self._read, args=(seen,), name="torc-nb results", daemon=True).start()
            return is_new
        except Exception as error:
            self._complain(error)
            return False
        finally:
            if not reads:
                self._busy.release()

    def _read(self, seen: Seen) -> None:
        """Read results, beside the main thread, and have them drawn there."""

        def draw() -> None:
            try:
                if not self._over:
                    self._draw(seen, results, took, self._place.update)
            finally:
                self._busy.release()

        try:
            results, took = self._read_timed()
        except Exception as error:
            self._complain(error)
            self._busy.release()
        else:
            main_thread.soon(self._shell, draw)

    def _read_timed(self) -> tuple[Any, float]:
        began = time.monotonic()
        return self._watched.read(), time.monotonic() - began

    def _draw(self, seen: Seen, results: Any, took: float, show: Callable[..., None]) -> None:
        began = time.monotonic()
        try:
            with main_thread.interruptible():
                self._parts = self._call(seen, results)
        except KeyboardInterrupt:
            self._trouble = "interrupted: run the cell again to have it refreshed"
            self._end()
        self._drawn = seen
        self._next = time.monotonic() + _REST * (took + time.monotonic() - began)
        if seen.is_done:
            self._end()
        self._show(show)

    def _call(self, seen: Seen, results: Any) -> list[Bundle]:
        if seen.completed:
            return gathered.gathered(self._shell, self._function, results)
        if seen.is_done:
            return [gathered.plain(f"{self._title}: no results, {seen.failed:,} failed; m.failures() says why.")]
        return [gathered.plain(f"{self._title}: no results yet, of {seen.total:,}")]

    def _complain(self, error: Exception | None) -> None:
        """Say below what is shown that there is nothing newer, and why; None: all is well again."""
        trouble = ""
        if isinstance(error, NotFound):
            trouble = f"refreshed no more: {error}"
            self._end()
        elif error is not None:
            trouble = f"not up to date, trying again: {type(error).__name__}: {error}"
        if trouble != self._trouble:
            self._trouble = trouble
            self._show(self._place.update)

    def _show(self, show: Callable[..., None]) -> None:
        bundle = self._bundle()
        # A page that was loaded anew knows the screen alone.
        self._screen.html = gathered.html(bundle)
        show(bundle if self._over else gathered.joined([bundle], as_html=True), is_last=self._over)

    def _bundle(self) -> Bundle:
        said = [gathered.plain(f"{self._title}: {printable(self._trouble)}")] if self._trouble else []
        return gathered.joined([*self._parts, *said] or [gathered.plain("")])


#: Those of this process that go on.
_active: list[Refreshing] = []


def finish() -> None:
    """Have all places show the last results of maps that are done; nothing on another thread than the main one."""
    if main_thread.is_here():
        for one in [*_active]:
            one.finish()


def _cell_and_run(shell: Any) -> tuple[str | None, str | None]:
    """Return which cell is being run, where the front end says so, and which time."""
    parent = shell.get_parent() or {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
