"""The pictures of a workflow on a page, in a light and in a dark theme."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from browser.notebook import Notebook
from PIL import Image, ImageChops, ImageOps

from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS

CELLS = [
    "import time\nfrom torc_nb import Workflow",
    """def half(x):
    time.sleep(0.02 * x)
    return x / (x - 3)""",
    "wf = Workflow('sweep')\nm = wf.map(half, range(8), postprocess=len)\nwf.run(num_cpus=2)\nwf.wait()",
    "wf.plot.timeline()",
    "wf.plot.resources()",
    "wf.plot.durations()",
    "wf.plot.graph()",
    "m.plot.timeline()",
]
PICTURES = range(3, 8)


def test_they_are_the_same_in_both_themes(open_notebook: Callable[..., Notebook]) -> None:
    """Each is one picture, opaque, no wider than its cell, with the colours of how jobs ended."""
    notebook = open_notebook(CELLS, size=(1280, 3000))  # all are on the page at once
    notebook.run_all()
    light = [_seen(notebook, index) for index in PICTURES]
    notebook.screenshot("light")
    notebook.theme("dark")
    dark = [_seen(notebook, index) for index in PICTURES]
    notebook.screenshot("dark")
    for index, before, after in zip(PICTURES, light, dark, strict=True):
        assert ImageChops.difference(before, after).getbbox() is None, CELLS[index]
        background = before.getpixel((2, 2))
        assert background == (255, 255, 255), (CELLS[index], background)
    colours = {colour for _, colour in light[0].getcolors(1 << 24)}
    for status in (JobStatus.COMPLETED, JobStatus.FAILED):
        assert tuple(bytes.fromhex(COLOURS[status].lstrip("#"))) in colours, status


def _seen(notebook: Notebook, index: int) -> Image.Image:
    """The picture below a cell, as the page shows it."""
    picture = notebook.output(index).locator("img")
    assert picture.count() == 1, notebook.text(index)
    room = notebook.output(index).evaluate("area => area.clientWidth")
    shown = picture.evaluate("image => image.complete && image.naturalWidth > 0 && image.clientWidth")
    assert shown
    assert shown <= room
    taken = Image.open(BytesIO(picture.screenshot())).convert("RGB")
    return ImageOps.crop(taken, border=1)  # where it ends between two pixels, the page shines through
