"""A place in a notebook that changes: a still picture, which is what the notebook keeps, and a widget beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from IPython import display

#: What is shown, in several formats of which the front end takes the richest.
Bundle = Mapping[str, Any]

#: Where a page has no kernel any more, or no part that draws the widget, the still picture is enough: what JupyterLab
#: says of the widget beside it goes unsaid.
_STYLE = (
    "<style>.jp-OutputArea-child:has([data-torc-nb]) + .jp-OutputArea-child"
    ":is(:has(> .jupyter-widgets:not(:has(*))), :has(.jupyter-widgets-error-widget)) { display: none }</style>"
)


class Moving(Protocol):
    """A widget whose front end hides the still pictures of its name."""

    picture: str

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """What displays it."""


class Place:
    """Where a cell shows something that changes.

    A page that is loaded anew finds the widget again, by its kernel; front ends that cannot draw it, pages whose kernel
    is gone, and the saved notebook have the picture.

    Parameters
    ----------
    widget
        Shows the same as the picture, which its front end hides.
    """

    def __init__(self, widget: Moving) -> None:
        new_handle: Any = display.DisplayHandle  # IPython has no types
        self._widget = widget
        self._still, self._moving = new_handle(), new_handle()
        self._moves = False

    def show(self, picture: Bundle, *, is_last: bool = False) -> None:
        """Show it below the cell that runs; the last picture alone, without the widget."""
        self._still.display(picture if is_last else self._named(picture), raw=True)
        if not is_last:
            bundle: dict[str, Any] = (self._widget._repr_mimebundle_() or ({},))[0]
            self._moving.display(bundle | {"text/plain": ""}, raw=True)
            self._moves = True

    def update(self, picture: Bundle, *, is_last: bool = False) -> None:
        """Show another picture; the last one takes the place of the widget too."""
        self._still.update(picture if is_last else self._named(picture), raw=True)
        if is_last and self._moves:
            self._moving.update({"text/plain": ""}, raw=True)
            self._moves = False

    def _named(self, picture: Bundle) -> Bundle:
        html = f'{_STYLE}<div data-torc-nb="{self._widget.picture}">{picture["text/html"]}</div>'
        return {"text/plain": picture["text/plain"], "text/html": html}
