"""The panel's lists in a real JupyterLab: sorted by their heads, results beside parameters; and what it notifies of."""

from __future__ import annotations

from collections.abc import Callable

from browser.notebook import Notebook
from browser.panel import Panel
from playwright.sync_api import Locator, expect

OpenNotebook = Callable[..., Notebook]

#: Each job ends when a file of its number is there; a negative one fails.
WORK = """
import math
import time
from pathlib import Path
from torc_nb import Workflow
here = Path.cwd()
def work(x):
    while not (here / f"go-{x}").exists():
        time.sleep(0.02)
    if x < 0:
        raise ValueError(f"{x} is <b>negative</b>")
    return {"y": math.nan if x == 1 else x * x, "<i>text</i>": "\u00e9<script>", "nested": {"list": [x] * 90}}
"""


def let(notebook: Notebook, *names: object) -> None:
    """Let jobs end."""
    for name in names:
        (notebook.folder / f"go-{name}").touch()


def notifications(notebook: Notebook) -> Locator:
    """What JupyterLab says at the page's corner."""
    return notebook.page.locator(".Toastify__toast").filter(has_text="rib")


def jobs(panel: Panel) -> list[str]:
    """The ids of the jobs on the page."""
    return [cell.strip() for cell in panel.root.locator("[data-column=id]").all_inner_texts()]


def test_notifications_and_sorting(open_notebook: OpenNotebook) -> None:
    """A workflow that fails first, and ends, is told once; its jobs are sorted by a head, by mouse and by key."""
    notebook = open_notebook([WORK, 'wf = Workflow("<b>rib</b>")\nm = wf.map(work, [1, 2, -3, 4])\nwf.run(num_cpus=5)'])
    notebook.run_all()
    panel = Panel(notebook)
    panel.refresh()
    expect(panel.workflow("rib")).to_contain_text("0 of 4 completed, 4 running")
    expect(notifications(notebook)).to_have_count(0)
    let(notebook, -3)
    expect(notifications(notebook)).to_have_count(1)
    expect(notifications(notebook)).to_contain_text("Workflow <b>rib</b> has failed jobs: 0 of 4 completed, 1 failed")
    notebook.screenshot("failed")
    let(notebook, 1, 2, 4)
    ended = notifications(notebook).filter(has_text="has ended: 3 of 4 completed, 1 failed")
    expect(ended).to_have_count(1)
    for _ in range(3):
        panel.refresh()
    expect(ended).to_have_count(1)
    ended.get_by_role("button", name="Open").click()
    expect(panel.root.locator(".torc-Title")).to_have_text("<b>rib</b>")

    panel.tab("jobs")
    expect(panel.rows).to_have_count(4)
    head = panel.root.get_by_role("columnheader", name="Job")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert jobs(panel) == ["1", "2", "3", "4"]
    panel.button("Job").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(panel.rows.first).to_contain_text("4")
    assert jobs(panel) == ["4", "3", "2", "1"]
    panel.button("Status").press("Enter")
    expect(head).to_have_attribute("aria-sort", "none")
    expect(panel.root.get_by_role("columnheader", name="Status")).to_have_attribute("aria-sort", "ascending")
    expect(panel.rows.last).to_contain_text("failed")
    panel.button("Status").press("Enter")
    expect(panel.rows.first).to_contain_text("failed")
    assert jobs(panel) == ["3", "1", "2", "4"]
    notebook.screenshot("sorted")


def test_results_and_events(open_notebook: OpenNotebook) -> None:
    """Parameters and results are columns, whatever they hold; what is chosen is shown whole; newest events first."""
    cells = [WORK, 'wf = Workflow("spar")\nm = wf.map(work, [1, -2, 3])\nn = wf.map(abs, range(500), name="more")']
    notebook = open_notebook([*cells, "wf.run(num_cpus=3)\nm.wait()"])
    let(notebook, 1, -2, 3)
    notebook.run_all(may_fail=True)
    panel = Panel(notebook)
    panel.open("spar")
    panel.tab("results")
    expect(panel.rows).to_have_count(3)
    heads = panel.root.get_by_role("columnheader").all_inner_texts()
    assert heads[:6] == ["Job", "Status", "params", "result.y", "result.<i>text</i>", "result.nested"]
    first, second, third = panel.rows.all_inner_texts()
    assert "nan" in first
    assert "\u00e9<script>" in first
    assert "ValueError: -2 is <b>negative</b>" in second
    assert '{"list":[3,3,' in third
    assert notebook.page.locator("#torc-nb-panel :is(b, i, script)").count() == 0
    panel.rows.first.click(position={"x": 20, "y": 10})
    expect(panel.root.get_by_label("The chosen row")).to_contain_text('{"list":[1,1,1')
    notebook.screenshot("results")
    panel.root.get_by_label("Map whose results to show").select_option("more")
    expect(panel.root.locator(".torc-Jobs [role=status]")).to_have_text("500")
    panel.root.get_by_role("listbox").press("End")
    expect(panel.root.locator("[aria-selected=true][role=option]")).to_contain_text("499")

    panel.tab("events")
    expect(panel.rows.last).to_contain_text("workflow created")
    notebook.screenshot("events")


#: Write the panel's settings, as its page in JupyterLab's settings does.
SET = "settings => window.jupyterapp.serviceManager.settings.save('torc-nb:panel', JSON.stringify(settings))"
#: Look how workflows stand, and wait for the answer.
LOOK = "() => window.jupyterapp.commands.execute('torc-nb:refresh').then(() => null)"


def test_of_two_windows_one_notifies_and_of_nothing_that_is_turned_off(open_notebook: OpenNotebook) -> None:
    """Both see a workflow run, fail and end; its failure is not wanted, and its end is said once."""
    notebook = open_notebook([WORK, 'wf = Workflow("rib two")\nm = wf.map(work, [1, -2])\nwf.run(num_cpus=2)'])
    try:
        notebook.evaluate(SET, {"notify_failed": False})
        notebook.reload()
        notebook.run_all()
        second = notebook.page.context.new_page()
        second.goto(notebook.page.url)
        second.wait_for_function("() => window.jupyterapp?.commands.hasCommand('torc-nb:refresh')")
        panel = Panel(notebook)
        for page in (notebook.page, second):
            page.evaluate(LOOK)
        let(notebook, -2)
        panel.refresh()
        expect(panel.workflow("rib two")).to_contain_text("1 failed, 1 running")
        for page in (notebook.page, second):
            page.evaluate(LOOK)
        let(notebook, 1)
        expect(notifications(notebook)).to_contain_text("Workflow rib two has ended: 1 of 2 completed, 1 failed")
        second.evaluate(LOOK)
        second.evaluate(LOOK)
        assert second.locator(".Toastify__toast").filter(has_text="rib").count() == 0
        expect(notifications(notebook)).to_have_count(1)
    finally:
        notebook.evaluate(SET, {})
