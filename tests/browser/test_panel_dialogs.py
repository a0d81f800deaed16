"""What the panel asks before it acts, what it says afterwards, and what it says where it may not, with 3 jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from browser.page import Page
from browser.panel import Panel
from browser.played import Played
from playwright.sync_api import expect
from services.jupyter import JupyterServer
from services.slurm_cluster import SlurmCluster
from services.workers import end_workers

from torc_nb.models import JobStatus


@pytest.fixture
def wing(played: Callable[..., Played], lab: JupyterServer) -> Played:
    """A workflow of which job 1 failed, 2 completed, and 3 is ready."""
    workflow = played(lab, "rudder", 3)
    workflow.begin(2)
    workflow.end(1, JobStatus.FAILED)
    workflow.end()
    return workflow


@pytest.fixture
def panel(open_lab: Callable[..., Page], wing: Played) -> Panel:
    """The panel, in which it is opened."""
    panel = Panel(open_lab())
    panel.open("rudder")
    expect(panel.root.locator("[data-map=work]")).to_be_visible()
    return panel


def test_reinitialize_shows_what_it_would_do(panel: Panel, wing: Played) -> None:
    """Job, reason, old and new value; a no changes nothing, a yes does it; then there is nothing to say yes to."""
    (parameters,) = wing.api.list_user_data(wing.id, job_id=2, relation="consumes")
    wing.api.modify_user_data(parameters.key, 7)
    panel.button("Reinitialize …").click()
    expect(panel.dialog).to_contain_text("1 of 3 jobs would be ready again")
    expect(panel.dialog).to_contain_text("a notebook takes its own")
    cells = panel.dialog.locator("tbody td").all_inner_texts()
    assert {"2", "parameter changed"} <= set(cells), cells
    assert any("2 -> 7" in cell for cell in cells), cells
    panel.on.screenshot("dry-run")
    panel.answer("No")
    assert wing.api.get_job(2).status == JobStatus.COMPLETED

    panel.act("Reinitialize …", "Reinitialize")
    expect(panel.done).to_contain_text("1 of 3 jobs is ready again")
    assert wing.api.get_job(2).status == JobStatus.READY
    expect(panel.legend).to_contain_text("2 ready")
    panel.button("Reinitialize …").click()
    expect(panel.dialog).to_contain_text("othing")
    expect(panel.dialog.locator(".jp-Dialog-footer").get_by_role("button")).to_have_count(1)
    panel.answer("Close")


def test_run_here_starts_one_worker(panel: Panel, wing: Played) -> None:
    """It is asked first, and the worker is on the list; a second one is not started."""
    panel.act("Run here …", "No")
    assert not [one for one in wing.api.list_allocations(wing.id) if one.kind == "local"]
    try:
        panel.act("Run here …", "Run here")
        expect(panel.done).to_contain_text("started a worker on this machine")
        panel.tab("allocations")
        expect(panel.root.get_by_role("tabpanel")).to_contain_text("process")
        assert len([one for one in wing.api.list_allocations(wing.id) if one.kind == "local"]) == 1
    finally:
        end_workers(wing.api)


def test_rerun_and_cancel(panel: Panel, wing: Played) -> None:
    """A job that failed is ready again; all that has not finished is canceled, and can be rerun no more."""
    panel.button("Rerun failed …").click()
    expect(panel.dialog).to_contain_text("Run 1 failed job again, and what follows from it?")
    panel.answer("Rerun")
    expect(panel.done).to_contain_text("1 job(s) are ready again")
    expect(panel.legend).to_contain_text("2 ready")
    expect(panel.button("Rerun failed …")).to_have_count(0)

    panel.button("Cancel …").click()
    expect(panel.dialog).to_contain_text("Cancel 2 jobs that have not finished")
    panel.answer("Cancel the jobs")
    expect(panel.done).to_contain_text("Canceled 2 job(s)")
    expect(panel.legend).to_contain_text("2 canceled")
    expect(panel.button("Cancel …")).to_have_count(0)
    expect(panel.button("Run here …")).to_have_count(0)
    assert wing.api.get_workflow(wing.id).state == "canceled"


def test_pause_and_resume(panel: Panel, wing: Played) -> None:
    """Each is asked first, takes the other's place, and is in the database."""
    panel.act("Pause …", "No")
    assert wing.api.get_workflow(wing.id).state == "started"
    panel.act("Pause …", "Pause")
    expect(panel.button("Resume …")).to_be_visible()
    expect(panel.button("Pause …")).to_have_count(0)
    assert wing.api.get_workflow(wing.id).state == "paused"
    panel.act("Resume …", "Resume")
    expect(panel.button("Pause …")).to_be_visible()
    assert wing.api.get_workflow(wing.id).state == "started"


