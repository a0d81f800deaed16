"""Asked for and used: where the bars and marks stand, for each thing and each that was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from plots.seen import nothing_overlaps, written
from store.scene import Scene, completion

from torc_nb import plots
from torc_nb.api import Api
from torc_nb.errors import InvalidRequest
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS

GIB = 2**30


def used(scene: Scene, *changes: dict[str, Any]) -> None:
    """Let claimed jobs have taken so much."""
    worker = scene.worker(num_cpus=64)
    claims = scene.claim(worker, len(changes))
    done = [
        completion(claim, change.get("status", JobStatus.COMPLETED))._replace(
            **{k: v for k, v in change.items() if k != "status"}
        )
        for claim, change in zip(claims, changes, strict=True)
    ]
    scene.exchange(worker, completions=done)


def at(ax: Axes, label: str) -> list[tuple[float, float]]:
    """Where marks of a kind stand: how far right, and in which row."""
    lines = [line for line in ax.lines if line.get_label() == label]
    return [(float(line.get_xdata()[0]), round(float(line.get_ydata()[0]) + 0.01)) for line in lines]


def drawn(api: Api, scene: Scene) -> Figure:
    """The resources of the scene's workflow."""
    return plots.resources(api.usage(scene.id))


def test_used_stands_beside_asked_for(api: Api, scene: Scene) -> None:
    """Memory in GiB, CPUs kept busy, run time; a row a map and requirement."""
    scene.declare(range(21), "run", requirement_id=scene.require(num_cpus=4, memory=20 * GIB, runtime=7200))
    used(scene, *({"peak_memory": n * GIB, "seconds": 3600.0, "cpu_seconds": 2 * 3600.0} for n in range(1, 22)))
    scene.declare(range(1), "small", requirement_id=scene.require(num_cpus=1))
    used(scene, {"peak_memory": GIB, "seconds": 1800.0, "cpu_seconds": 900.0})
    figure = drawn(api, scene)
    memory, cpus, runtime = figure.axes
    assert at(memory, "asked for") == [(20 * GIB, 0)]
    assert at(memory, "median")[0] == (11 * GIB, 0)
    assert at(memory, "most") == [(21 * GIB, 0), (GIB, 1)]
    bar, _ = memory.patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((2 * GIB, 20 * GIB))
    assert at(cpus, "asked for") == [(4, 0), (1, 1)]
    assert at(cpus, "median") == [(2, 0), (0.5, 1)]
    assert at(runtime, "asked for") == [(7200, 0)]
    assert at(runtime, "most") == [(3600, 0), (1800, 1)]
    assert [label.get_text() for label in memory.get_yticklabels()] == [
        "run\n21 jobs: 4 CPUs, 20 GB, 2 h 00 min", "small\n1 job: 1 CPU",
    ]  # fmt: skip
    assert memory.get_xlabel() == "peak memory of a job (GiB)"
    assert runtime.get_xlabel() == "run time of a job (h)"
    assert [label.get_text() for label in memory.get_xticklabels()][:2] == ["0", "5"]
    assert nothing_overlaps(memory)


def test_more_than_asked_for_is_seen(api: Api, scene: Scene) -> None:
    """Its dot has the colour of failures, and the legend says what that is; only where there is some."""
    scene.declare(range(2), requirement_id=scene.require(memory=GIB))
    used(scene, {"peak_memory": GIB // 2}, {"peak_memory": 3 * GIB, "status": JobStatus.FAILED})
    figure = drawn(api, scene)
    (dot,) = [line for line in figure.axes[0].lines if line.get_label() == "most"]
    assert to_hex(dot.get_color()) == COLOURS[JobStatus.FAILED]
    assert "more than asked for" in written(figure)


def test_what_was_not_measured_is_said(api: Api, scene: Scene) -> None:
    """In its row: no memory was seen, and a share of a CPU means nothing for a millisecond."""
    scene.declare(range(2))
    used(scene, *2 * [{"peak_memory": 0, "seconds": 0.001, "cpu_seconds": 0.002}])
    figure = drawn(api, scene)
    memory, cpus, runtime = figure.axes
    assert [text.get_text() for text in memory.texts] == ["not measured"]
    assert [text.get_text() for text in cpus.texts] == ["not measured, or too short to tell"]
    assert at(runtime, "median") == [(0.001, 0)]
    assert "more than asked for" not in written(figure)


def test_three_axes_are_taken(api: Api, scene: Scene) -> None:
    """Those of a figure that is there; any other number is refused, with what to type."""
    scene.declare(range(2))
    scene.run_all(scene.worker())
    own = Figure()
    axes = own.subplots(1, 3)
    assert plots.resources(api.usage(scene.id), axes) is own
    assert at(axes[1], "asked for") == [(1, 0)]
    with pytest.raises(InvalidRequest, match=r"three axes, not 2: .*subplots\(1, 3\)"):
        plots.resources(api.usage(scene.id), axes[:2])
