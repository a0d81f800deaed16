"""How long jobs took: columns, marks, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from plots.seen import colours, nothing_overlaps, written
from store.scene import Scene, completion

from torc_nb import plots
from torc_nb.api import Api, MapUsage, Usage
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS
from torc_nb.store.usage import Most, Used


def took(scene: Scene, worker: Any, seconds: list[float], status: JobStatus = JobStatus.COMPLETED) -> None:
    """Let claimed jobs have taken so long."""
    claims = scene.claim(worker, len(seconds))
    done = [completion(claim, status, seconds=time) for claim, time in zip(claims, seconds, strict=True)]
    scene.exchange(worker, completions=done)


def drawn(api: Api, scene: Scene, **chosen: Any) -> Figure:
    """The durations of the scene's workflow."""
    return plots.durations(api.usage(scene.id, **chosen))


def columns(ax: Axes, label: str) -> list[tuple[float, float, float]]:
    """Where the columns of a status stand, and how high they are."""
    bars = [bar for group in ax.containers if group.get_label() == label for bar in group]
    return sorted((bar.get_x(), bar.get_width(), abs(bar.get_height())) for bar in bars)


def marks(ax: Axes) -> list[float]:
    """Where the upright marks stand."""
    upright = [line for line in ax.lines if len(set(line.get_xdata())) == 1]
    return sorted(float(line.get_xdata()[0]) for line in upright)


def test_columns_and_marks_stand_at_the_times(api: Api, scene: Scene) -> None:
    """A column is as high as there are jobs of its time; median and 95 % are of those that completed."""
    scene.declare(range(102))
    worker = scene.worker()
    took(scene, worker, [10.0] * 60 + [20.0] * 40)
    took(scene, worker, [30.0, 30.0], JobStatus.FAILED)
    figure = drawn(api, scene)
    ax = figure.axes[0]
    first, second = columns(ax, "completed")
    assert first[0] <= 10 <= first[0] + first[1]
    assert second[0] <= 20 <= second[0] + second[1]
    assert first[2] / second[2] == pytest.approx(60 / 40)
    (failed,) = columns(ax, "failed")
    assert failed[0] <= 30 <= failed[0] + failed[1]
    assert failed[2] / first[2] == pytest.approx(2 / 60)
    assert marks(ax) == pytest.approx([10, 20])
    assert "median 10 s\n95 % below 20 s" in written(figure)
    assert "m\n100 completed, 2 failed" in written(figure)
    assert ax.get_xlabel() == "run time of a job (s)"
    assert {status.label: COLOURS[status] for status in (JobStatus.COMPLETED, JobStatus.FAILED)} == {
        label: colour for label, colour in colours(ax).items() if label in ("completed", "failed")
    }


def test_running_ones_are_told_apart(api: Api, scene: Scene) -> None:
    """By their number, in no column; all that failed are a distribution too."""
    scene.declare(range(5))
    worker = scene.worker()
    took(scene, worker, [1.0, 1.0], JobStatus.FAILED)
    scene.exchange(worker, started=scene.claim(worker, 2))
    figure = drawn(api, scene)
    assert sum(height > 0 for _, _, height in columns(figure.axes[0], "failed")) == 1
    assert marks(figure.axes[0]) == [1, 1]
    assert "m\n2 failed, 2 running\n1 ready" in written(figure)


def test_times_that_differ_widely_are_on_a_clock_s_scale(api: Api, scene: Scene) -> None:
    """Logarithmic, with marks at a second, a minute, an hour."""
    scene.declare(range(4))
    took(scene, scene.worker(), [0.5, 60.0, 3600.0, 0.0])
    ax = drawn(api, scene).axes[0]
    assert ax.get_xscale() == "log"
    assert {"1 s", "1 min", "1 h"} <= {label.get_text() for label in ax.get_xticklabels()}
    assert sum(round(height / 0.78) for _, _, height in columns(ax, "completed")) == 4


def test_a_large_map_is_sampled_evenly(api: Api, scene: Scene) -> None:
    """Some ten thousand of 40,000, whatever pattern their times follow; the most is of all, and the sample is said."""
    scene.declare(range(40_000))
    took(scene, scene.worker(), [1.0 + number % 10 for number in range(39_999)] + [500.0])
    usage = api.usage(scene.id)
    (one,) = usage.maps
    assert (one.total, one.most[0].seconds) == (40_000, 500.0)
    assert 9_900 < len(one.sample) < 10_100
    counted = np.bincount([int(used.seconds) for used in one.sample if used.seconds < 100], minlength=11)[1:]
    assert counted.min() > 950
    assert f"from a sample of {len(one.sample):,}" in written(plots.durations(usage))


def test_of_many_maps_the_largest_are_shown(api: Api, scene: Scene) -> None:
    """Twenty, in the order of their declaration; or those asked for. Nothing covers anything."""
    maps = [scene.declare(range(2 if number else 1), f"map {number} {'long ' * 20}") for number in range(21)]
    scene.run_all(scene.worker())
    ax = drawn(api, scene).axes[0]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == 20
    assert labels[0].startswith("map 1 long")
    assert nothing_overlaps(ax)
    chosen = drawn(api, scene, map_ids=[maps[0].map_id]).axes[0]
    assert [label.get_text()[:5] for label in chosen.get_yticklabels()] == ["map 0"]


def test_what_is_no_number_is_left_out() -> None:
    """A time that is NaN or endless spoils no picture."""
    times = [float("nan"), float("inf"), 2.0]
    sample = [Used(1, int(JobStatus.COMPLETED), time, time, 2**30) for time in times]
    usage = Usage("w", [MapUsage("m", {JobStatus.COMPLETED: 3}, 3, sample, [Most(1, 3, 2.0, 2**30)])], {})
    assert marks(plots.durations(usage).axes[0]) == [2, 2]


@pytest.mark.parametrize("draw", [plots.durations, plots.resources])
@pytest.mark.parametrize("total", [0, 3])
def test_nothing_ended_is_said(api: Api, scene: Scene, total: int, draw: Any) -> None:
    """In a sentence, in place of empty axes."""
    scene.declare(range(total))
    figure = draw(api.usage(scene.id))
    assert ("None of 3 jobs has ended yet." if total else "There are no jobs yet.") in written(figure)
    assert not any(ax.axison for ax in figure.axes)
