"""The editable grid of a map's parameters in a notebook."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Any, NamedTuple, Protocol

import anywidget
import traitlets

from torc_nb.models import JobStatus
from torc_nb.models.names import printable
from torc_nb.models.palette import COLOURS
from torc_nb.widgets import assets
from torc_nb.widgets.live import answer_where_asked
from torc_nb.widgets.place import Place
from torc_nb.widgets.poll import Poll
from torc_nb.widgets.presence import Presence
from torc_nb.widgets.view import POLL

#: What a front end sent or is sent: its kind, and what belongs to it.
Message = dict[str, Any]

#: So many rows stand in the picture for where no grid can be drawn.
_STILL = 10

#: What would run again is not counted anew, on account of what others do, before so many times as long as it took.
_REST = 10.0

_STATUSES = [[status.label, COLOURS[status], status.sentence] for status in JobStatus]


class Block(NamedTuple):
    """Selected cells: the place and the job of the first row, the number of the first column, how many of each."""

    row: int
    job: int
    column: int
    height: int
    width: int


class Edited(Protocol):
    """The parameters of a map while they are edited, as a grid needs them."""

    def head(self) -> dict[str, Any]:
        """What stands above the rows."""

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Rows from one place to another."""

    def show_changed(self, only: bool) -> None:
        """Show only the rows that are changed by now, or all."""

    def type(self, cells: Any) -> str:
        """Take what was typed into cells; says what was refused."""

    def paste(self, block: Block, text: str) -> str:
        """Take a block from the clipboard; says what was refused, or did not fit."""

    def fill(self, block: Block) -> str:
        """Give all selected rows what stands in the first; says what was refused."""

    def undo(self) -> None:
        """Take the last step back."""

    def redo(self) -> None:
        """Take again what was taken back last."""

    def revert(self) -> None:
        """Take everything back."""

    def settle(self, job_id: int, column: int, keep: bool) -> None:
        """Decide between what was typed and what somebody else wrote."""

    def summary(self) -> dict[str, Any]:
        """What is changed, and what would run again."""

    def apply(self, start_worker: bool = False) -> str:
        """Write it, run again what is affected, and say what was done."""

    def look(self) -> bool:
        """Look whether anybody changed anything."""


class Grid(anywidget.AnyWidget):
    """The grid that the front end draws. Rows travel as messages, only those that it asks for.

    Parameters
    ----------
    hear
        Called with each message of a front end, in whatever thread it arrives.
    """

    _esm = assets.text("elements.js", "pages.js", "outbox.js", "cells.js", "editor.js", "table.js", "grid.js")
    _css = assets.text("elements.css", "grid.css")

    #: By which the still pictures of the grid are found on a page.
    picture = traitlets.Unicode().tag(sync=True)
    statuses = traitlets.List(_STATUSES).tag(sync=True)
    head = traitlets.Dict().tag(sync=True)
    summary = traitlets.Dict().tag(sync=True)
    #: The number of the last change; the summary has the number of the one that it knows.
    wanted = traitlets.Int(0).tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)
    #: Goes up whenever the rows that a front end has may be old.
    version = traitlets.Int(0).tag(sync=True)

    def __init__(self, hear: Callable[[Message], None]) -> None:
        super().__init__(picture=secrets.token_hex(8))
        self.on_msg(lambda _widget, content, _buffers: hear(content))
        answer_where_asked(self.comm)

    def __repr__(self) -> str:
        return "Grid()"


