"""A notebook of a few cells, from declaring a map to its results, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from browser.notebook import Notebook

CELLS = [
    "import time\nfrom torc_nb import Workflow",
    "def double(x):\n    time.sleep(0.25)\n    return {'twice': 2 * x}",
    "wf = Workflow('sweep')",
    "m = wf.map(double, range(12))",
    "wf.run(num_cpus=1)",
    "m.wait()",
    "m.results()",
]
WAIT, RESULTS = 5, 6


def test_the_bar_moves_and_its_last_form_is_saved(open_notebook: Callable[..., Notebook]) -> None:
    """While the cell runs it is seen in two states; the file holds the last one, and no state of widgets."""
    notebook = open_notebook(CELLS)
    notebook.begin_all()
    states = _states(notebook)
    notebook.finish()
    assert len([state for state in states if "12 of 12" not in state]) >= 2, states
    assert "12 of 12 completed" in notebook.text(WAIT)
    assert "22" in notebook.text(RESULTS)
    saved = notebook.save()
    assert "widgets" not in saved.metadata
    (bar,) = saved.cells[WAIT].outputs
    assert "double: 12 of 12 completed" in bar.data["text/plain"]
    assert "12 of 12 completed" in bar.data["text/html"]


def _states(notebook: Notebook) -> list[str]:
    """What the bar says, one after the other, until all have completed."""
    seen: list[str] = []
    while not seen or "12 of 12" not in seen[-1]:
        said = notebook.page.wait_for_function(
            """([before, index]) => {
                const cell = document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")[index];
                const text = cell?.querySelector(".torc-nb")?.innerText;
                return text && text !== before ? text : null;
            }""",
            arg=[seen[-1] if seen else "", WAIT],
        ).json_value()
        seen.append(said)
    return seen
