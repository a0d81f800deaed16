"""Values, names and errors that are HTML stay text where a notebook shows a table."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from torc_nb import frames
from torc_nb.api import MapStatus, Status
from torc_nb.frames import results
from torc_nb.models import EventModel, JobStatus, WorkflowModel
from torc_nb.store.failures import Failure
from torc_nb.values import decode, encode

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table><b onclick='x'>&lt;"]


class Loud:
    """An object that says of itself what it likes."""

    def __repr__(self) -> str:
        return HOSTILE[0]


def _is_text(frame: Any) -> bool:
    shown = frame._repr_html_()
    return "&lt;" in shown and not any(bad in shown for bad in ("<script>alert", "<img", "<b onclick"))


@pytest.mark.parametrize("bad", HOSTILE)
def test_values_and_their_names(bad: str) -> None:
    """As a value, within one, as a parameter's name, as a label, as an object's own words."""
    key = encode(bad).text
    rows = [(1, key, int(JobStatus.COMPLETED), encode({bad: bad, "x": [bad]}).text, encode({bad: {"y": bad}}).text)]
    shape = {"kind": "table", "labelled": True, "index": [bad], "columns": [bad, "x"]}
    frame = results(rows, shape, None, decode)
    assert _is_text(frame)
    frame["loud"] = [Loud()]
    assert _is_text(frame)


@pytest.mark.parametrize("bad", HOSTILE)
def test_failures_events_and_statuses(bad: str) -> None:
    """What jobs fail with, and what things are called."""
    said = dict.fromkeys(Failure._fields, bad) | {"count": 1, "job_id": 1, "job_ids": (1,), "shared": (bad,)}
    failure = Failure(**said)
    assert _is_text(frames.failures([failure]))
    assert _is_text(frames.records(EventModel, [EventModel(id=1, workflow_id=1, kind=bad, data={bad: bad})]))
    numbers = {JobStatus.FAILED: 1}
    status = Status(WorkflowModel(id=1, name=bad), numbers, [MapStatus(1, bad, numbers)], [], [], [])
    assert _is_text(frames.statuses(status))


def test_a_value_left_unread() -> None:
    """A placeholder's type is its writer's word."""
    text = encode(Fraction(1, 2)).text.replace("Fraction", "<img src=x onerror=alert(1)>")
    frame = results([(1, None, int(JobStatus.COMPLETED), "1", text)], {}, None, lambda one: decode(one, unpickle=False))
    assert _is_text(frame)
