"""The widget that the front end draws: data down to it, and what is pressed up from it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from torc_nb.widgets import assets, shown

#: What a front end sent: its kind, and what belongs to it.
Message = dict[str, Any]


class Live(anywidget.AnyWidget):
    """How a workflow stands, as the front end draws it. A part whose data did not change is not sent again.

    Parameters
    ----------
    hear
        Called with each message of a front end, in whatever thread it arrives.
    """

    _esm = assets.text("elements.js", "view.js")
    _css = assets.text("elements.css", "view.css")

    #: By which the still pictures of the view are found on a page.
    picture = traitlets.Unicode().tag(sync=True)
    statuses = traitlets.List(shown.STATUSES).tag(sync=True)
    jobs = traitlets.Dict().tag(sync=True)
    workers = traitlets.Dict().tag(sync=True)
    allocations = traitlets.Dict().tag(sync=True)
    failures = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Dict().tag(sync=True)
    offers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    #: How often was looked, so that the front end knows that somebody does; and whether there is nothing more to see.
    looks = traitlets.Int(0).tag(sync=True)
    over = traitlets.Bool(False).tag(sync=True)

    def __init__(self, hear: Callable[[Message], None]) -> None:
        super().__init__(picture=secrets.token_hex(8))
        self.on_msg(lambda _widget, content, _buffers: hear(content))
        answer_where_asked(self.comm)

    def __repr__(self) -> str:
        return "Live()"

def answer_where_asked(comm: Any) -> None:
    """Let messages of the front end arrive where it addressed them: at a subshell, so that a busy kernel hears them.

    Some versions of ipykernel deliver them where the widget last sent something from, which for a thread is the main
    shell: they would wait for the end of the running cell.
    """
    if hasattr(comm, "_reply_subshell_for"):
        with contextlib.suppress(AttributeError):
            comm._reply_subshell_for = lambda _data, addressed: addressed
