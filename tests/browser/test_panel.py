"""The panel in a real JupyterLab: it lists, follows, opens, asks before it acts, and survives a reload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.notebook import Notebook
from browser.panel import Panel
from playwright.sync_api import expect

OpenNotebook = Callable[..., Notebook]

#: Each job ends when a file of its number is there; a negative one fails.
WORK = """
import time
from pathlib import Path
from torc_nb import Workflow
here = Path.cwd()
def work(x):
    print(f"this is {x}")
    while not (here / f"go-{x}").exists():
        time.sleep(0.02)
    if x < 0:
        raise ValueError(f"{x} is <b>negative</b>")
    return x
"""


def let(notebook: Notebook, *names: object) -> None:
    """Let jobs end."""
    for name in names:
        (notebook.folder / f"go-{name}").touch()


def test_it_follows_one_opened_and_acts(open_notebook: OpenNotebook) -> None:
    """Numbers move while jobs run; jobs, failures, workers and output can be read; an act is asked for, then said."""
    notebook = open_notebook([WORK, 'wf = Workflow("wing")\nm = wf.map(work, [1, 2, -3, 4])\nwf.run(num_cpus=5)'])
    notebook.run_all()
    panel = Panel(notebook)
    panel.refresh()
    expect(panel.workflow("wing")).to_contain_text("0 of 4 completed, 4 running")
    notebook.screenshot("list")
    panel.open("wing")
    let(notebook, 1, -3)
    expect(panel.root).to_contain_text("1 of 4 completed")
    expect(panel.root.locator(".torc-Legend")).to_contain_text("1 failed")
    expect(panel.root.locator("[data-map=work]")).to_contain_text("1 of 4 completed, 1 failed, 2 running")

    panel.root.locator(".torc-Legend").get_by_role("button", name="1 failed").click()
    expect(panel.rows).to_have_count(1)
    expect(panel.rows).to_contain_text("ValueError: -3 is <b>negative</b>")
    notebook.screenshot("jobs")
    panel.rows.click()
    panel.root.get_by_role("listbox").press("Enter")
    expect(panel.root.locator("[data-output=stdout]")).to_contain_text("this is -3")
    expect(panel.root.locator("[data-output=traceback]")).to_contain_text("-3 is <b>negative</b>")
    notebook.screenshot("output")
    panel.button("← Back").click()

    panel.tab("failures")
    expect(panel.root.locator("[aria-label=failures]")).to_contain_text("1 job: ValueError")
    notebook.screenshot("failures")
    panel.tab("workers")
    expect(panel.root.locator("[aria-label=workers]")).to_contain_text("5 CPUs")
    panel.tab("allocations")
    expect(panel.root.locator("[aria-label=allocations]")).to_contain_text("process")
    assert notebook.page.locator("#torc-nb-panel b").count() == 0

    panel.act("Cancel …", "No")
    expect(panel.root.locator(".torc-Legend")).to_contain_text("2 running")
    panel.act("Cancel …", "Cancel the jobs")
    expect(panel.root.locator(".torc-Done")).to_contain_text("ancel")
    expect(panel.root.locator(".torc-Legend")).not_to_contain_text("running")
    panel.act("Rerun failed …", "Rerun")
    expect(panel.root.locator(".torc-Legend")).to_contain_text("ready")
    panel.button("Reinitialize …").click()
    expect(panel.dialog).to_be_visible()
    notebook.screenshot("reinitialize")
    panel.dialog.get_by_role("button").first.click()


def test_it_survives_a_reload_and_opens_in_a_notebook(open_notebook: OpenNotebook) -> None:
    """The workflow and the tab are opened again, however soon; the cell that is inserted opens it; Running lists it."""
    notebook = open_notebook([WORK, 'wf = Workflow("beam")\nm = wf.map(work, [1, 2])\nwf.run(num_cpus=2)'])
    notebook.run_all()
    panel = Panel(notebook)
    panel.open("beam")
    panel.tab("jobs")
    expect(panel.rows).to_have_count(2)
    notebook.save()
    notebook.reopen()
    panel = Panel(notebook)
    expect(panel.root.locator(".torc-Title")).to_have_text("beam")
    expect(panel.root.get_by_role("tab", name="jobs")).to_have_attribute("aria-selected", "true")
    expect(panel.rows).to_have_count(2)

    panel.button("Open in notebook").click()
    notebook.wait_for("() => window.jupyterapp.shell.currentWidget.content.model.cells.length === 3")
    index = next(n for n in range(3) if 'wf = Workflow("beam", db=' in notebook.cell(n).inner_text())
    notebook.run(index)
    expect(notebook.output(index)).to_contain_text("opened beam")

    notebook.theme("dark")
    dark = panel.root.evaluate("element => getComputedStyle(element).backgroundColor")
    notebook.screenshot("dark")
    notebook.theme("light")
    assert dark != panel.root.evaluate("element => getComputedStyle(element).backgroundColor")
    notebook.command("running:show-panel")
    expect(notebook.page.locator(".jp-RunningSessions")).to_contain_text("beam")
    let(notebook, 1, 2)


@pytest.mark.timeout(240)
def test_ten_thousand_jobs(open_notebook: OpenNotebook) -> None:
    """Only the rows on the page exist; the last one is reached by a key, and what is chosen is copied."""
    notebook = open_notebook([WORK, 'wf = Workflow("long")\nm = wf.map(work, range(10_000))'])
    notebook.run_all()
    panel = Panel(notebook)
    panel.open("long")
    panel.tab("jobs")
    expect(panel.rows.first).to_contain_text("uninitialized")
    assert panel.rows.count() < 100
    panel.rows.first.click()
    panel.root.get_by_role("listbox").press("End")
    expect(panel.root.locator("[aria-selected=true][role=option]")).to_contain_text("10000")
    panel.root.get_by_role("listbox").press("Shift+ArrowUp")
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.button("Copy").click()
    copied = notebook.evaluate("() => navigator.clipboard.readText()")
    assert [line.split("\t")[0] for line in copied.splitlines()] == ["id", "9999", "10000"]
