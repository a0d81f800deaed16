"""The live view of a workflow in a notebook."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Protocol

from torc_nb.api import Status
from torc_nb.models.names import printable
from torc_nb.widgets import markup, shown, words
from torc_nb.widgets.live import Live, Message
from torc_nb.widgets.pace import Pace
from torc_nb.widgets.place import Place
from torc_nb.widgets.poll import Poll
from torc_nb.widgets.presence import Presence

#: The poll of all views of this process.
POLL = Poll()

#: How often the still picture is drawn anew while the numbers move, in seconds: for a front end that shows nothing
#: else, and beside one that draws the view itself.
STILL_ALONE, STILL_BESIDE = 2.0, 20.0

#: What ended is remembered in so many stretches of so many seconds, and a pace of before so long ago is found out anew.
STRETCHES, WIDTH, AGE = 60, 60.0, 120.0

#: A cell shown again and again leaves its places behind.
_PLACES = 5

class Watched(Protocol):
    """A workflow, as a view needs it."""

    def status(self) -> Status:
        """How it stands; called in a thread of its own."""

    def ended(self, width: float, stretches: int) -> list[int]:
        """How many attempts ended in each of the last stretches of ``width`` seconds, the newest first."""

    def offers(self, status: Status) -> list[dict[str, Any]]:
        """What can be done about it, with the question that is asked before."""

    def act(self, name: str, n: int) -> str:
        """Do what was offered, and say what was done."""


class ProgressView:
    """Shows how a workflow stands, from when it is displayed, as long as anybody looks.

    It is shown as two outputs: a still picture as HTML and text, for front ends that cannot draw the view, for pages
    whose kernel is gone and for the saved notebook; and the widget, whose front end hides the picture.

    Parameters
    ----------
    watched
        The workflow. Where it cannot be asked, the view says so and asks again.
    title
        The name to show.
    """

    def __init__(self, watched: Watched, title: str, *, poll: Poll = POLL) -> None:
        self._watched = watched
        self._title = title
        self._poll = poll
        self._pace = Pace()
        self._presence = Presence()
        self._looking, self._acting = threading.Lock(), threading.Lock()
        self._status: Status | None = None
        self._error: str | None = None
        self._answered: float | None = None
        self._pressed: set[str] = set()
        self._places: list[Place] = []
        self._drawn: tuple[float, str] = (0.0, "")
        self._closed = False
        self._live = Live(self._hear)

    def __repr__(self) -> str:
        if self._status is not None:
            return words.line(self._title, self._status.statuses, self._rate)
        return f"{printable(self._title)}: {self._error or 'not looked at yet'}"

    def _ipython_display_(self) -> None:
        """Display the view, in a place that keeps up with it."""
        if "ipykernel.zmqshell" not in sys.modules:
            self.look()
            print(repr(self))
            return
        is_still = os.environ.get("TORC_NB_PROGRESS") == "plain"
        if is_still:
            self.look()
        else:
            self.follow()
        place = Place(self._live)
        place.show(self._picture(), is_last=is_still)
        if not is_still:
            self._places = [*self._places[1 - _PLACES :], place]

    def follow(self) -> None:
        """Look now, and keep the view up to date as long as there is anything to see."""
        self.look()
        if not self.is_over:
            self._poll.add(self)

    @property
    def widget(self) -> Live:
        """The widget alone, to be put beside others."""
        return self._live

    @property
    def is_closed(self) -> bool:
        """Whether it was taken away for good."""
        return self._closed

    @property
    def html(self) -> str:
        """What it shows now, as HTML."""
        live = self._live
        return "".join(
            [
                markup.trouble(live.trouble),
                markup.jobs(live.jobs) if live.jobs else "",
                markup.workers(live.workers),
                markup.allocations(live.allocations),
                markup.failures(live.failures),
            ]
        )

    @property
    def is_over(self) -> bool:
        """Whether it was closed, nobody looks any more, or all is done and no front end would show what follows."""
        if self._closed:
            return True
        return not self._presence.is_likely() if self._presence.is_known else self._is_done

    def look(self) -> bool:
        """Ask the database and show the answer; returns whether anything changed."""
        with self._looking:
            before = self._status, self._error
            try:
                self._status = self._watched.status()
                self._note_pace(self._status)
            except Exception as error:
                self._error = f"{type(error).__name__}: {error}"
            else:
                self._error, self._answered = None, time.time()
            self._show()
            self._redraw()
            return before != (self._status, self._error)

    def close(self) -> None:
        """Take the view away and stop looking."""
        self._closed = True
        self._poll.remove(self)
        self._live.close()

    @property
    def _is_done(self) -> bool:
        return self._error is None and self._status is not None and self._status.total > 0 and self._status.is_done

    @property
    def _rate(self) -> Any:
        """How fast jobs finish, where any worker is there to go on so."""
        return self._pace.rate if self._status is not None and self._status.workers else None

    def _note_pace(self, status: Status) -> None:
        now = time.monotonic()
        if not status.is_done and (self._pace.last is None or now - self._pace.last > AGE):
            self._pace.recall(now, status.finished, self._watched.ended(WIDTH, STRETCHES), WIDTH)
        self._pace.observe(now, status.finished)

    def _show(self) -> None:
        live = self._live
        with live.hold_sync():
            if (status := self._status) is not None:
                live.jobs = shown.jobs(status, self._title, self._rate)
                live.workers = shown.workers(status)
                live.allocations = shown.allocations(status)
                live.failures = shown.failures(status)
                live.offers = self._watched.offers(status) if self._error is None else []
            live.trouble = {} if self._error is None else shown.trouble(self._title, self._error, self._answered)
            live.over = self._is_done
            live.looks += 1

    def _redraw(self) -> None:
        """Bring the still pictures up to date: now and then, and in the end."""
        since, drawn = self._drawn
        pause = STILL_BESIDE if self._presence.is_known else STILL_ALONE
        if not self._places or not (self._is_done or time.monotonic() - since > pause):
            return
        picture = self._picture()
        self._drawn = time.monotonic(), picture["text/html"]
        if picture["text/html"] != drawn:
            for place in self._places:
                place.update(picture)

    def _picture(self) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html}

    def _hear(self, message: Message) -> None:
        """Take what a front end sent; quickly, since it may be the main thread that waits."""
        kind = message.get("kind")
        if kind == "gone":
            self._presence.miss()
            return
        self._presence.hear()
        if kind == "press" and message["press"] not in self._pressed:
            self._pressed.add(message["press"])
            # It goes on where the kernel is told to end: what was asked for is done whole.
            threading.Thread(target=self._act, args=(message,), name="torc-nb press").start()
        elif not self._closed:
            self._poll.add(self)

    def _act(self, message: Message) -> None:
        with self._acting:
            try:
                text, wrong = self._watched.act(str(message["act"]), int(message.get("n", 1))), False
            except Exception as error:
                text, wrong = f"{error}" or type(error).__name__, True
            self._live.answer = {"press": message["press"], "text": text, "wrong": wrong}
        self.look()
        self._poll.add(self)
