"""Pictures of workflows that really run, as their user asks for them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from plots.seen import boxes, written
from services.kernel import execute
from services.workers import SEARCH_PATH

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def nap(seconds: float) -> float:
    """Fails where it cannot sleep so long."""
    time.sleep(seconds)
    return seconds


def test_a_workflow_that_runs_and_then_has_run(wf: Workflow) -> None:
    """Each picture tells of the attempts as they were, in the middle too: when they ran, on what, for how long."""
    before = time.time()
    wf.map(nap, [0.2, 0.2, -1, 30], postprocess=sum, memory="1g", runtime=1)
    wf.run(num_cpus=2)
    deadline = time.monotonic() + 30
    while sum(n for status, n in wf.status().statuses.items() if status.is_finished) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    figure = wf.plot.timeline()
    assert "running now" in written(figure)
    found = boxes(figure.axes[0])
    assert {label: len(some) for label, some in found.items()} == {"completed": 2, "failed": 1, "running": 1}
    for left, right, *_ in found["completed"]:
        assert before / 86400 < left < right < time.time() / 86400
        assert (right - left) * 86400 == pytest.approx(0.2, abs=0.15)
    assert "2 completed, 1 failed\n1 running" in written(wf.plot.durations())
    assert "2 of 4 completed" in written(wf.plot.graph())
    wf.cancel()
    resources = wf["nap"].plot.resources()
    assert "3 jobs: 1 CPU, 1 GB, 1.0 s" in written(resources)
    memory = resources.axes[0]
    (most,) = [line.get_xdata()[0] for line in memory.lines if line.get_label() == "most"]
    assert 2**20 < most < 2**30
    assert "running" not in written(wf.plot.timeline())


@ON_SQLITE
def test_maps_are_chosen_by_name_or_as_they_are(wf: Workflow, finish: Finish) -> None:
    """One or several, and jobs of none; what is no map of this workflow is refused."""
    one = wf.map(nap, [0.0, 0.01], name="one")
    two = wf.map(nap, [0.0, 0.01, 0.02], name="two")
    wf.command("true", name="a command")
    finish()

    def shown(maps: object) -> int:
        return len(boxes(wf.plot.timeline(maps=maps).axes[0])["completed"])  # type: ignore[arg-type]

    assert [shown(maps) for maps in ("one", two, [one, "two"], "", ["", one])] == [2, 3, 5, 1, 3]
    assert len(boxes(one.plot.timeline().axes[0])["completed"]) == 2
    assert [label.get_text()[:3] for label in two.plot.durations().axes[0].get_yticklabels()] == ["two"]
    assert "jobs has ended" in written(wf.plot.durations(maps="one", run_id=7))
    with pytest.raises(NotFound, match=r"'three'.*'one', 'two'"):
        wf.plot.resources(maps="three")
    with pytest.raises(InvalidRequest, match="no map of this workflow"):
        wf.plot.durations(maps=[7])  # type: ignore[list-item]


@ON_SQLITE
@pytest.mark.parametrize("before", ["", "import matplotlib.pyplot", "%matplotlib inline"])
def test_a_notebook_shows_a_figure_once(wf: Workflow, tmp_path: Path, before: str) -> None:
    """As one picture, whether pyplot is in use or not."""
    cells = ["from torc_nb import Workflow", f"wf = Workflow('sweep', db={wf.api.database.url!r})", before]
    notebook = new_notebook(cells=[new_code_cell("\n".join(cells)), new_code_cell("wf.plot.graph()")])
    execute(notebook, tmp_path)
    assert [sorted(output.data) for output in notebook.cells[1].outputs] == [["image/png", "text/plain"]]


@ON_SQLITE
def test_without_matplotlib_what_to_type_is_said(wf: Workflow) -> None:
    """By the pip line; nothing else of the workflow takes it."""
    code = (
        "import sys\nfrom torc_nb import Workflow\n"
        f"wf = Workflow('sweep', db={wf.api.database.url!r})\nwf.jobs()\nwf.plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.modules['matplotlib'] = None\nwf.plot.timeline()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": SEARCH_PATH})
    assert done.stderr.splitlines()[-1] == (
        "torc_nb.errors.MissingPackage: matplotlib, which draws, is not installed: "
        "pip install 'torc-nb[plots]' brings it."
    )
