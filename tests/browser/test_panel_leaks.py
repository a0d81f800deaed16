"""What the panel leaves behind when it is opened and closed again and again: nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from browser.page import Page
from browser.panel import Panel
from browser.played import Played
from playwright.sync_api import CDPSession, expect
from services.jupyter import JupyterServer

from torc_nb.models import JobStatus

#: How often it is opened and closed between two counts; how many times as often before the first; how often is counted.
TIMES, FIRST, COUNTS = 10, 3, 5


def test_opening_and_closing_leaves_nothing(
    open_lab: Callable[..., Page], played: Callable[..., Played], lab: JupyterServer
) -> None:
    """Fifty times, the panel and in it workflows of 3 and of 1,000 jobs: no listener and no element stays.

    JupyterLab makes some of its own now and then; what leaks would be more at each count.
    """
    for name, jobs in (("small", 3), ("large", 1000)):
        played(lab, name, jobs).begin(1)
    page = open_lab()
    panel = Panel(page)
    panel.refresh()

    def once(name: str) -> None:
        panel.workflow(name).click()
        panel.tab("jobs")
        expect(panel.row(1)).to_contain_text("running")
        page.command("application:toggle-left-area")
        page.command("application:toggle-left-area")
        panel.button("← All").click()

    def often() -> None:
        for n in range(TIMES):
            once("small" if n % 2 else "large")

    for _ in range(FIRST):  # what is made at first and kept is no leak: it stops growing
        often()
    session = page.context.new_cdp_session(page.page)
    session.send("Performance.enable")
    counts = [held(session)]
    for _ in range(COUNTS):
        often()
        counts.append(held(session))
    for what in ("JSEventListeners", "Nodes"):
        grown = [after[what] - before[what] for before, after in pairwise(counts)]
        assert min(grown) < TIMES, (what, grown)


@pytest.mark.parametrize("left", ["the list", "a workflow"])
def test_what_nobody_looks_at_is_hardly_asked_for(
    open_lab: Callable[..., Page], played: Callable[..., Played], lab: JupyterServer, left: str
) -> None:
    """While nothing moves a closed panel asks for the lists once a minute, for nothing else; at once when opened."""
    workflow = played(lab, "unseen", 3)
    workflow.begin(3)
    workflow.end()
    page = open_lab(clock=True)
    panel = Panel(page)
    panel.open("unseen")
    panel.tab("jobs")
    expect(panel.row(1)).to_contain_text("completed")
    if left == "the list":
        panel.button("← All").click()
    page.command("application:toggle-left-area")
    expect(panel.root).not_to_be_visible()
    page.let_pass(3)  # what was under way ends
    asked = page.listen("/torc-nb/")
    for _ in range(10):
        page.let_pass(60)
    lists = {name: [one for one in asked if f"/torc-nb/{name}?" in one] for name in ("workflows", "databases")}
    assert 8 <= len(lists["workflows"]) <= 11, asked
    assert len(lists["databases"]) <= 11, asked
    assert len(asked) == sum(map(len, lists.values())), asked

    workflow.api.rerun(workflow.id, [JobStatus.COMPLETED], [1])
    page.command("application:toggle-left-area")
    if left == "the list":
        expect(panel.workflow("unseen")).to_contain_text("2 of 3 completed")
    else:
        expect(panel.row(1)).to_contain_text("ready")


def held(session: CDPSession) -> dict[str, int]:
    """What the page holds after its garbage was collected: elements, and who listens to them."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: int(one["value"]) for one in session.send("Performance.getMetrics")["metrics"]}
    return {name: metrics[name] for name in ("JSEventListeners", "Nodes")}
