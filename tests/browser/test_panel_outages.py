"""The panel and a database, or a server, that goes away: what was last known stays, marked as old, and is new again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.page import Page
from browser.panel import Panel
from browser.played import Played
from playwright.sync_api import expect
from services.jupyter import JupyterServer
from services.postgres_server import PostgresServer

from torc_nb.models import JobStatus


@pytest.mark.parametrize("jobs", [3, 1000])
def test_postgresql_goes_and_comes_back(
    open_lab: Callable[..., Page],
    played: Callable[..., Played],
    lab: JupyterServer,
    postgres_server: PostgresServer,
    postgres_url: str,
    jobs: int,
) -> None:
    """List, opened workflow and its jobs; while the server is down the panel has what it had, and says since when."""
    workflow = played(lab, f"far-{jobs}", jobs, postgres_url)
    workflow.begin(2)
    workflow.end(1, JobStatus.FAILED)
    page = open_lab()
    page.excused.append("status of 503")
    panel = Panel(page)
    panel.open(f"far-{jobs}")
    expect(panel.place).to_contain_text("postgresql")
    panel.tab("jobs")
    expect(panel.row(1)).to_contain_text("ValueError: bad")
    expect(panel.row(2)).to_contain_text("running")

    postgres_server.shut_down()
    try:
        panel.refresh()
        expect(panel.stale).to_contain_text("What stands here is of")
        expect(panel.row(2)).to_contain_text("running")
        expect(panel.legend).to_contain_text("1 running")
        page.screenshot("stale")
        panel.button("← All").click()
        expect(panel.workflow(f"far-{jobs}")).to_contain_text("does not answer")
    finally:
        postgres_server.bring_up()
    workflow.end()
    panel.refresh()
    expect(panel.workflow(f"far-{jobs}")).to_contain_text(f"1 of {jobs:,} completed, 1 failed")
    panel.open(f"far-{jobs}")
    expect(panel.stale).to_have_count(0)
    expect(panel.legend).to_contain_text("1 completed")


def test_jupyters_server_goes_and_comes_back(
    open_lab: Callable[..., Page], played: Callable[..., Played], lab: JupyterServer
) -> None:
    """As after a laptop's lid was closed, or behind a lost VPN."""
    workflow = played(lab, "beam", 3)
    workflow.begin(1)
    page = open_lab()
    page.excused += ["net::ERR_INTERNET_DISCONNECTED", "NetworkError|Failed to fetch|WebSocket"]
    panel = Panel(page)
    panel.open("beam")
    panel.tab("jobs")
    expect(panel.row(1)).to_contain_text("running")

    page.context.set_offline(True)
    panel.refresh()
    expect(panel.stale).to_contain_text("The Jupyter server does not answer; is it still running?")
    expect(panel.stale).to_contain_text("What stands here is of")
    expect(panel.row(1)).to_contain_text("running")
    workflow.end()
    page.context.set_offline(False)
    panel.refresh()
    expect(panel.stale).to_have_count(0)
    expect(panel.row(1)).to_contain_text("completed")
    expect(panel.legend).to_contain_text("1 completed")
