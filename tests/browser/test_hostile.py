"""Values that are HTML, script or worse, wherever a user can have them, are shown as text on a real page."""

from __future__ import annotations

from collections.abc import Callable

from browser.notebook import Notebook

SCRIPT = "<script>window.hacked=1</script>"
IMAGE = "<img src=x onerror='window.hacked=1'>"
TURNED = "\u202eturned\u202c\u200f"

SETUP = f"""
from torc_nb import Workflow

SCRIPT, IMAGE = {SCRIPT!r}, {IMAGE!r}
VALUES = [SCRIPT, IMAGE, {TURNED!r}, float("nan"), "long " * 200_000, "a\\x00b\\x1b[31mred\\x1b[0m"]

def echo(value):
    print(value)
    if value == IMAGE:
        raise ValueError(value)
    return {{value if value == SCRIPT else "same": value, "html": SCRIPT}}
"""

RUN = """
wf = Workflow(IMAGE)
m = wf.map(echo, VALUES, name=SCRIPT)
wf.map(lambda x: SCRIPT, [IMAGE], name=IMAGE)
wf.run(num_cpus=1)
wf.wait()
"""

#: Cells, and what can be read below each.
SHOWN = {
    "m.wait()": [SCRIPT, "5 of 6 completed, 1 failed"],
    "m.results()": [f"result.{SCRIPT}", SCRIPT, IMAGE, TURNED, "NaN", "long long"],
    "m.results(provenance=True, flat=True)": [f"result.{SCRIPT}", SCRIPT, IMAGE],
    "m.params()": [SCRIPT, IMAGE, TURNED, "NaN"],
    "m.jobs()": [SCRIPT, f"ValueError: {IMAGE}"],
    "wf.jobs()": [SCRIPT, IMAGE],
    "wf.failures()": [IMAGE],
    "wf.user_data()": ["{'<script>"],
    "wf.events()": [IMAGE],
    "m": [SCRIPT],
    "wf": [SCRIPT, IMAGE],
    "for job in wf.jobs().index:\n    print(str(wf.logs(job))[:1000])": [SCRIPT, f"ValueError: {IMAGE}", "nan"],
    "wf.reinitialize(dry_run=True)": [],
    "print(wf)": [IMAGE],
    "%load_ext torc_nb": [],
    "%torc jobs list": [SCRIPT, IMAGE],
    "%torc user-data list": ["{'<script>"],
    "%torc workflows status": [SCRIPT, IMAGE],
}

PICTURES = ["wf.plot.timeline()", "wf.plot.resources()", "wf.plot.durations()", "wf.plot.graph()"]


def test_everything_is_shown_as_text(open_notebook: Callable[..., Notebook]) -> None:
    """In tables, bars, logs, tracebacks and pictures; no element comes of it, and no script runs."""
    raising = "next(iter(wf[IMAGE])), list(m)"
    notebook = open_notebook([SETUP, RUN, *SHOWN, *PICTURES, raising])
    notebook.run_all(may_fail=True)
    for index, (cell, texts) in enumerate(SHOWN.items(), start=2):
        text = notebook.text(index)
        assert all(one in text for one in texts), (cell, text)
        assert notebook.output(index).locator("script, img").count() == 0, cell
    for index in range(2 + len(SHOWN), 2 + len(SHOWN) + len(PICTURES)):
        assert notebook.output(index).locator("img").count() == 1
    assert f"ValueError: {IMAGE}" in notebook.text(notebook.count - 1)
    assert notebook.evaluate("() => window.hacked ?? null") is None
    notebook.save()
    notebook.reload()
    assert SCRIPT in notebook.text(3)
    assert notebook.evaluate("() => window.hacked ?? null") is None
