"""Names and errors that are HTML stay text in every view of a notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from torc_nb.api import Cause, MapStatus
from torc_nb.models import AllocationModel, JobStatus, WorkerModel
from torc_nb.widgets import ProgressView, html, markup, shown
from torc_nb.widgets.pace import Rate

RATE = Rate(1.0, 0.0, 0.0)
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)"]


class _Page(HTMLParser):
    """Which elements and attributes a browser would find."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


def _is_text(shown: str) -> bool:
    return not any(name in ("script", "img", "src") or name.startswith("on") for name in _Page(shown).found)


@pytest.mark.parametrize("bad", HOSTILE)
def test_the_whole_view(stands: Any, made: Any, bad: str) -> None:
    """Of workflow, maps, versions, hosts, reasons, logs and their paths."""
    numbers = {JobStatus.FAILED: 1}
    said = {"scheduler_job": bad, "message": f"{bad}\n{bad}", "log": bad}
    allocation = AllocationModel(id=1, workflow_id=1, kind="slurm", **said)
    status = stands(
        name=bad,
        failed=1,
        maps=[MapStatus(1, bad, numbers), MapStatus(2, bad, numbers)],
        workers=[WorkerModel(id=1, workflow_id=1, host=bad, pid=1)],
        waiting=[allocation],
        allocations_failed=[allocation, allocation.model_copy(update={"kind": "local"})],
        versions={bad: {bad: 1, "v2": 1}},
        causes=[Cause(bad, bad, 1, 7, bad)],
    )
    assert _is_text(html(status, RATE))
    view = ProgressView(made(status), bad)
    view.look()
    assert _is_text(view.html)
    view.close()


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_line_and_trouble(made: Any, bad: str) -> None:
    """What `wait` shows, and an error of the database."""
    assert _is_text(markup.line(bad, {JobStatus.FAILED: 1}, RATE))
    assert _is_text(markup.trouble(shown.trouble(bad, bad, 0.0)))
    view = ProgressView(made(RuntimeError(bad)), bad)
    view.look()
    assert _is_text(view.html)
    view.close()
