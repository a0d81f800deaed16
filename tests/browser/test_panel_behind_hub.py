"""The panel behind an address of its own and a token, as JupyterHub starts servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from browser.page import Page
from browser.panel import Panel
from browser.played import Played
from playwright.sync_api import expect
from services.jupyter import JupyterServer

from torc_nb.models import JobStatus


@pytest.fixture(scope="module")
def hubs_lab() -> Iterator[JupyterServer]:
    """JupyterLab under an address that begins with its user, for these tests."""
    with JupyterServer("lab", base="/user/ada") as server:
        yield server


def test_it_asks_below_that_address(
    open_lab: Callable[..., Page], played: Callable[..., Played], hubs_lab: JupyterServer
) -> None:
    """List, workflow, jobs, an act with its XSRF token, and what was open is open after a reload."""
    workflow = played(hubs_lab, "wing", 3)
    workflow.begin(2)
    (failed,) = workflow.end(1, JobStatus.FAILED)
    page = open_lab(hubs_lab)
    asked = page.listen("/torc-nb/")
    panel = Panel(page)
    panel.open("wing")
    panel.tab("jobs")
    expect(panel.row(failed)).to_contain_text("failed")
    with page.page.expect_request(re.compile("/actions")) as acting:
        panel.act("Rerun failed …", "Rerun")
    headers = acting.value.all_headers()
    assert headers["x-xsrftoken"] in headers["cookie"]
    expect(panel.done).to_contain_text("1 job(s) are ready again")
    expect(panel.row(failed)).to_contain_text("ready")
    assert asked
    assert all("/user/ada/torc-nb/" in one for one in asked), asked

    page.reopen()
    panel = Panel(page)
    expect(panel.title).to_have_text("wing")
    expect(panel.row(failed)).to_contain_text("ready")
    workflow.end()
    panel.refresh()
    expect(panel.legend).to_contain_text("1 completed")


def test_an_act_without_its_xsrf_token_is_refused(
    open_lab: Callable[..., Page], played: Callable[..., Played], hubs_lab: JupyterServer
) -> None:
    """As a page elsewhere would send it, with the user's cookies; nothing was done."""
    workflow = played(hubs_lab, "beam", 3)
    page = open_lab(hubs_lab)
    page.excused.append("status of 403")
    post = """async () => {
        const base = new URL("/user/ada/torc-nb/", location.href);
        const [found] = (await (await fetch(base + "workflows")).json()).filter(one => one.name === "beam");
        const address = `${base}databases/${found.database}/workflows/${found.id}/actions`;
        return (await fetch(address, { method: "POST", body: JSON.stringify({ act: "cancel" }) })).status;
    }"""
    assert page.evaluate(post) == 403
    assert workflow.api.get_workflow(workflow.id).state == "started"
