"""What a workflow is made of, from left to right in the order in which it can run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path

from torc_nb.api import Stages
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS, INK, ORDER, PAPER, QUIET
from torc_nb.plots import figure, lettering
from torc_nb.plots.groups import Groups, grouped
from torc_nb.plots.layers import Layout, Point, layered

#: Inches: a node, and the room between nodes.
WIDE, TALL = 1.9, 0.72
GAP_X, GAP_Y = 0.75, 0.3
#: Inches: the room above the nodes, for title and legend.
HEAD = 1.25
#: Inches: wide enough for the legend.
NARROWEST = 7.5


class Corner(NamedTuple):
    """A place in the drawing, in inches from its left upper corner."""

    x: float
    y: float


def graph(stages: Stages, ax: Axes | None = None) -> Figure:
    """Draw maps and jobs with how many of their jobs stand where, and an arrow to each from what it waits for."""
    groups = grouped(stages)
    layout = layered([one.key for one in groups.nodes], [edge[:2] for edge in groups.edges])
    with figure.style():
        picture = _picture(layout) if ax is None else None
        axes = ax if picture is None else picture.add_axes((0.0, 0.0, 1.0, 1.0))
        assert axes is not None
        _draw(axes, stages.name, groups, layout)
        found = picture or axes.get_figure(root=True)
    assert found is not None
    return found


def _picture(layout: Layout) -> figure.Picture:
    """A figure in which a node has its size in inches, whatever the number of nodes."""
    width, height = _size(layout)
    return figure.Picture(figsize=(max(width, NARROWEST), height), facecolor=PAPER)


def _size(layout: Layout) -> tuple[float, float]:
    return (
        layout.depth * (WIDE + GAP_X) - GAP_X + 0.5,
        layout.height * (TALL + GAP_Y) - GAP_Y + HEAD + 0.25 if layout.height else figure.EMPTY,
    )


def _draw(ax: Axes, name: str, groups: Groups, layout: Layout) -> None:
    width, height = _size(layout)
    ax.set_axis_off()
    ax.set_xlim(0, max(width, NARROWEST))
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.text(0.25, 0.2, figure.heading(name, "stages"), fontsize=12, va="top", parse_math=False, gid="title")
    if not groups.nodes:
        ax.text(0.25, 0.6, "There are no jobs yet.", color=QUIET, va="center")
        return
    for before, after, gives in groups.edges:
        _arrow(ax, [_corner(point) for point in layout.routes[before, after]], gives)
    for node in groups.nodes:
        _node(ax, _corner(layout.places[node.key]), node.name, node.members, node.statuses)
    _legend(ax, groups)


def _corner(point: Point) -> Corner:
    """The left upper corner of what stands at a point of the layout."""
    return Corner(0.25 + point.layer * (WIDE + GAP_X), HEAD + point.row * (TALL + GAP_Y))


def _arrow(ax: Axes, corners: Sequence[Corner], gives: bool) -> None:
    """Curve from the right side of the first node to the left side of the last, through the gaps between others."""
    points = [Corner(corners[0].x + WIDE, corners[0].y + TALL / 2)]
    for corner in corners[1:-1]:  # across the whole column, so that no node is touched
        points += [Corner(corner.x, corner.y + TALL / 2), Corner(corner.x + WIDE, corner.y + TALL / 2)]
    points.append(Corner(corners[-1].x, corners[-1].y + TALL / 2))
    vertices, codes = [points[0]], [Path.MOVETO]
    for number, (start, end) in enumerate(pairwise(points)):
        if number % 2:
            vertices, codes = [*vertices, end], [*codes, Path.LINETO]
        else:
            half = (end.x - start.x) / 2
            vertices += [Corner(start.x + half, start.y), Corner(end.x - half, end.y), end]
            codes += [Path.CURVE4] * 3
    ax.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>,head_width=3,head_length=5",
            shrinkA=0,
            shrinkB=0,
            color=QUIET,
            linewidth=1.2,
            linestyle="solid" if gives else (0, (4, 2)),
            zorder=1,
        )
    )


def _node(ax: Axes, corner: Corner, name: str, members: int, statuses: dict[JobStatus, int]) -> None:
    """Draw a box with a name, how many jobs have completed, and a bar of all statuses; a group as a small pile."""
    for shift in (0.1, 0.05) if members > 1 else ():
        _box(ax, Corner(corner.x + shift, corner.y - shift))
    _box(ax, corner)
    total = sum(statuses.values())
    said = f"{statuses.get(JobStatus.COMPLETED, 0):,} of {total:,} completed" if total != 1 else _only(statuses)
    shown = lettering.fitting(name, WIDE - 0.2, 9, "bold")
    ax.text(corner.x + 0.1, corner.y + 0.2, shown, va="center", weight="bold", fontsize=9, parse_math=False)
    ax.text(corner.x + 0.1, corner.y + 0.4, said, va="center", fontsize=8, color=INK)
    left, room = corner.x + 0.1, WIDE - 0.2
    for status in ORDER:
        if statuses.get(status):
            width = room * statuses[status] / total
            bar = Rectangle((left, corner.y + TALL - 0.18), width, 0.1, color=COLOURS[status], linewidth=0, zorder=3)
            bar.set_label(status.label)
            ax.add_patch(bar)
            left += width


def _only(statuses: dict[JobStatus, int]) -> str:
    return next(status.label for status, n in statuses.items() if n)


def _box(ax: Axes, corner: Corner) -> None:
    ax.add_patch(
        FancyBboxPatch(
            corner,
            WIDE,
            TALL,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=PAPER,
            edgecolor=QUIET,
            linewidth=1,
            zorder=2,
            mutation_aspect=1,
        )
    )


def _legend(ax: Axes, groups: Groups) -> None:
    statuses = {status for node in groups.nodes for status, n in node.statuses.items() if n}
    entries: list[tuple[str, str | Line2D]] = [(one.label, COLOURS[one]) for one in ORDER if one in statuses]
    kinds = {gives for _, _, gives in groups.edges}
    if True in kinds:
        entries.append(("gives its results", Line2D([], [], color=QUIET)))
    if False in kinds:
        entries.append(("is waited for", Line2D([], [], color=QUIET, linestyle=(0, (4, 2)))))
    where = {"loc": "upper left", "bbox_to_anchor": (0.17, 0.44), "bbox_transform": ax.transData, "borderaxespad": 0.0}
    figure.legend(ax, dict(entries), columns=5, **where)
