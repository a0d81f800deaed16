"""Jobs on workers over time: where their boxes stand, what is added up, and what is said."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from plots.seen import boxes, colours, nothing_overlaps, written
from store.scene import Scene, completion

from torc_nb import plots
from torc_nb.api import Api
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS

DAY = 86400.0


def drawn(api: Api, scene: Scene, **chosen: Any) -> Figure:
    """The timeline of the scene's workflow."""
    return plots.timeline(api.timeline(scene.id, **chosen))


def ran(scene: Scene, worker: Any, *times: tuple[float, float], status: JobStatus = JobStatus.COMPLETED) -> None:
    """Let claimed jobs have run, each from when and for how long."""
    claims = scene.claim(worker, len(times))
    assert len(claims) == len(times)
    done = [
        completion(claim, status, started=started, seconds=seconds)
        for claim, (started, seconds) in zip(claims, times, strict=True)
    ]
    scene.exchange(worker, completions=done)


def test_each_attempt_is_a_box_in_its_workers_row(api: Api, scene: Scene) -> None:
    """From when to when it ran, in the colour of how it ended; those at one time beside each other, a gap stays one."""
    scene.declare(range(5))
    first, second = scene.worker(host="a", num_cpus=2), scene.worker(host="b", num_cpus=1)
    ran(scene, first, (1000, 10), (1005, 10), (1030, 5))
    ran(scene, second, (1001, 4), status=JobStatus.FAILED)
    figure = drawn(api, scene)
    (ax,) = figure.axes
    found = boxes(ax)
    assert {label: len(some) for label, some in found.items()} == {"completed": 3, "failed": 1}
    assert np.array([box[:2] for box in found["completed"]]) * DAY == pytest.approx(
        np.array([[1000, 1010], [1005, 1015], [1030, 1035]])
    )
    (_, _, top, bottom), (_, _, other_top, other_bottom), (_, _, third_top, third_bottom) = found["completed"]
    assert -0.5 < other_top < other_bottom <= top < bottom < 0.5
    assert (third_top, third_bottom) == pytest.approx((top, bottom))
    (failed,) = found["failed"]
    assert failed[:2] == pytest.approx((1001 / DAY, 1005 / DAY))
    assert 0.5 < failed[2] < failed[3] < 1.5
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a\n2 CPUs", "b\n1 CPU"]
    assert colours(ax)["completed"] == COLOURS[JobStatus.COMPLETED]
    assert colours(ax)["failed"] == COLOURS[JobStatus.FAILED]


