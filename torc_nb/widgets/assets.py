"""The front-end files of the widgets, as anywidget takes them: one text of JavaScript and one of CSS."""

from __future__ import annotations

from importlib.resources import files

_FRONT = files("torc_nb.widgets") / "front"


def text(*names: str) -> str:
    """Return files of ``front/``, one after the other.

    A module that others share is given before them and exports nothing: what it defines, those after it use.
    """
    return "\n".join((_FRONT / name).read_text(encoding="utf-8") for name in names)
