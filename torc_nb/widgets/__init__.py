"""How a workflow stands, to be looked at: one line of text, HTML, a live view, a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torc_nb.widgets.markup import html
from torc_nb.widgets.progress import Bar
from torc_nb.widgets.words import text_line

if TYPE_CHECKING:
    from torc_nb.widgets.grid import GridView
    from torc_nb.widgets.view import ProgressView

__all__ = ["Bar", "GridView", "ProgressView", "html", "text_line"]


def __getattr__(name: str) -> Any:
    if name == "ProgressView":  # ipywidgets is slow to import, and a script on a terminal has no use for it
        from torc_nb.widgets.view import ProgressView

        return ProgressView
    if name == "GridView":
        from torc_nb.widgets.grid import GridView

        return GridView
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
