"""The view as HTML: whole, honest, and escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from torc_nb.api import MapStatus
from torc_nb.models import AllocationModel, JobStatus, WorkerModel
from torc_nb.widgets import html, markup, shown
from torc_nb.widgets.pace import Rate

HOSTILE = "</div><script>alert('&\"')</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would make of it: elements, the text, and whether they are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def worker(**values: Any) -> WorkerModel:
    """A worker on n1."""
    usual = {"id": 1, "workflow_id": 1, "host": "n1", "pid": 5, "num_cpus": 36, "memory": 2**37, "last_seen": 1e9}
    return WorkerModel(**(usual | values))


def test_jobs_workers_and_allocations_are_shown(stands: Any) -> None:
    """Numbers, rate, time left, who works, what is waited for and why, what failed and its log's end."""
    waiting = [
        AllocationModel(id=i, workflow_id=1, kind="slurm", scheduler_job=f"12_{i}", message="pending: Resources")
        for i in range(3)
    ]
    message = "its worker never reported; Slurm says FAILED:\nmodule: command not found\nbye"
    failed = [AllocationModel(id=9, workflow_id=1, kind="slurm", scheduler_job="13", message=message, log="/x/13.log")]
    status = stands(
        completed=10,
        failed=1,
        ready=9,
        workers=[worker(num_gpus=2)],
        waiting=waiting,
        allocated=[AllocationModel(id=7, workflow_id=1, kind="slurm", scheduler_job="11_4", submitted=1e9)],
        allocations_failed=failed,
        now=2e9,
    )
    text = Page(html(status, rate=Rate(3.0, 0.0, 0.0))).text
    for part in (
        "10 of 20 completed · 3.0/s · 3 s left",
        "1 failed",
        "1 worker, 36 CPUs",
        "n1",
        "2 GPUs",
        "128 GB",
        "silent since 2001-09-09",
        "1 allocation running (11_4)",
        "3 allocations awaited (12_0, 12_1, 12_2): pending: Resources",
        "Allocation 13 failed: its worker never reported",
        "module: command not found\nbye",
        "/x/13.log",
    ):
        assert part in text


def test_hostile_texts_stay_texts(stands: Any) -> None:
    """Names, hosts, reasons and logs may hold markup; none of it becomes an element or an attribute."""
    allocation = AllocationModel(
        id=1, workflow_id=1, kind="slurm", scheduler_job=HOSTILE, message=f"{HOSTILE}\n{HOSTILE}", log=HOSTILE
    )
    maps = [MapStatus(1, HOSTILE, {JobStatus.READY: 1}), MapStatus(2, HOSTILE, {})]
    status = stands(
        name=HOSTILE,
        ready=1,
        maps=maps,
        workers=[worker(host=HOSTILE)],
        waiting=[allocation],
        allocations_failed=[allocation],
    )
    page = Page(html(status) + markup.trouble(shown.trouble(HOSTILE, HOSTILE, 0.0)))
    assert set(page.elements) <= {"div", "span", "b", "i", "table", "tr", "td", "pre"}
    assert {name for name, _ in page.attributes} <= {"style", "class", "title", "role", "aria-label"}
    assert page.text.count("<script>") == 13


def test_few_failures_among_many_can_be_seen(stands: Any) -> None:
    """One failed job of a million has a part of the bar with a least width, and its number."""
    source = html(stands(completed=999_999, failed=1))
    assert 'title="1 failed" style="flex:1 0 0px;min-width:3px' in source
    assert "wf.failures() says why" in source


def test_what_to_type_where_nothing_goes_on(stands: Any) -> None:
    """Jobs without a worker say how to get one; with one on the way they do not."""
    assert "wf.run() starts one here" in html(stands(ready=1))
    assert "wf.run()" not in html(stands(ready=1, workers=[worker()]))
    assert "wf.run()" not in html(stands(ready=1, waiting=[AllocationModel(id=1, workflow_id=1)]))
    assert "wf." not in html(stands(completed=1))


def test_many_of_everything_stay_readable(stands: Any) -> None:
    """Hundreds of nodes, maps and failed allocations are cut, and the rest is counted."""
    status = stands(
        ready=1,
        maps=[MapStatus(i, f"map{i}", {JobStatus.READY: 1}) for i in range(50)],
        workers=[worker(id=i) for i in range(300)],
        allocations_failed=[AllocationModel(id=i, workflow_id=1, message=f"reason {i}") for i in range(9)],
    )
    source = html(status)
    assert len(source) < 30_000
    text = Page(source).text
    for part in (
        "300 workers",
        "and 280 more workers",
        "and 30 more maps",
        "and 6 more failed allocations",
        "reason 8",
    ):
        assert part in text
    assert "reason 0" not in text


def test_an_empty_workflow(stands: Any) -> None:
    """No jobs is a state like others."""
    assert "no jobs yet" in Page(html(stands())).text
