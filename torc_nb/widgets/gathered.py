"""What a function of the user's shows, gathered into one picture instead of below whichever cell ran last."""

from __future__ import annotations

import base64
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, TypeAlias

import torc_nb

#: What a place in a notebook shows, in several formats of which the front end takes the richest.
Bundle: TypeAlias = dict[str, Any]

_OURS = str(Path(torc_nb.__file__).parent) + "/"
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def gathered(shell: Any, function: Callable[[Any], Any], argument: Any, *, catch: bool = True) -> list[Bundle]:
    """Call a function; returns what it printed, displayed, drew with pyplot and returned, or the traceback.

    With ``catch=False`` an error is let through. pyplot's figures of the cells are out of its reach meanwhile, and its
    own are closed afterwards.
    """
    printed = _Printed()
    shown: list[Bundle] = []
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(printed.beside(sys.stdout)))
        stack.enter_context(redirect_stderr(printed.beside(sys.stderr)))
        stack.enter_context(_displayed(shell, shown))
        stack.enter_context(_own_figures())
        try:
            value = function(argument)
            for one in [*_pyplot_figures(), *([] if value is None else [value])]:
                _show(shell, one, shown)
        except Exception as error:
            if not catch:
                raise
            shown.append(plain(traceback_of(shell, error)))
    return [*([plain(printed.getvalue())] if printed.getvalue() else []), *shown]


def plain(words: str) -> Bundle:
    """Return what shows words as they are."""
    return {"text/plain": words}


def joined(parts: list[Bundle], *, as_html: bool = False) -> Bundle:
    """Return what shows several things below each other; of a single one, if not wanted as HTML, that itself."""
    if len(parts) == 1 and not as_html:
        return parts[0]
    plain = "\n".join(str(part.get("text/plain", "")).rstrip("\n") for part in parts)
    return {"text/plain": plain, "text/html": "".join(map(html, parts))}


def traceback_of(shell: Any, error: Exception) -> str:
    """Return the traceback of an error as a cell shows it, without colours and our calls."""
    lines = shell.InteractiveTB.structured_traceback(type(error), error, beyond_ours(error.__traceback__), tb_offset=0)
    return _COLOURS.sub("", "\n".join(lines))


def beyond_ours(stack: TracebackType | None) -> TracebackType | None:
    """Return a stack from where it leaves this package; all of it where it does not."""
    rest = stack
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(_OURS):
        rest = rest.tb_next
    return rest or stack


class _Printed(io.StringIO):
    """What is printed by this thread; others go on printing where they did."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def beside(self, stream: TextIO) -> Any:
        return _Beside(self, stream, self._thread)


class _Beside:
    """A stream whose writes by one thread go elsewhere."""

    def __init__(self, own: io.StringIO, stream: TextIO, thread: int) -> None:
        self._own, self._stream, self._thread = own, stream, thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own if threading.get_ident() == self._thread else self._stream, name)


@contextmanager
def _displayed(shell: Any, shown: list[Bundle]) -> Iterator[None]:
    """Take what this thread displays; the kernel's hooks are each thread's own."""

    def take(message: dict[str, Any]) -> dict[str, Any] | None:
        if message["header"]["msg_type"] != "display_data":
            return message
        shown.append(message["content"]["data"])
        return None

    shell.display_pub.register_hook(take)
    try:
        yield
    finally:
        shell.display_pub.unregister_hook(take)


@contextmanager
def _own_figures() -> Iterator[None]:
    """Let pyplot begin without figures, and close those that are made."""
    cells = dict(_gcf().figs) if "matplotlib.pyplot" in sys.modules else {}
    if cells:
        _gcf().figs.clear()
    try:
        yield
    finally:
        if "matplotlib.pyplot" in sys.modules:
            _gcf().destroy_all()
            _gcf().figs.update(cells)


def _gcf() -> Any:
    from matplotlib._pylab_helpers import Gcf  # type: ignore[import-untyped, unused-ignore]

    return Gcf


def _pyplot_figures() -> list[Any]:
    if "matplotlib.pyplot" not in sys.modules:
        return []
    return [manager.canvas.figure for manager in _gcf().get_all_fig_managers()]


def _show(shell: Any, value: Any, shown: list[Bundle]) -> None:
    """Show a value as a cell's last one would be: a str as the text that it is, an Axes as its figure."""
    if isinstance(value, str):
        shown.append(plain(value))
        return
    figure = _figure_of(value)
    bundle = _formatted(shell, value if figure is None else figure)
    if figure is not None and not any(kind.startswith("image/") for kind in bundle):
        bundle |= {"image/png": _png(figure)}
    if bundle and bundle not in shown:  # what is returned may be what was drawn, or shown, before
        shown.append(bundle)


def _formatted(shell: Any, value: Any) -> Bundle:
    data: Bundle = shell.display_formatter.format(value)[0]  # empty where it displayed itself
    return {kind: _as_text(content) for kind, content in data.items()}


def _figure_of(value: Any) -> Any:
    """Return the figure of what matplotlib and pandas return: a Figure, an Axes, an array of Axes; else None."""
    if "matplotlib.figure" not in sys.modules:
        return None
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    while (type(value).__name__ == "ndarray" and value.size) or (isinstance(value, (list, tuple)) and value):
        value = value.flat[0] if type(value).__name__ == "ndarray" else value[0]
    if isinstance(value, Figure):
        return value
    return value.get_figure() if isinstance(value, Artist) else None


def _png(figure: Any) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return str(_as_text(file.getvalue()))


def _as_text(content: Any) -> Any:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def html(part: Bundle) -> str:
    """Return as HTML what shows one thing."""
    if "text/html" in part:
        return str(part["text/html"])
    for kind in ("image/png", "image/jpeg"):
        if kind in part:
            return f'<img src="data:{kind};base64,{"".join(_as_text(part[kind]).split())}">'
    return f"<pre>{escape(str(part.get('text/plain', '')))}</pre>"