def test_what_runs_now_is_a_number_right_of_now(api: Api, scene: Scene) -> None:
    """As nobody knows when it began, beside what has ended; without it the picture ends with the last end."""
    scene.declare(range(3))
    worker = scene.worker()
    now = time.time()
    (claim, *rest) = scene.claim(worker)
    scene.exchange(worker, started=rest, completions=[completion(claim, started=now, seconds=0.1)])
    figure = drawn(api, scene)
    (ax,) = figure.axes
    (line,) = [line for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert now <= line.get_xdata()[0] * DAY < now + 60
    (number,) = [text for text in ax.texts if text.get_text() == "2"]
    assert line.get_xdata()[0] < number.get_position()[0] < ax.get_xlim()[1]
    assert colours(ax)["running"] == COLOURS[JobStatus.RUNNING]
    assert "running now" in written(figure)
    scene.complete(worker, rest, started=now, seconds=0.2)
    assert "running" not in written(done := drawn(api, scene))
    assert done.axes[0].get_xlim()[1] * DAY == pytest.approx(now + 0.2, abs=1e-3)


@pytest.mark.parametrize("total", [0, 1, 3])
def test_nothing_ended_is_said(api: Api, scene: Scene, total: int) -> None:
    """In a sentence, in place of empty axes."""
    scene.declare(range(total))
    said = {0: "There are no jobs yet.", 1: "The one job has not ended yet.", 3: "None of 3 jobs has ended yet."}
    figure = drawn(api, scene)
    assert said[total] in written(figure)
    assert not figure.axes[0].axison


def test_maps_and_runs_are_chosen(api: Api, scene: Scene) -> None:
    """The attempts of some maps, or of one run, alone."""
    one, two = scene.declare(range(2), "one"), scene.declare(range(3), "two")
    worker = scene.worker()
    scene.run_all(worker)
    for chosen, n in (({}, 5), ({"map_ids": [two.map_id]}, 3), ({"map_ids": [one.map_id], "run_id": 1}, 2)):
        assert len(boxes(drawn(api, scene, **chosen).axes[0])["completed"]) == n
    assert "jobs has ended" in written(drawn(api, scene, run_id=2))


@pytest.mark.timeout(100)
def test_many_are_added_up_exactly(api: Api, scene: Scene) -> None:
    """100,000 attempts become some hundred boxes whose area is the time that they took, by worker and status."""
    n = 100_000
    scene.declare(range(n))
    generator = np.random.default_rng(1)
    seconds = dict.fromkeys(("completed", "failed"), 0.0)
    workers = [scene.worker(host=f"n{number}", num_cpus=8) for number in range(2)]
    for worker, share in ((workers[0], 0.9), (workers[1], 0.1)):
        claims = scene.claim(worker, int(share * n))
        took = generator.exponential(3, len(claims))
        began = 1e9 + generator.uniform(0, 1000, len(claims))
        done = [
            completion(
                claim, JobStatus.FAILED if number % 5 == 0 else JobStatus.COMPLETED,
                started=float(began[number]), seconds=float(took[number]),
            )
            for number, claim in enumerate(claims)
        ]  # fmt: skip
        scene.exchange(worker, completions=done)
        for number, duration in enumerate(took):
            seconds["failed" if number % 5 == 0 else "completed"] += float(duration)
    found = api.timeline(scene.id)
    assert found.spans is None
    assert len(found.heaps) < 20_000
    figure = plots.timeline(found)
    shown = boxes(figure.axes[0])
    assert sum(map(len, shown.values())) <= 2 * 2 * found.stretches
    areas = {
        label: sum((right - left) * (foot - top) for left, right, top, foot in some) for label, some in shown.items()
    }
    assert areas["failed"] / areas["completed"] == pytest.approx(seconds["failed"] / seconds["completed"], rel=1e-6)
    rows = [sum((r - le) * (foot - top) for some in shown.values() for le, r, top, foot in some if round(foot) == row)
            for row in (0, 1)]  # fmt: skip
    assert rows[0] / rows[1] == pytest.approx(9, rel=0.1)
    assert "jobs at a time" in written(figure)


def test_many_workers_share_rows(api: Api, scene: Scene) -> None:
    """Of a hundred workers each row has three, and says so; labels do not cover each other."""
    scene.declare(range(100))
    for number in range(100):
        ran(scene, scene.worker(host=f"node{number:03d}", num_cpus=4), (1000 + number, 50))
    figure = drawn(api, scene)
    (ax,) = figure.axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == 34
    assert labels[0] == "node000 to node002\n3 workers, 12 CPUs"
    assert nothing_overlaps(ax)


def test_hostile_names_are_drawn_as_they_are(api: Api, scene: Scene) -> None:
    """Formulas are none, long names are cut, letters of other scripts stand or are boxes; no warning, no overlap."""
    scene.declare(range(3))
    for host in ("$\\frac{a}$" + "x" * 200, "שלום-\u202eعربى", "節点\n一\x07🎉"):
        ran(scene, scene.worker(host=host), (1000, 50))
    figure = drawn(api, scene)
    (ax,) = figure.axes
    assert any(label.get_text().startswith("$\\frac{a}$") for label in ax.get_yticklabels())
    assert not any(label.get_parse_math() for label in ax.get_yticklabels())
    assert max(len(line) for label in ax.get_yticklabels() for line in label.get_text().split("\n")) <= 28
    assert nothing_overlaps(ax)


def test_it_is_drawn_into_axes_that_are_there(api: Api, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And their figure is what is returned; the notebook's own style is as it was."""
    import matplotlib as mpl

    scene.declare(range(2))
    scene.run_all(scene.worker())
    own = Figure()
    left, right = own.subplots(1, 2)
    monkeypatch.setitem(mpl.rcParams, "font.size", 17)
    before = dict(mpl.rcParams)
    assert plots.timeline(api.timeline(scene.id), right) is own
    assert boxes(right)
    assert not boxes(left)
    assert dict(mpl.rcParams) == before
