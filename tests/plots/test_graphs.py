"""Stages from left to right: where nodes stand, what joins them, and what is written and coloured in them."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from typing import Any

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from plots.seen import written
from store.scene import COLLECT, Scene

from torc_nb import plots
from torc_nb.api import Api, Stage, Stages
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS
from torc_nb.plots.groups import grouped
from torc_nb.plots.layers import layered
from torc_nb.store.stages import Edge


def made(names: list[str], edges: list[tuple[int, int]]) -> Stages:
    """Stages of one completed job each, and who waits for whom."""
    stages = [Stage(("job", number), name, {JobStatus.COMPLETED: 1}) for number, name in enumerate(names)]
    return Stages("w", stages, [Edge(("job", first), ("job", second), gives=False) for first, second in edges])


def nodes(figure: Figure) -> dict[str, Any]:
    """The left and upper ends of the boxes, by the name written in them."""
    (ax,) = figure.axes
    frames = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    found = {}
    for text in ax.texts:
        x, y = text.get_position()
        around = [
            f
            for f in frames
            if f.get_x() < x < f.get_x() + f.get_width() and f.get_y() < y < f.get_y() + f.get_height()
        ]
        if around and text.get_weight() == "bold":
            found[text.get_text()] = (around[-1].get_x(), around[-1].get_y())
    return found


def test_maps_postprocess_and_what_waits_for_them(api: Api, scene: Scene) -> None:
    """Each right of what it waits for; solid where it is given results, else dashed; statuses in colour."""
    first = scene.declare(range(4), "first")
    scene.declare(range(3), "after", blocked_by_maps=(first.map_id,), postprocess_id=COLLECT)
    worker = scene.worker()
    claims = scene.claim(worker, 4)
    scene.complete(worker, claims[:3])
    scene.complete(worker, claims[3:], JobStatus.FAILED)
    figure = plots.graph(api.stages(scene.id))
    (ax,) = figure.axes
    found = nodes(figure)
    assert found["first"][0] < found["after"][0] < found["postprocess"][0]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert sorted(str(arrow.get_linestyle()) == "solid" for arrow in arrows) == [False, True]
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    widths = {(bar.get_label(), round(bar.get_width(), 3)): to_hex(bar.get_facecolor()) for bar in bars}
    whole = sum(bar.get_width() for bar in bars if bar.get_label() in ("completed", "failed"))
    assert widths["completed", round(whole * 3 / 4, 3)] == COLOURS[JobStatus.COMPLETED]
    assert widths["failed", round(whole / 4, 3)] == COLOURS[JobStatus.FAILED]
    said = written(figure)
    assert all(text in said for text in ("3 of 4 completed", "0 of 3 completed", "gives its results", "is waited for"))


def test_thousands_of_jobs_are_a_few_nodes() -> None:
    """Those whose names differ in numbers, by depth; the edges between them are one."""
    names = [f"mesh {number}" for number in range(2000)] + [f"solve {number}" for number in range(2000)] + ["report"]
    edges = [(number, 2000 + number) for number in range(2000)] + [(2000 + number, 4000) for number in range(2000)]
    figure = plots.graph(made(names, edges))
    found = nodes(figure)
    assert list(found) == ["2,000 of mesh …", "2,000 of solve …", "report"]
    assert len([patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]) == 2
    assert written(figure).count("2,000 of 2,000 completed") == 2
    others = [chr(97 + n % 26) * (1 + n // 26) for n in range(200)]
    assert list(nodes(plots.graph(made(others, [])))) == ["a and 199 more"]


def test_a_few_stay_as_they_are() -> None:
    """Thirty nodes are not grouped."""
    assert len(grouped(made([f"job {n}" for n in range(30)], [])).nodes) == 30
    assert len(grouped(made([f"job {n}" for n in range(31)], [])).nodes) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_layout_covers_nothing(seed: int) -> None:
    """Whatever waits for what: each right of what it waits for, a row apart, also from lines that pass."""
    chance = random.Random(seed)
    n = chance.randrange(1, 25)
    lines = [(a, b) for a, b in combinations(range(n), 2) if chance.random() < 0.15]
    layout = layered(list(range(n)), lines)
    assert all(layout.places[a].layer < layout.places[b].layer for a, b in lines)
    points = [*layout.places.values(), *(point for route in layout.routes.values() for point in route[1:-1])]
    assert all(a.layer != b.layer or abs(a.row - b.row) > 0.999 for a, b in combinations(points, 2))
    for (a, b), route in layout.routes.items():
        assert (route[0], route[-1]) == (layout.places[a], layout.places[b])
        assert all(two.layer == one.layer + 1 for one, two in pairwise(route))
    assert 0 <= min(point.row for point in points) <= max(point.row for point in points) < layout.height


def test_lines_that_need_not_cross_do_not() -> None:
    """Three chains in a bad order are drawn one below the other."""
    layout = layered(["a", "b", "c", 3, 1, 2], [("a", 1), ("b", 2), ("c", 3)])
    assert all(layout.places[name].row == layout.places[number].row for name, number in (("a", 1), ("b", 2), ("c", 3)))


def test_hostile_names(api: Api, scene: Scene) -> None:
    """Are cut to fit their box, are no formulas, and raise no warning."""
    scene.declare(range(1), "$x_{" + "W" * 100)
    scene.declare(range(1), "שלום 節点 \x07 🎉")
    figure = plots.graph(api.stages(scene.id))
    figure.canvas.draw()
    (ax,) = figure.axes
    names = [text for text in ax.texts if text.get_weight() == "bold"]
    assert names[0].get_text().startswith("$x_{WWW")
    frame = next(patch for patch in ax.patches if isinstance(patch, FancyBboxPatch))
    for name in names:
        assert not name.get_parse_math()
        assert name.get_window_extent().width < frame.get_window_extent().width
    assert "There are no jobs yet." in written(plots.graph(Stages("empty", [], [])))


def test_the_legend_has_room_for_every_status() -> None:
    """Whatever the number of nodes it stands within the picture, and covers none."""
    statuses = dict.fromkeys(JobStatus, 1)
    stages = [Stage(("map", number), f"map {number}", statuses) for number in range(2)]
    edges = [Edge(("map", 0), ("map", 1), gives=True)]
    figure = plots.graph(Stages("w", stages, edges))
    figure.canvas.draw()
    (ax,) = figure.axes
    legend = ax.get_legend().get_window_extent()
    assert 0 <= legend.x0 < legend.x1 <= figure.bbox.width
    frames = [patch.get_window_extent() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    title = next(text for text in ax.texts if text.get_gid() == "title").get_window_extent()
    assert not any(legend.overlaps(other) for other in [*frames, title])
