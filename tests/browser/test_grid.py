"""The editable grid in a real JupyterLab: typed into, pasted over, applied, and met by another kernel's changes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

from browser.grid import MESH, NAME, Grid, N
from browser.notebook import Notebook
from playwright.sync_api import expect
from services.jupyter import JupyterServer

DECLARE = """
from torc_nb import Workflow
def run(params):
    return params["mesh"]
wf = Workflow("sweep")
m = wf.map(run, [{"mesh": 0.1, "n": n, "name": f"case {n}"} for n in range(ROWS)], postprocess=sum, num_cpus=1)
"""
RUN = "wf.run(num_cpus=2)\nm.wait()"
RUN_IDS = 'm.wait(); print(m.results(provenance=True)["job.run_id"].tolist())'

#: As another kernel does it.
ELSEWHERE = """
from torc_nb import Workflow
m = Workflow("sweep")["run"]
df = m.params()
df.loc[2, "mesh"] = 0.2
df.loc[6, "n"] = 77
m.modify(df)
"""

HOSTILE = """
from torc_nb import Workflow
bad = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
def run(params):
    return 0
wf = Workflow("sweep" + bad)
rows = [{"x": bad, bad: float("nan"), "rtl": "\\u202egnp.exe", "long": "y" * 10_000_000, "none": None, "on": True}] * 3
m = wf.map(run, rows, name="map" + bad)
"""


def _opened(open_notebook: Callable[..., Notebook], rows: int = 20) -> Notebook:
    notebook = open_notebook([DECLARE.replace("ROWS", str(rows)), RUN if rows < 100 else "", "m.edit()"])
    notebook.run_all()
    return notebook


def _elsewhere(notebook: Notebook, code: str) -> None:
    """Run Python beside the notebook."""
    subprocess.run([sys.executable, "-c", code], cwd=notebook.folder, check=True, capture_output=True, timeout=60)


def test_an_edit_reruns_exactly_its_jobs(open_notebook: Callable[..., Notebook]) -> None:
    """It is counted at once, asked about, applied; nothing else has run again, and no state of widgets is saved."""
    notebook = _opened(open_notebook)
    grid = Grid(notebook)
    grid.type(3, MESH, "0.05")
    grid.type(5, MESH, "0.05")
    expect(grid.summary).to_contain_text("2 of 20 rows: mesh 0.1 → 0.05")
    expect(grid.summary).to_contain_text("2 of 21 jobs would be ready again (2 parameter changed), 1 would wait")
    expect(grid.node.locator(".torc-nb-again")).to_have_count(2)
    grid.press("apply")
    expect(grid.node.get_by_role("alertdialog")).to_contain_text("2 of 21 jobs would be ready again")
    grid.keyboard.press("Escape")
    expect(grid.node.get_by_role("alertdialog")).to_have_count(0)
    grid.apply()
    expect(grid.answer).to_contain_text("2 of 20 rows of run: mesh 0.1 → 0.05. 2 of 21 jobs are ready again")
    notebook.run(notebook.type(RUN_IDS))
    assert "[1, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]" in notebook.text(3)
    expect(grid.cell(3, 3)).to_have_text("completed")
    saved = notebook.save()
    assert "widgets" not in saved.metadata
    assert "20 rows to edit" in saved.cells[2].outputs[0].data["text/html"]


def test_a_column_is_pasted_and_a_kernel_that_is_busy_hears_it(open_notebook: Callable[..., Notebook]) -> None:
    """Ten thousand cells at once; what does not fit is said; one key takes it back."""
    notebook = _opened(open_notebook, 10_000)
    grid = Grid(notebook)
    notebook.begin(notebook.type("import time; time.sleep(60)"))
    expect(notebook.cell(3).locator(".jp-InputPrompt")).to_have_text("[*]:")
    grid.paste(1, MESH, "\n".join(str(n / 100) for n in range(101, 10_103)))
    expect(grid.summary).to_contain_text("10,000 of 10,000 rows: mesh 0.1 → 1.01 …", timeout=30_000)
    expect(grid.answer).to_contain_text("2 row(s) below the table were left out")
    grid.keyboard.press("Control+End")
    expect(grid.cell(10_000, MESH)).to_have_text("101.0")
    grid.keyboard.press("Control+Z")
    expect(grid.summary).to_contain_text("Nothing is changed")
    expect(grid.cell(10_000, MESH)).to_have_text("0.1")
    assert int(grid.node.locator('[role="row"]').count()) < 20
    notebook.interrupt_kernel()
    notebook.finish(may_fail=True)


def test_a_refused_text_stays_in_its_cell(open_notebook: Callable[..., Notebook]) -> None:
    """It says why, nothing can be applied meanwhile, and corrected it is taken."""
    grid = Grid(_opened(open_notebook))
    grid.type(2, MESH, "abc")
    expect(grid.cell(2, MESH)).to_have_text("abc")
    expect(grid.cell(2, MESH)).to_have_attribute("aria-invalid", "true")
    expect(grid.bubble).to_have_text("mesh is a float, and 'abc' is none: type a number as in 0.05, 1e-3 or nan.")
    expect(grid.summary).to_contain_text("1 cell(s) refused")
    expect(grid.node.locator('[data-act="apply"]')).to_be_disabled()
    grid.keyboard.press("F2")
    grid.keyboard.press("Control+A")
    grid.keyboard.type("0.3")
    grid.keyboard.press("Enter")
    expect(grid.cell(2, MESH)).to_have_attribute("aria-invalid", "false")
    expect(grid.summary).to_contain_text("1 of 20 rows: mesh 0.1 → 0.3")


def test_what_another_kernel_changed_is_shown_and_a_reload_loses_nothing(
    open_notebook: Callable[..., Notebook],
) -> None:
    """Both values stand in the cell until one is chosen; elsewhere theirs just appear, marked."""
    notebook = _opened(open_notebook)
    grid = Grid(notebook)
    grid.type(3, MESH, "0.05")
    expect(grid.summary).to_contain_text("1 of 20 rows")
    _elsewhere(notebook, ELSEWHERE)
    expect(grid.cell(3, MESH)).to_have_text("0.05 · meanwhile 0.2")
    expect(grid.cell(7, N)).to_have_text("77")
    expect(grid.cell(7, N)).to_have_class(re.compile("torc-nb-others"))
    notebook.save()
    notebook.reload()
    grid = Grid(notebook)
    expect(grid.cell(3, MESH)).to_have_text("0.05 · meanwhile 0.2")
    expect(grid.node.locator('[data-act="apply"]')).to_be_disabled()
    grid.cell(3, MESH).click()
    notebook.theme("dark")
    notebook.screenshot("conflict", grid.node)
    grid.bubble.locator('[data-settle="mine"]').click()
    expect(grid.summary).to_contain_text("1 of 20 rows: mesh 0.2 → 0.05")
    grid.press("filter")
    expect(grid.node.locator('[role="rowgroup"] [role="row"]')).to_have_count(2)
    grid.apply()
    expect(grid.answer).to_contain_text("1 of 20 rows of run: mesh 0.2 → 0.05")


def test_the_keyboard_does_all(open_notebook: Callable[..., Notebook]) -> None:
    """Moving, selecting, filling down, copying; the notebook's own keys (dd, z, m) do nothing there."""
    notebook = _opened(open_notebook)
    grid = Grid(notebook)
    cells = notebook.count
    grid.frame.focus()
    for key in ("Control+Home", "ArrowDown", "ArrowRight", "ArrowRight"):
        grid.keyboard.press(key)
    expect(grid.frame).to_have_attribute("aria-activedescendant", re.compile(r"-1-2$"))
    grid.keyboard.type("dd m z")
    grid.keyboard.press("Enter")
    expect(grid.cell(2, NAME)).to_have_text("dd m z")
    grid.keyboard.press("ArrowUp")
    for _ in range(3):
        grid.keyboard.press("Shift+ArrowDown")
    grid.keyboard.press("Control+D")
    for job in (2, 3, 4, 5):
        expect(grid.cell(job, NAME)).to_have_text("dd m z")
    expect(grid.summary).to_contain_text("4 of 20 rows")
    notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
    grid.keyboard.press("Control+C")
    assert notebook.evaluate("() => navigator.clipboard.readText()") == "\n".join(["dd m z"] * 4)
    grid.keyboard.press("Control+Z")
    expect(grid.summary).to_contain_text("1 of 20 rows")
    assert notebook.count == cells


