"""A place that refreshes, on a real page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser.notebook import Notebook
from playwright.sync_api import Locator, expect

README = Path(__file__).parents[2] / "README.md"

START = """
import time
from pathlib import Path
from torc_nb import Workflow
here = Path.cwd()
def run(x):
    while not (here / f"go-{x}").exists():
        time.sleep(0.02)
    return x * x
wf = Workflow("sweep")
m = wf.map(run, range(4))
wf.run(num_cpus=4)
"""
LIVE = """
@m.live
def plot(results):
    there = results.dropna()
    print(len(there), "there <img src=x onerror='window.hacked=1'>")
    there.plot.scatter("params", "result")
"""


def test_five_lines_in_an_empty_notebook(open_notebook: Callable[..., Notebook]) -> None:
    """What the first page says, typed as it stands, ends in a picture."""
    (lines,) = (one for one in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "m.live" in one)
    notebook = open_notebook([lines])
    notebook.run(0)
    expect(shown(notebook, 0).locator("img")).to_be_visible()


def test_it_follows_the_results_through_reload_restart_and_run_all(open_notebook: Callable[..., Notebook]) -> None:
    """The picture is that of the results that are there, once, whatever becomes of page and kernel; no job is rerun."""
    notebook = open_notebook([START, LIVE])
    notebook.run_all()
    expect(notebook.output(1)).to_contain_text("run: no results yet, of 4")
    let(notebook, 0)
    expect(notebook.output(1)).to_contain_text("1 there <img")
    notebook.save()
    notebook.reload()
    let(notebook, 1)
    expect(notebook.output(1)).to_contain_text("2 there <img")
    expect(shown(notebook, 1).locator("img")).to_have_count(1)
    notebook.theme("dark")
    notebook.restart_kernel()
    for _ in range(2):
        notebook.run_all()
        expect(notebook.output(1)).to_contain_text("2 there <img")
        expect(shown(notebook, 1).locator("img")).to_have_count(1)
    notebook.screenshot("dark")
    let(notebook, 2, 3)
    expect(notebook.output(1)).to_contain_text("4 there <img")
    notebook.type("m.jobs().attempt.tolist()")
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("[1, 1, 1, 1]")
    assert notebook.page.evaluate("() => window.hacked === undefined")
    saved = notebook.save()
    assert "widgets" not in saved.metadata
    still, beside = saved.cells[1].outputs
    assert "4 there" in still.data["text/plain"]
    assert "data:image/png" in still.data["text/html"]
    assert dict(beside.data) == {"text/plain": ""}


def let(notebook: Notebook, *numbers: int) -> None:
    """Let jobs end."""
    for number in numbers:
        (notebook.folder / f"go-{number}").touch()


def shown(notebook: Notebook, index: int) -> Locator:
    """What of a cell's outputs can be seen: a picture that stands there twice is seen once."""
    return notebook.output(index).locator(".jp-OutputArea-output:visible")
