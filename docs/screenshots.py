"""Take the screenshots of the documentation in a real JupyterLab: ``python docs/screenshots.py [SCENE …]``.

Each scene is a function below; its pictures go to ``static/screenshots/``. What is seen ran, and only the folder of its
notebook is called otherwise. It takes Chromium, and what ``tests/browser`` takes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Locator

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import chromium
from browser.grid import Grid
from browser.notebook import Notebook
from browser.panel import Panel
from services.jupyter import JupyterServer

FOLDER = Path(__file__).parent / "static" / "screenshots"

#: The page in its own pixels, how many of the picture's make one of these, and how many colours a picture keeps.
SIZE, FINENESS, COLOURS = (900, 640), 1.5, 96

#: What the notebook's folder is called in the pictures.
HOME = "/home/ada/study"

_CALL_FOLDER = """([real, shown]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(real, shown);
}"""


class Stage:
    """Where scenes are played: a browser and a JupyterLab, whose pictures are kept."""

    def __init__(self, browser: Browser, lab: JupyterServer, scratch: Path) -> None:
        self._browser = browser
        self._lab = lab
        self._scratch = scratch

    @contextmanager
    def notebook(self, name: str, cells: list[str], size: tuple[int, int] = SIZE) -> Iterator[Notebook]:
        """Open a notebook of this name, with nothing beside it on the page."""
        notebook = Notebook(
            self._browser, self._lab, cells, self._scratch / "shot", name=f"{name}.ipynb", size=size, scale=FINENESS
        )
        try:
            notebook.open()
            notebook.command("application:toggle-left-area")
            yield notebook
        finally:
            notebook.close()

    def save(self, notebook: Notebook, name: str, of: Locator | None = None) -> None:
        """Keep a picture of the page, or of a part of it, with few colours."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        notebook.evaluate(_CALL_FOLDER, [str(notebook.folder), HOME])
        with Image.open(notebook.screenshot(name, of)) as taken:
            few: Any = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}.png", optimize=True)


def first_map(stage: Stage) -> None:
    """The notebook of the front page, while its jobs run."""
    cells = [
        "import time\n\nfrom torc_nb import Workflow",
        'def square(x):\n    time.sleep(0.02)\n    return {"square": x * x}',
        'wf = Workflow("squares")',
        "m = wf.map(square, range(1000))",
        "wf.run(num_cpus=2)",
        "m.wait()",
        "m.results()",
    ]
    with stage.notebook("squares", cells, size=(900, 860)) as notebook:
        notebook.begin_all()
        notebook.cell(5).get_by_text(re.compile(r"[3-6]\d\d of 1,000")).first.wait_for()
        stage.save(notebook, "first-map-running")
        notebook.finish()
        stage.save(notebook, "first-map")


def live_view(stage: Stage) -> None:
    """A workflow of two rounds with failures, while it runs: light, asking, and dark."""
    cells = [
        "import time\n\nfrom torc_nb import Workflow",
        """def simulate(mesh):
    time.sleep(0.02)
    if mesh % 17 == 5:
        raise ValueError(f"mesh {mesh} does not converge")
    return mesh * 0.5""",
        "def refine(drag):\n    time.sleep(0.02)\n    return drag",
        'wf = Workflow("wing")\nm = wf.map(simulate, range(1500))\nn = wf.map(refine, m)\nwf.run(num_cpus=2)',
        "wf",
    ]
    with stage.notebook("wing", cells, size=(900, 700)) as notebook:
        notebook.run_all()
        view = notebook.output(4).locator(".torc-nb-live")
        view.get_by_text(re.compile(r" left")).first.wait_for()
        view.get_by_text(re.compile(r"jobs failed")).first.wait_for()
        view.get_by_text(re.compile(r"[4-9]\d\d of 1,500")).first.wait_for()
        stage.save(notebook, "live-view", view)
        view.get_by_role("button", name="Cancel").click()
        notebook.theme("dark")
        stage.save(notebook, "live-view-dark")
        notebook.theme("light")