def test_hostile_values_are_text(open_notebook: Callable[..., Notebook]) -> None:
    """In cells, names, the summary and the picture that is saved."""
    notebook = open_notebook([HOSTILE, "m.edit()"])
    notebook.run_all()
    grid = Grid(notebook)
    expect(grid.cell(1, 0)).to_contain_text("<script>window.hacked")
    expect(grid.cell(1, 1)).to_have_text("nan")
    expect(grid.cell(1, 2)).to_have_text("\ufffdgnp.exe")
    expect(grid.cell(1, 3)).to_contain_text("str, 9.5 MiB")
    grid.type(2, 0, "<img src=x onerror='window.hacked = 2'>")
    expect(grid.summary).to_contain_text("onerror")
    assert notebook.evaluate("() => window.hacked === undefined")
    assert len(str(notebook.save())) < 50_000
    notebook.screenshot("hostile", grid.node)


def test_a_lab_that_cannot_draw_it_has_the_table_and_what_to_type(
    open_notebook: Callable[..., Notebook], lab_without_anywidget: JupyterServer
) -> None:
    """The first rows, and no complaint."""
    notebook = open_notebook([DECLARE.replace("ROWS", "20"), "m.edit()"], on=lab_without_anywidget)
    notebook.run_all()
    still = notebook.output(1)
    expect(still).to_contain_text("20 rows to edit")
    expect(still).to_contain_text("wf['run'].modify(df)")
    expect(still).to_contain_text("case 9")
    expect(still.locator(".jupyter-widgets-error-widget")).not_to_be_visible()
    notebook.screenshot("still", still)
    notebook.console[:] = [said for said in notebook.console if "anywidget" not in said]


def test_in_notebook_7(open_notebook: Callable[..., Notebook], notebook_7: JupyterServer) -> None:
    """The same grid."""
    notebook = open_notebook([DECLARE.replace("ROWS", "20"), "m.edit()"], on=notebook_7)
    notebook.run_all()
    grid = Grid(notebook)
    expect(notebook.output(1).locator("[data-torc-nb]")).not_to_be_visible()
    grid.type(2, MESH, "0.3")
    expect(grid.summary).to_contain_text("1 of 20 rows: mesh 0.1 → 0.3")
    grid.press("revert")
    expect(grid.summary).to_contain_text("Nothing is changed")
