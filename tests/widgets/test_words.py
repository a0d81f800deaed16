"""One line of text on how a workflow stands, and how fast it goes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS
from torc_nb.widgets import text_line
from torc_nb.widgets.pace import WINDOW, Pace, Rate


def test_the_line(stands: Any) -> None:
    """Completed of all, then what is notable, then rate and time left."""
    status = stands(completed=312, failed=3, running=2, ready=49_683)
    assert text_line(status) == "sweep: 312 of 50,000 completed, 3 failed, 2 running"
    assert text_line(status, Rate(1204.2, 0.1, 1.0)) == (
        "sweep: 312 of 50,000 completed, 3 failed, 2 running · 1,204/s · 37 to 47 s left"
    )
    assert text_line(status, Rate(0.25, 0.0, 0.0)).endswith("· 15.0/min · 2.3 d left")
    assert text_line(status, Rate(0.001, 1.0, 1.0)).endswith("· 3.6/h · over 252 d left")


def test_a_workflow_that_is_done_has_no_time_left(stands: Any) -> None:
    """The final line depends on nothing but the jobs."""
    assert text_line(stands(completed=2, canceled=1), Rate(10.0, 0.0, 0.0)) == "sweep: 2 of 3 completed, 1 canceled"
    assert text_line(stands()) == "sweep: no jobs yet"


def test_results_of_several_versions(stands: Any) -> None:
    """How many are by which, where there are several."""
    status = replace(stands(completed=50_000), versions={"run": {"v1": 49_688, "v2": 312}})
    assert text_line(status) == "sweep: 50,000 of 50,000 completed · run: 49,688 by v1, 312 by v2"


def test_a_hostile_name_stays_on_its_line(stands: Any) -> None:
    """Line breaks, control characters and reversed writing reach no terminal."""
    line = text_line(stands(name="a\n\x1b[2Jb\u202ec", completed=1))
    assert line == "a �[2Jb�c: 1 of 1 completed"


def test_every_status_has_a_colour_of_its_own() -> None:
    """No two statuses look alike."""
    assert set(COLOURS) == set(JobStatus)
    assert len(set(COLOURS.values())) == len(JobStatus)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    """A slow start long ago does not count."""
    pace = Pace()
    assert pace.rate is None
    for second in range(100):
        pace.observe(second, 0 if second < 50 else 10 * (second - 50))
    assert pace.rate.per_second == pytest.approx(10.0)
    assert len(pace._seen) <= WINDOW + 2


def test_the_rate_of_long_jobs_is_that_of_the_last_twenty() -> None:
    """One in ten minutes has a rate too, and what is remembered does not grow without end."""
    pace = Pace()
    for second in range(0, 20_000, 5):
        pace.observe(second, second // 600)
    assert pace.rate.per_second == pytest.approx(1 / 600, rel=0.1)
    assert len(pace._seen) <= 250


def test_what_is_recalled_gives_a_rate_at_once() -> None:
    """The time before the first end does not count as time without one."""
    pace = Pace()
    pace.recall(1000.0, 12, [2, 2, 2, 2, 0, 0, 0, 0], 60.0)
    pace.observe(1000.0, 12)
    assert pace.rate.per_second == pytest.approx(2 / 60)
    pace.recall(1000.0, 12, [0, 0], 60.0)
    pace.observe(1000.0, 12)
    assert pace.rate is None


@pytest.mark.parametrize("heap", [1, 5])
def test_eight_of_ten_times_it_takes_as_long_as_said(heap: int) -> None:
    """For jobs that finish independently, one by one or in heaps, at any time of the run."""
    luck = random.Random(7)
    right = []
    for _ in range(400):
        ends = [0.0]
        while len(ends) < 400 // heap:
            ends.append(ends[-1] + luck.expovariate(1.0 / heap))
        seen = luck.uniform(40, 300)
        pace = Pace()
        for second in range(int(seen)):
            pace.observe(second, heap * sum(end <= second for end in ends))
        finished = heap * sum(end <= int(seen) - 1 for end in ends)
        left = heap * len(ends) - finished
        if left and pace.rate:
            least, most = pace.rate.left(left)
            right.append(least <= ends[-1] - (int(seen) - 1) <= most)
    assert len(right) > 300
    assert 0.7 <= sum(right) / len(right) <= 0.9


def test_no_rate_is_made_up() -> None:
    """Nothing finished, or seen once only, or run again: no rate."""
    pace = Pace()
    pace.observe(0.0, 5)
    assert pace.rate is None
    pace.observe(0.0, 6)
    assert pace.rate is None
    pace.observe(10.0, 16)
    assert pace.rate.per_second == pytest.approx(1.1)
    pace.observe(11.0, 3)
    assert pace.rate is None
    pace.observe(13.0, 3)
    assert pace.rate is None
