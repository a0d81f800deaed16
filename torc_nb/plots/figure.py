"""The figure that is drawn into: its size, its letters, its light ground, and how it shows in a notebook."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch

from torc_nb.models.palette import GROUND, INK, PAPER, QUIET
from torc_nb.plots import lettering

#: Inches: how wide a figure is, and its height per row and besides.
WIDTH, ROW, REST = 9.0, 0.42, 1.7
#: The height of one that has but a sentence to show.
EMPTY = 1.0
#: A picture is shown so many times finer than it is large.
FINENESS = 2.0


class Picture(Figure):
    """A figure that shows itself once where a notebook displays it, whether ``pyplot`` is in use or not."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=FINENESS * self.dpi)
        width, height = self.get_size_inches() * self.dpi
        return written.getvalue(), {"width": round(width), "height": round(height)}


def drawn(draw: Callable[[Axes], None], rows: int, ax: Axes | None, *, width: float = WIDTH) -> Figure:
    """Draw into a new figure with room for so many rows, or into axes that are there."""
    with style():
        figure = new(rows, width) if ax is None else _of(ax)
        draw(figure.add_subplot() if ax is None else ax)
    return figure


def new(rows: int, width: float = WIDTH) -> Picture:
    """Return an empty figure with room for so many rows."""
    height = REST + ROW * max(rows, 2) if rows else EMPTY
    return Picture(figsize=(width, height), layout="constrained", facecolor=PAPER)


@contextmanager
def style() -> Iterator[None]:
    """Draw in our own letters and colours, whatever style the notebook is set to."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": lettering.families(),
                "font.size": 9.5,
                "text.color": INK,
                "axes.facecolor": PAPER,
                "axes.edgecolor": QUIET,
                "axes.labelcolor": INK,
                "axes.titlelocation": "left",
                "axes.titlesize": 12,
                "axes.titlepad": 26,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.spines.left": False,
                "axes.axisbelow": True,
                "grid.color": GROUND,
                "xtick.color": QUIET,
                "xtick.labelcolor": INK,
                "ytick.color": QUIET,
                "ytick.labelcolor": INK,
                "ytick.major.size": 0,
                "hatch.linewidth": 0.6,
            }
        )
        yield


def legend(ax: Axes, entries: dict[str, Any], columns: int = 6, **place: Any) -> Legend:
    """Say above the data, below the title, what colours and marks mean."""
    handles = [Patch(facecolor=one) if isinstance(one, str) else one for one in entries.values()]
    for handle, name in zip(handles, entries, strict=True):
        handle.set_label(name)
    looks: dict[str, Any] = {
        "frameon": False,
        "handlelength": 1.2,
        "handleheight": 0.8,
        "columnspacing": 1.4,
        "handletextpad": 0.5,
    }
    where = place or {"loc": "lower left", "bbox_to_anchor": (-0.008, 1.0), "borderaxespad": 0.3}
    return ax.legend(handles=handles, ncols=min(len(handles), columns), **looks, **where)


def rows(ax: Axes, names: list[str]) -> None:
    """Name the rows, from the top."""
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.set_ylim(len(names) - 0.5, -0.5)


def sentence(ax: Axes, text: str) -> None:
    """Say in place of data why there are none."""
    ax.set_axis_off()
    ax.text(0.0, 1.0, text, va="bottom", color=QUIET, transform=ax.transAxes)


def title(ax: Axes, name: str, what: str) -> None:
    """Head the axes with the workflow's name and what is shown of it."""
    ax.set_title(heading(name, what), parse_math=False)


def heading(name: str, what: str) -> str:
    """Say what is shown of the workflow of a name."""
    return f"{lettering.shown(name, 50)}: {what}"


def _of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure
