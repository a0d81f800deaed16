"""A place that refreshes, on a real page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser.notebook import Notebook

README = Path(__file__).parents[2] / "README.md"

START = """
import pathlib, time
from torc_nb import Workflow
def run(x):
    while int(pathlib.Path("let").read_text() or 0) <= x:
        time.sleep(0.05)
    return x * x
def let(n):
    pathlib.Path("new").write_text(str(n))
    pathlib.Path("new").rename("let")
if not pathlib.Path("let").exists():
    let(4)
wf = Workflow("sweep")
m = wf.map(run, range(12))
wf.run(num_cpus=2)
"""
LIVE = """
@m.live
def plot(results):
    there = results.dropna()
    print(len(there), "there <img src=x onerror=alert(1)>")
    there.plot.scatter("params", "result")
"""


def test_five_lines_in_an_empty_notebook(open_notebook: Callable[..., Notebook]) -> None:
    """What the first page says, typed as it stands, ends in a picture."""
    (lines,) = (one for one in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "m.live" in one)
    notebook = open_notebook([lines])
    notebook.run(0)
    notebook.output(0).locator("img").wait_for()
    notebook.screenshot("picture")


def test_run_all_twice_reload_restart_and_dark(open_notebook: Callable[..., Notebook]) -> None:
    """The picture follows the results, and each way to lose it has its cell to bring it back."""
    notebook = open_notebook([START, LIVE, "let(8)"])
    notebook.run_all()
    # Not always all that were let go: one may share a batch with one that was not.
    notebook.output(1).get_by_text(re.compile(r"\b[5-8] there <img")).wait_for()
    notebook.run_all()
    assert notebook.output(1).locator("img").count() == 1
    notebook.save()
    notebook.reload()
    assert "there <img" in notebook.text(1)
    notebook.run(1)
    notebook.theme("dark")
    notebook.type("let(10)")
    notebook.run(3)
    notebook.output(1).get_by_text(re.compile(r"\b(9|10) there <img")).wait_for()
    notebook.screenshot("dark")
    notebook.restart_kernel()
    assert "there <img" in notebook.text(1)
    notebook.run(0)
    notebook.run(1)
    notebook.type("let(12); m.wait()")
    notebook.run(4)
    notebook.output(1).get_by_text("12 there <img").wait_for()
    saved = notebook.save()
    (output,) = saved.cells[1].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert "widgets" not in saved.metadata
