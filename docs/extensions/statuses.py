"""``{status-diagram}`` and ``{status-table}``: job statuses and their moves, drawn from the table of the code.

The diagram gathers moves: an arrow from or to a frame stands for one from or to each status in it. Which arrows those
are is computed; only where they run is laid out by hand, and one that is new is drawn straight until somebody does.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import product
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import table

from torc_nb.models import MOVES, JobStatus
from torc_nb.models.palette import COLOURS

Statuses = frozenset[JobStatus]


class Box(NamedTuple):
    """Where something stands: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


class Route(NamedTuple):
    """Where an arrow runs, as SVG's path, and what is written beside it."""

    path: str
    label: str = ""
    at: tuple[float, float] = (0, 0)


S = JobStatus
FRAMES: dict[str, tuple[Statuses, Box]] = {
    "not begun": (frozenset({S.UNINITIALIZED, S.BLOCKED, S.READY}), Box(10, 66, 310, 240)),
    "in line": (frozenset({S.BLOCKED, S.READY}), Box(185, 96, 120, 190)),
    "claimed": (frozenset({S.PENDING, S.RUNNING}), Box(415, 116, 140, 164)),
    "ended": (frozenset({S.COMPLETED, S.FAILED, S.TERMINATED, S.CANCELED}), Box(680, 66, 150, 240)),
}
PLACES: dict[JobStatus, Box] = {
    S.UNINITIALIZED: Box(20, 174, 124, 34),
    S.BLOCKED: Box(195, 132, 100, 34),
    S.READY: Box(195, 222, 100, 34),
    S.PENDING: Box(433, 222, 104, 34),
    S.RUNNING: Box(433, 152, 104, 34),
    S.COMPLETED: Box(699, 98, 112, 34),
    S.FAILED: Box(699, 150, 112, 34),
    S.TERMINATED: Box(699, 202, 112, 34),
    S.CANCELED: Box(699, 254, 112, 34),
    S.DISABLED: Box(433, 382, 104, 34),
}
ROUTES = {
    ("uninitialized", "in line"): Route("M144,191 L183,191"),
    ("blocked", "ready"): Route("M232,166 L232,220"),
    ("ready", "blocked"): Route("M258,222 L258,168"),
    ("ready", "pending"): Route("M295,239 L431,239", "a worker", (367, 254)),
    ("pending", "running"): Route("M485,222 L485,188"),
    ("claimed", "in line"): Route("M415,150 L307,150", "given back", (372, 143)),
    ("claimed", "ended"): Route("M555,190 L678,190", "the attempt ends", (616, 183)),
    ("ready", "completed"): Route(
        "M295,230 C350,230 330,86 410,86 L610,86 C665,86 665,115 697,115", "a late result", (500, 79)
    ),
    ("ended", "in line"): Route(
        "M755,66 C755,24 720,20 660,20 L340,20 C270,20 245,40 245,94", "reinitialize, rerun", (500, 13)
    ),
    ("not begun", "canceled"): Route(
        "M320,272 C410,340 590,345 697,276", "cancel, or what it needs failed", (508, 343)
    ),
    ("not begun", "disabled"): Route("M90,306 C90,380 240,406 431,404", "disable", (76, 362)),
    ("ended", "disabled"): Route("M755,306 C755,375 660,399 539,399", "disable", (776, 348)),
    ("disabled", "in line"): Route("M433,391 C330,385 250,360 246,288", "rerun", (350, 370)),
}  # fmt: skip


def arrows() -> Iterator[tuple[str, str]]:
    """Give the fewest arrows, between frames where they can be, that stand for all moves and for no other."""
    known = {name: members for name, (members, _) in FRAMES.items()} | {one.label: frozenset({one}) for one in S}
    moves = {(source, target) for source, targets in MOVES.items() for target in targets}
    left = set(moves)
    sizes = sorted(product(known, known), key=lambda pair: -len(known[pair[0]]) * len(known[pair[1]]))
    for source, target in sizes:
        pairs = set(product(known[source], known[target]))
        if pairs <= moves and pairs & left:
            left -= pairs
            yield source, target


def svg() -> str:
    """Draw the diagram."""
    frames = "".join(
        f'<g class="frame"><rect {_at(box)} rx="8"/><text x="{box.x + 10}" y="{box.y + 18}">{name}</text></g>'
        for name, (_, box) in FRAMES.items()
    )
    drawn = "".join(_arrow(source, target) for source, target in arrows())
    statuses = "".join(_status(status, box) for status, box in PLACES.items())
    return (
        '<svg class="statuses" viewBox="0 -6 840 434" role="img" aria-label="Job statuses and their moves">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z"/></marker></defs>{frames}{drawn}{statuses}</svg>'
    )


def _arrow(source: str, target: str) -> str:
    route = ROUTES.get((source, target)) or Route("M{},{} L{},{}".format(*_box(source).middle, *_box(target).middle))
    (x, y), label = route.at, escape(route.label)
    text = f'<text x="{x}" y="{y}">{label}</text>' if label else ""
    return f'<g class="move"><title>{source} → {target}</title><path d="{route.path}"/>{text}</g>'


def _status(status: JobStatus, box: Box) -> str:
    x, y = box.middle
    return (
        f'<g class="status"><title>{escape(status.sentence)}</title><rect {_at(box)} rx="5"/>'
        f'<rect {_at(box._replace(width=6))} rx="3" style="fill:{COLOURS[status]};stroke:none"/>'
        f'<text x="{x + 3}" y="{y + 4.5}">{status.label}</text></g>'
    )


def _box(name: str) -> Box:
    return FRAMES[name][1] if name in FRAMES else PLACES[JobStatus.parse(name)]


def _at(box: Box) -> str:
    return f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"'


class StatusDiagram(SphinxDirective):
    """The diagram."""

    def run(self) -> list[nodes.Node]:
        """Draw it into the page."""
        return [nodes.raw("", svg(), format="html")]


class StatusTable(SphinxDirective):
    """Each status, what it means, and where it may go."""

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        rows = [
            [f"``{status.label}``", status.sentence, ", ".join(target.label for target in sorted(MOVES[status]))]
            for status in JobStatus
        ]
        return [table(("status", "meaning", "may become"), rows, widths=(2, 5, 5))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("status-diagram", StatusDiagram)
    app.add_directive("status-table", StatusTable)
    return {"parallel_read_safe": True}
