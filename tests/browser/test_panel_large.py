"""The panel and workflows of 3 and of 100,000 jobs that move: what is seen is right, and only that exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.page import Page
from browser.panel import Panel
from browser.played import Played
from playwright.sync_api import expect
from services.jupyter import JupyterServer

from torc_nb.models import JobStatus


@pytest.mark.parametrize("jobs", [3, 100_000])
def test_jobs_that_move_are_found_wherever_they_stand(
    open_lab: Callable[..., Page], played: Callable[..., Played], lab: JupyterServer, jobs: int
) -> None:
    """At the end, in the middle and by status, while others end; each row once, and no more than fit on the page."""
    workflow = played(lab, f"long-{jobs}", jobs)
    workflow.begin(2)
    (failed,) = workflow.end(1, JobStatus.FAILED)
    page = open_lab()
    panel = Panel(page)
    expect(panel.workflow(f"long-{jobs}")).to_contain_text(f"0 of {jobs:,} completed, 1 failed, 1 running")
    panel.open(f"long-{jobs}")
    expect(panel.root.locator("[data-map=work]")).to_contain_text(f"0 of {jobs:,} completed, 1 failed, 1 running")
    panel.tab("jobs")
    expect(panel.row(1)).to_contain_text("failed")
    expect(panel.row(2)).to_contain_text("running")

    workflow.end()
    panel.refresh()
    expect(panel.row(2)).to_contain_text("completed")
    panel.list.focus()
    panel.list.press("End")
    expect(panel.row(jobs)).to_contain_text("ready" if jobs > 2 else "completed")
    assert panel.rows.count() < 100
    asked, traffic = page.listen("/jobs?"), page.count("/jobs?")
    panel.scroll_to(0.5)
    expect(panel.row(jobs // 2 + 1)).to_be_visible()
    expect(panel.coming).to_have_count(0)
    numbers = panel.numbers
    assert numbers == list(range(numbers[0], numbers[0] + panel.rows.count()))
    assert len(numbers) < 100
    panel.drag(frames=120)
    expect(panel.row(jobs)).to_be_visible()
    expect(panel.coming).to_have_count(0)
    assert panel.root.get_by_role("alert").count() == 0
    assert all("limit=100&" in one for one in asked), asked
    # Two of a hundred rows may be on the page, and asked for anew by the panel's own look while they come.
    assert traffic.most <= 4, "what was scrolled past was asked for"

    workflow.begin(1)
    panel.refresh()
    expect(panel.legend).to_contain_text("1 running")
    panel.choose_status("failed")
    expect(panel.rows).to_have_count(1)
    expect(panel.row(failed)).to_contain_text("ValueError: bad")
    panel.choose_status("running")
    expect(panel.rows).to_have_count(1)
    (ended,) = workflow.end()
    panel.refresh()
    expect(panel.root).to_contain_text("No such job.")
    panel.choose_status("completed")
    expect(panel.row(ended)).to_contain_text("completed")
    expect(panel.rows).to_have_count(2)
