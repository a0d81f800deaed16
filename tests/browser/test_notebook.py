"""A notebook of a few cells, from declaring a map to its results, on real pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.notebook import Notebook
from services.jupyter import JupyterServer

CELLS = [
    "import time\nfrom pathlib import Path\n\nfrom torc_nb import Workflow",
    """def double(x):
    with Path('ran').open('a') as ran:
        ran.write(f'{x}\\n')
    time.sleep(0.25)
    return {'twice': 2 * x}""",
    "wf = Workflow('sweep')",
    "m = wf.map(double, range(12))",
    "wf.run(num_cpus=1)",
    "m.wait()",
    "m.results()",
]
MAP, RUN, WAIT, RESULTS = 3, 4, 5, 6


@pytest.mark.parametrize("server", ["lab", "notebook_7"])
def test_the_bar_moves_and_its_last_form_is_saved(
    open_notebook: Callable[..., Notebook], server: str, request: pytest.FixtureRequest
) -> None:
    """While the cell runs it is seen in two states; the file holds the last one, and no state of widgets."""
    on: JupyterServer = request.getfixturevalue(server)
    notebook = open_notebook(CELLS, on=on)
    notebook.begin_all()
    states = _states_of_the_bar(notebook)
    notebook.finish()
    assert len([state for state in states if "12 of 12" not in state]) >= 2, states
    assert "22" in notebook.text(RESULTS)
    saved = notebook.save()
    assert "widgets" not in saved.metadata
    (bar,) = saved.cells[WAIT].outputs
    assert bar.data["text/plain"] == "double: 12 of 12 completed"
    assert "12 of 12 completed" in bar.data["text/html"]
    notebook.reload()
    assert "12 of 12 completed" in notebook.text(WAIT)


def test_run_all_again_and_again(open_notebook: Callable[..., Notebook]) -> None:
    """Twice in one kernel, the second time in mid-run, and once after a restart: each parameter ran once."""
    notebook = open_notebook(CELLS)
    notebook.begin_all()
    _states_of_the_bar(notebook, until="of 12 completed")
    notebook.interrupt_kernel()
    notebook.finish(may_fail=True)
    notebook.run_all()
    assert "12 as before" in notebook.text(MAP)
    assert "already running here" in notebook.text(RUN)
    notebook.restart_kernel()
    notebook.run_all()
    assert "12 as before" in notebook.text(MAP)
    assert notebook.output(RESULTS).locator("tbody tr").count() == 12
    ran = (notebook.folder / "ran").read_text().split()
    assert sorted(ran, key=int) == [str(x) for x in range(12)]
    index = notebook.type("len(wf.jobs())")
    notebook.run(index)
    assert notebook.text(index) == "12"


def _states_of_the_bar(notebook: Notebook, until: str = "12 of 12") -> list[str]:
    """What the bar says, one after the other, until it says this."""
    seen: list[str] = []
    while not seen or until not in seen[-1]:
        said = notebook.wait_for(
            """([before, index]) => {
                const cell = document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")[index];
                const text = cell?.querySelector(".torc-nb")?.innerText;
                return text && text !== before ? text : null;
            }""",
            [seen[-1] if seen else "", WAIT],
        )
        seen.append(said)
    return seen
