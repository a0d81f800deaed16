"""A place that refreshes, on a real page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser.notebook import Notebook

README = Path(__file__).parents[2] / "README.md"


def test_five_lines_in_an_empty_notebook(open_notebook: Callable[..., Notebook]) -> None:
    """What the first page says, typed as it stands, ends in a picture."""
    (lines,) = (one for one in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "m.live" in one)
    notebook = open_notebook([lines])
    notebook.run(0)
    notebook.output(0).locator("img").wait_for()
    notebook.screenshot("picture")
