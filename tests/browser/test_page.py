"""What the page object itself promises: nothing waits for ever, and no error of a page goes unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browser.notebook import Notebook
from browser.page import PageStuck
from playwright.sync_api import Browser
from services.jupyter import JupyterServer
from services.keeper import named
from services.kernel import CellFailed


def test_cells_are_typed_and_run(open_notebook: Callable[..., Notebook]) -> None:
    """Into a new cell at the end, with the lines as they are."""
    notebook = open_notebook(["x = 1"])
    notebook.run_all()
    index = notebook.type("def twice(y):\n    return 2 * y\n\ntwice(x + 20)")
    notebook.run(index)
    assert notebook.text(index) == "42"


def test_a_cell_that_raises_or_does_not_end(open_notebook: Callable[..., Notebook]) -> None:
    """The failure says what stands below the cell."""
    notebook = open_notebook(["1 / 0", "import time\nprint('begun')\ntime.sleep(60)"])
    with pytest.raises(CellFailed, match="ZeroDivisionError"):
        notebook.run(0)
    with pytest.raises(CellFailed, match=r"did not end within 1 s[\s\S]*begun"):
        notebook.run(1, seconds=1)


def test_a_promise_that_is_never_kept(open_notebook: Callable[..., Notebook]) -> None:
    """It ends with the time it was given."""
    notebook = open_notebook([])
    with pytest.raises(PageStuck):
        notebook.evaluate("() => new Promise(() => {})", seconds=1)


def test_a_page_that_hangs_is_told_of_and_closed(chromium: Browser, lab: JupyterServer, tmp_path: Path) -> None:
    """What it leaves is the trace and what it reported; kernel and folder's processes are gone."""
    notebook = Notebook(chromium, lab, [], tmp_path / "hanging").open()
    notebook.evaluate("() => { setTimeout(() => { while (true) {} }, 0); }")
    with pytest.raises(PageStuck):
        notebook.evaluate("() => 1", seconds=2)
    notebook.close(keep=True)
    assert (tmp_path / "hanging.zip").stat().st_size > 0
    assert "no screenshot" in (tmp_path / "hanging.txt").read_text()
    assert not named(notebook.folder, spared=set())


def test_errors_of_the_page_are_kept(open_notebook: Callable[..., Notebook]) -> None:
    """Those that are logged, and those that nobody caught."""
    notebook = open_notebook([])
    notebook.evaluate("() => { console.error('logged'); setTimeout(() => { throw new Error('thrown'); }, 0); }")
    notebook.evaluate("() => new Promise(done => setTimeout(done, 50))")
    assert len(notebook.errors) == 2, notebook.errors
    notebook.excused += ["^logged", r"^uncaught: Error: thrown"]
    assert not notebook.errors


def test_nothing_outlives_a_notebook(chromium: Browser, lab: JupyterServer, tmp_path: Path) -> None:
    """Neither its kernel nor its worker, which outlives the kernel on purpose."""
    cells = ["from torc_nb import Workflow", "wf = Workflow('sweep')\nwf.map(abs, range(3))\nwf.run(num_cpus=1)"]
    notebook = Notebook(chromium, lab, cells, tmp_path / "closed").open()
    notebook.run_all()
    assert "started a worker" in notebook.text(1)
    assert len(named(notebook.folder, spared=set())) >= 2
    notebook.close()
    assert not named(notebook.folder, spared=set())
