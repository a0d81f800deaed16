"""A JupyterLab of another environment than the kernel's, as sites have it, runs the same cells."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.notebook import Notebook
from services.jupyter import JupyterServer

SLIDER = "import ipywidgets\nipywidgets.IntSlider(description='slider')"
ANYWIDGET = """
import anywidget

class Hello(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.innerHTML = '<b class=hello>hello</b>'; } }"

Hello()
"""
CELLS = [
    "from torc_nb import Workflow\nwf = Workflow('sweep')",
    "m = wf.map(divmod, [7, 8], [2, 3])\nwf.run(num_cpus=1)",
    "m.wait()",
    "m.results()",
    SLIDER,
    ANYWIDGET,
]


@pytest.mark.parametrize(
    ("server", "has_ipywidgets", "has_anywidget"),
    [("lab", True, True), ("lab_without_anywidget", True, False), ("plain_lab", False, False)],
)
def test_the_same_notebook(
    open_notebook: Callable[..., Notebook],
    server: str,
    has_ipywidgets: bool,
    has_anywidget: bool,
    request: pytest.FixtureRequest,
) -> None:
    """Bar and table need nothing of ours in the browser; widgets show where there is something to show them with."""
    on: JupyterServer = request.getfixturevalue(server)
    notebook = open_notebook(CELLS, on=on)
    notebook.excused += [r"^Exception opening new comm"] * (not has_ipywidgets)
    notebook.excused += [r"^Error: No version of module anywidget is registered"] * (not has_anywidget)
    notebook.run_all()
    assert "2 of 2 completed" in notebook.text(2)
    assert "(3, 1)" in notebook.text(3)
    if has_ipywidgets:
        notebook.output(4).locator(".widget-slider").wait_for()
    else:
        assert notebook.text(4).startswith("IntSlider(")
    if has_anywidget:
        notebook.output(5).locator("b.hello").wait_for()
    elif has_ipywidgets:
        notebook.output(5).get_by_text("Click to show javascript error.").wait_for()
    else:
        assert "Hello object at" in notebook.text(5)