def test_what_is_refused_is_said(panel: Panel, wing: Played) -> None:
    """With the server's reason, as long as nobody takes it away; the panel goes on."""
    wing.api.delete_workflow(wing.id)
    panel.on.excused.append("404")
    panel.act("Run here …", "Run here")
    expect(panel.alert).to_contain_text(f"no workflow {wing.id}", ignore_case=True)
    panel.on.screenshot("refused")
    panel.root.get_by_role("button", name="Take this message away").click()
    panel.button("← All").click()
    expect(panel.workflow("rudder")).to_have_count(0)


def test_the_palette_opens_it_and_acts(open_lab: Callable[..., Page], wing: Played) -> None:
    """By typing, as any command; acts are there once a workflow is opened."""
    page = open_lab()
    root = page.page.locator("#torc-nb-panel")
    deadline = time.monotonic() + 60
    while not root.is_visible():  # a page that is still being put together may close the palette under the key
        assert time.monotonic() < deadline
        page.choose("Show Workflows")
        page.settle()
    expect(root).to_be_visible()
    panel = Panel(page)
    panel.open("rudder")
    page.choose("Rerun Failed Jobs of the Opened Workflow…")
    panel.answer("Rerun")
    expect(panel.done).to_contain_text("1 job(s) are ready again")


def test_the_settings_page_changes_it(
    open_lab: Callable[..., Page], played: Callable[..., Played], lab: JupyterServer, wing: Played
) -> None:
    """Finished workflows are listed until its check box says otherwise; a look too often cannot be asked for."""
    done = played(lab, "beam", 3)
    done.begin(3)
    done.end()
    page = open_lab()
    panel = Panel(page)
    panel.refresh()
    expect(panel.workflow("beam")).to_be_visible()
    page.command("settingeditor:open", {"query": "Workflows (torc_nb)"})
    page.page.get_by_label("Show finished workflows").uncheck()
    expect(panel.workflow("beam")).to_have_count(0)
    expect(panel.workflow("rudder")).to_be_visible()
    page.page.locator("input[id$=_seconds]").fill("0.1")
    expect(page.page.locator(".jp-SettingsPanel")).to_contain_text("must be >= 1")


@pytest.fixture(scope="module")
def login_node(slurm_cluster: SlurmCluster) -> Iterator[JupyterServer]:
    """JupyterLab where Slurm's commands reach the private cluster."""
    with JupyterServer("lab", variables=slurm_cluster.environment) as server:
        yield server


def test_slurm_nodes_are_asked_for_by_number(
    open_lab: Callable[..., Page], played: Callable[..., Played], login_node: JupyterServer, slurm: SlurmCluster
) -> None:
    """What is no number of nodes is said; otherwise Slurm has them, and the panel lists them."""
    workflow = played(login_node, "cluster", 3)
    panel = Panel(open_lab(login_node))
    panel.open("cluster")
    panel.button("Slurm nodes …").click()
    expect(panel.dialog).to_contain_text("How many Slurm nodes is the workflow to have")
    panel.dialog.locator("input").fill("0")
    panel.answer("Ask Slurm")
    expect(panel.alert).to_contain_text("A whole number of nodes, 1 or more, is wanted.")
    panel.button("Slurm nodes …").click()
    panel.dialog.locator("input").fill("2")
    panel.answer("Ask Slurm")
    expect(panel.done).to_contain_text("2 allocation")
    panel.tab("allocations")
    expect(panel.root.get_by_role("tabpanel")).to_contain_text("slurm", ignore_case=True)
    panel.on.screenshot("nodes")
    assert [one.kind for one in workflow.api.list_allocations(workflow.id)] == ["slurm", "slurm"]
