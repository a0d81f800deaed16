"""One line of text on how a workflow stands, and how fast it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS
from torc_nb.widgets import text_line
from torc_nb.widgets.pace import WINDOW, Pace


def test_the_line(stands: Any) -> None:
    """Completed of all, then what is notable, then rate and time left."""
    status = stands(completed=312, failed=3, running=2, ready=49_683)
    assert text_line(status) == "sweep: 312 of 50,000 completed, 3 failed, 2 running"
    assert text_line(status, 1204.2) == ("sweep: 312 of 50,000 completed, 3 failed, 2 running · 1,204/s · 41 s left")
    assert text_line(status, 0.25).endswith("· 15.0/min · 2 d 7 h left")


def test_a_workflow_that_is_done_has_no_time_left(stands: Any) -> None:
    """The final line depends on nothing but the jobs."""
    assert text_line(stands(completed=2, canceled=1), 10.0) == "sweep: 2 of 3 completed, 1 canceled"
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
    assert pace.rate == pytest.approx(10.0)
    assert len(pace._seen) <= WINDOW + 2


def test_no_rate_is_made_up() -> None:
    """Nothing finished, or seen once only, or run again: no rate."""
    pace = Pace()
    pace.observe(0.0, 5)
    assert pace.rate is None
    pace.observe(0.0, 6)
    assert pace.rate is None
    pace.observe(10.0, 16)
    assert pace.rate == pytest.approx(1.1)
    pace.observe(11.0, 3)
    assert pace.rate is None
    pace.observe(13.0, 3)
    assert pace.rate is None