def refreshing(stage: Stage) -> None:
    """A picture that is drawn anew while results come in."""
    cells = [
        "import time\n\nfrom torc_nb import Workflow",
        "def square(x):\n    time.sleep(0.4)\n    return x * x",
        'wf = Workflow("squares")\nm = wf.map(square, range(120))\nwf.run(num_cpus=2)',
        """@m.live
def plot(results):
    print(results["result"].count(), "of", len(results))
    results.plot.scatter("params", "result")""",
    ]
    with stage.notebook("squares", cells, size=(900, 900)) as notebook:
        notebook.run_all()
        notebook.output(3).locator(".torc-nb-screen").get_by_text(re.compile(r"\d+ of 120")).wait_for()
        stage.save(notebook, "refreshing")


def edit(stage: Stage) -> None:
    """Two edited cells of a grid, and what would run again."""
    declare = """wf = Workflow("sweep")
rows = [{"mesh": 0.1, "load": 10 * n, "name": f"beam {n}", "solver": {"rtol": 1e-06}} for n in range(200)]
m = wf.map(run, rows, postprocess=sum)
wf.run(num_cpus=2)
m.wait()"""
    function = 'from torc_nb import Workflow\n\ndef run(params):\n    return params["mesh"] * params["load"]'
    with stage.notebook("sweep", [function, declare, "m.edit()"], size=(900, 700)) as notebook:
        notebook.run_all()
        grid = Grid(notebook)
        for job in (3, 6):
            grid.type(job, 0, "0.05")
        grid.cell(9, 0).click()
        grid.summary.get_by_text("2 of 201 jobs would be ready again").wait_for()
        stage.save(notebook, "edit", notebook.cell(2))
        notebook.theme("dark")
        stage.save(notebook, "edit-dark", notebook.cell(2))
        notebook.theme("light")


def panel(stage: Stage) -> None:
    """A workflow in the side bar, while its jobs run."""
    cells = [
        """import time

from torc_nb import Workflow

def simulate(mesh):
    time.sleep(0.02)
    if mesh % 17 == 5:
        raise ValueError(f"mesh {mesh} does not converge")
    return mesh * 0.5""",
        'wf = Workflow("wing")\nm = wf.map(simulate, range(1500))\nwf.run(num_cpus=2)',
    ]
    with stage.notebook("wing", cells, size=(900, 700)) as notebook:
        notebook.run_all()
        shown = Panel(notebook)
        shown.widen(400)
        shown.open("wing")
        shown.tab("jobs")
        shown.root.get_by_text(re.compile(r"[4-9]\d\d of 1,500")).first.wait_for()
        stage.save(notebook, "panel")
        shown.root.get_by_text("1,412 of 1,500 completed").first.wait_for()
        shown.tab("results")
        shown.rows.nth(5).click(position={"x": 20, "y": 10})
        shown.root.get_by_label("The chosen row").get_by_text("does not converge").wait_for()
        stage.save(notebook, "panel-results", shown.root)


#: Every scene, in the order in which they are played.
SCENES: list[Callable[[Stage], None]] = [first_map, live_view, refreshing, edit, panel]


def main(chosen: list[str]) -> None:
    """Play the scenes of these names, or all."""
    names = [scene.__name__ for scene in SCENES]
    if unknown := [name for name in chosen if name not in names]:
        sys.exit(f"There is no scene {', '.join(unknown)}; there are {', '.join(names)}.")
    folder = tempfile.TemporaryDirectory(prefix="torc-nb-screenshots-")
    with folder as scratch, chromium.running() as browser, JupyterServer("lab") as lab:
        for scene in SCENES:
            if not chosen or scene.__name__ in chosen:
                scene(Stage(browser, lab, Path(scratch)))


if __name__ == "__main__":
    main(sys.argv[1:])
