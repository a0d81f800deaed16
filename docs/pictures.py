"""Run a workflow, and draw the pictures of ``howto/plots.md`` of it: ``python docs/pictures.py``.

It runs for half a minute, with two workers on this machine, of which only the name is replaced.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from torc_nb import Workflow, plots
from torc_nb.api import Timeline

FOLDER = Path(__file__).parent / "howto" / "plots"

#: Dots per inch, and how many colours a picture keeps: enough, and few bytes.
FINENESS, COLOURS = 130, 48


def simulate(seed: int) -> float:
    """Compute for a while, with some memory."""
    chance = random.Random(seed)
    seconds = chance.lognormvariate(-0.8, 0.5)
    held = bytearray(chance.randrange(60, 180) << 20)
    end = time.process_time() + 0.6 * seconds
    while time.process_time() < end:
        pass
    if seed % 19 == 4:
        raise ArithmeticError("no convergence")
    return seconds + len(held) * 0


def refine(seconds: float) -> float:
    """Wait for a while."""
    time.sleep(0.15 + seconds / 4)
    return seconds


def summary(results: list[float]) -> float:
    """Add up."""
    return sum(results)


def declared() -> Workflow:
    """The workflow of the page."""
    wf = Workflow("harbour")
    mesh = wf.command("sleep 1", name="mesh")
    first = wf.map(simulate, range(60), memory="150m", runtime="1s", blocked_by=mesh)
    wf.map(refine, first, runtime="1s")
    calm = wf.map(refine, [0.5] * 12, name="calm weather", postprocess=summary)
    wf.command("sleep 0.5", name="report", blocked_by=[mesh, calm])
    return wf


def run(wf: Workflow) -> None:
    """Two workers, of which the second comes later; the picture of what runs is drawn on the way."""
    wf.run(num_cpus=2)
    time.sleep(5)
    wf.run(num_cpus=2, more=True)
    time.sleep(4)
    save("timeline-running", plots.timeline(_named(wf.api.timeline(wf.id))))
    save("graph", wf.plot.graph())
    wf.wait(timeout=120, progress=False)
    save("timeline", plots.timeline(_named(wf.api.timeline(wf.id))))
    save("resources", wf.plot.resources(maps=["simulate", "refine"]))
    save("durations", wf.plot.durations(maps=["simulate", "refine"]))
    wf.api.cancel_allocations(wf.id)


def _named(found: Timeline) -> Timeline:
    """Call this machine as the documentation does."""
    return replace(found, workers=[worker.model_copy(update={"host": "laptop"}) for worker in found.workers])


def save(name: str, figure: Figure) -> None:
    """Write a picture with few colours."""
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=FINENESS)
    with Image.open(path) as drawn:
        few: Any = drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main() -> None:
    """Draw them all anew."""
    FOLDER.mkdir(exist_ok=True)
    sys.modules["__main__"].__file__ = None  # type: ignore[assignment]  # its functions travel as a notebook's do
    with tempfile.TemporaryDirectory(prefix="torc_nb-pictures-") as folder, chdir(folder):
        wf = declared()
        run(wf)
        wf.api.database.close()


if __name__ == "__main__":
    main()