class GridView:
    """A grid in a notebook.

    It is shown as two outputs: a still picture as HTML and text, for front ends that cannot draw the grid, for pages
    whose kernel is gone and for the saved notebook; and the widget, whose front end hides the picture.

    What is done in it is done in a thread of its own, one thing after the other, so that neither the kernel waits for
    the database nor the database for the kernel.

    Parameters
    ----------
    edited
        The parameters.
    call
        What is typed to do the same without a grid, as in ``wf["run"]``.
    """

    def __init__(self, edited: Edited, call: str, *, poll: Poll = POLL) -> None:
        self._edited = edited
        self._call = call
        self._poll = poll
        self._presence = Presence()
        self._closed = False
        self._doing = ThreadPoolExecutor(1, "torc-nb grid")
        self._counting = ThreadPoolExecutor(1, "torc-nb grid")
        self._counted = (0.0, 0.0)
        self._grid = Grid(self._hear)
        self._grid.head = edited.head()

    def __repr__(self) -> str:
        head = self._grid.head
        return f"{printable(head['title'])}: {head['total']:,} rows to edit; {self._instead}"

    def _ipython_display_(self) -> None:
        """Display the grid, and the picture that stands for it."""
        if "ipykernel.zmqshell" not in sys.modules:
            print(repr(self))
            return
        is_still = os.environ.get("TORC_NB_PROGRESS") == "plain"
        Place(self._grid).show({"text/plain": repr(self), "text/html": self.html}, is_last=is_still)

    @property
    def widget(self) -> Grid:
        """The widget alone, to be put beside others."""
        return self._grid

    @property
    def html(self) -> str:
        """A picture of the first rows, and how to edit them without a grid."""
        head, rows = self._edited.head(), self._edited.rows(0, _STILL)
        names = "".join(f"<th>{escape(name)}</th>" for name in head["columns"])
        body = "".join(
            f"<tr><th>{escape(row['label'])}</th>{''.join(_cell(cell) for cell in row['cells'])}"
            f"<td>{escape(row['status'])}</td></tr>"
            for row in rows
        )
        more = f"<div>and {head['total'] - len(rows):,} more</div>" if head["total"] > len(rows) else ""
        return (
            f'<div class="torc-nb"><div><b>{escape(head["title"])}</b>: {head["total"]:,} rows to edit. '
            f"{escape(self._instead)}</div><table><thead><tr><th>{escape(head['index'])}</th>{names}<th>status</th></tr>"
            f"</thead><tbody>{body}</tbody></table>{more}</div>"
        )

    @property
    def _instead(self) -> str:
        return (
            "Where no grid is drawn (it takes a running kernel, and anywidget in the front end), this does the same: "
            f"df = {self._call}.params(); change df; {self._call}.modify(df); wf.reinitialize()"
        )

    @property
    def is_over(self) -> bool:
        """Whether it was closed, or nobody looks any more."""
        return self._closed or not self._presence.is_likely()

    def look(self) -> bool:
        """Look whether anybody changed anything; returns whether."""
        try:
            is_changed = self._edited.look()
        except Exception as error:
            self._grid.trouble = f"{type(error).__name__}: {error}"
            return False
        was_away, self._grid.trouble = bool(self._grid.trouble), ""
        if is_changed or was_away:
            self._show()
            self._count_in_time()
        return is_changed

    def close(self) -> None:
        """Take the grid away; what was typed and not applied is gone."""
        self._closed = True
        self._poll.remove(self)
        self._doing.shutdown(wait=False)
        self._counting.shutdown(wait=False)
        self._grid.close()

    # What front ends send.

    def _hear(self, message: Message) -> None:
        """Take what a front end sent; quickly, since it may be the main thread that waits."""
        if message.get("kind") == "gone":
            self._presence.miss()
            return
        self._presence.hear()
        if self._closed:
            return
        self._poll.add(self)
        if message.get("kind") != "here":
            self._doing.submit(self._do, message)

    def _do(self, message: Message) -> None:
        """Do what was asked for, and answer."""
        kind = str(message.get("kind"))
        if kind == "rows":
            self._send_rows(message)
            return
        try:
            answer = self._done(kind, message) or ""
            is_wrong = bool(answer) and kind != "apply"
        except Exception as error:
            answer, is_wrong = f"{error}" or type(error).__name__, True
        if kind != "filter":
            self._count()
        self._show()
        self._grid.send({"kind": "done", "id": message.get("id"), "text": answer, "wrong": is_wrong})

    def _done(self, kind: str, message: Message) -> str | None:
        edited = self._edited
        if kind == "type":
            return edited.type([(int(job), int(column), str(text)) for job, column, text in message["cells"]])
        elif kind == "paste":
            return edited.paste(_block(message), str(message["text"]))
        elif kind == "fill":
            return edited.fill(_block(message))
        elif kind == "settle":
            edited.settle(int(message["job"]), int(message["column"]), bool(message["keep"]))
        elif kind == "filter":
            edited.show_changed(bool(message["only"]))
        elif kind == "apply":
            return edited.apply(bool(message.get("worker")))
        elif kind in ("undo", "redo", "revert"):
            getattr(edited, kind)()
        return None

    def _send_rows(self, message: Message) -> None:
        version, start = self._grid.version, int(message["start"])
        try:
            rows = self._edited.rows(start, int(message["stop"]))
        except Exception as error:  # they are asked for again once the database answers
            self._grid.trouble = f"{type(error).__name__}: {error}"
            return
        head = self._edited.head()
        if head != self._grid.head:  # a row came with a parameter that none before had
            self._grid.head = head
        self._grid.send({"kind": "rows", "start": start, "rows": rows, "version": version})

    def _show(self) -> None:
        self._grid.head = self._edited.head()
        self._grid.version += 1

    # What it comes to, counted apart from the rest since it may take long.

    def _count(self) -> None:
        self._grid.wanted += 1
        self._counting.submit(self._summarize, self._grid.wanted)

    def _count_in_time(self) -> None:
        ended, took = self._counted
        if time.monotonic() - ended > _REST * took:
            self._count()

    def _summarize(self, wanted: int) -> None:
        if wanted != self._grid.wanted:  # something was typed since
            return
        began = time.monotonic()
        try:
            summary = self._edited.summary()
        except Exception as error:
            summary = {"rows": 0, "text": f"{type(error).__name__}: {error}", "effect": "", "wrong": True}
        self._counted = time.monotonic(), time.monotonic() - began
        self._grid.summary = summary | {"number": wanted}
        self._grid.version += 1


def _block(message: Message) -> Block:
    return Block(*(int(message["block"][name]) for name in Block._fields))


def _cell(cell: dict[str, Any]) -> str:
    return f"<td><bdi>{escape(cell['text'][:100])}</bdi></td>"
