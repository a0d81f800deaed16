"""A widget that shows a picture as HTML."""

from __future__ import annotations

import secrets

import anywidget
import traitlets

from torc_nb.widgets import assets


class Screen(anywidget.AnyWidget):
    """Shows what a function of the user's gave, as the cell's output would."""

    _esm = assets.text("elements.js", "screen.js")

    #: By which the still pictures of the same are found on a page.
    picture = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(picture=secrets.token_hex(8))

    def __repr__(self) -> str:
        return "Screen()"
