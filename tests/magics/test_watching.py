"""``%torc watch`` and ``wf`` in a real kernel: the live view."""

from __future__ import annotations

from services.kernel import Kernel

START = """
from torc_nb import Workflow
wf = Workflow("sweep")
m = wf.map(abs, [-1, -2])
"""


def test_the_view_is_shown(kernel: Kernel) -> None:
    """Both show the same widget; a client that shows text alone gets a line of it."""
    kernel.run(START)
    assert kernel.run("wf") == kernel.run("%torc watch") == "sweep: 0 of 2 completed"
    assert kernel.run("v = %torc watch\nprint(v is wf.view)") == "True\n"


def test_without_widgets_it_is_still(kernel: Kernel) -> None:
    """Where notebooks are to come out alike there is no widget, but its picture."""
    kernel.run(START)
    kernel.run("import os; os.environ['TORC_NB_PROGRESS'] = 'plain'")
    assert kernel.run("wf") == "sweep: 0 of 2 completed"
    assert kernel.run("import threading; print([t.name for t in threading.enumerate() if 'views' in t.name])") == "[]\n"
