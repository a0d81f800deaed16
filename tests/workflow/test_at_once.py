"""Two kernels that do something to one workflow at the same moment, each of the four verbs with each."""

from __future__ import annotations

import time
from itertools import combinations_with_replacement
from pathlib import Path

from services.kernel import Kernel

ROWS = 40

NOTEBOOK = f"""
import pathlib, time
from torc_nb import Workflow
from torc_nb.errors import Conflict

def run(x, shift):
    time.sleep(0.01)
    with pathlib.Path("ran").open("a") as ran:
        ran.write(f"{{x}} {{shift}}\\n")
    return 1000 * x + shift

rows = [{{"x": x, "shift": 0}} for x in range({ROWS})]
"""

#: What a kernel does at the moment; it tells how many jobs were made ready, and how many rows it changed.
VERBS = {
    "map": "wf.map(run, rows + [{'x': new, 'shift': 0}]); told = 1, 0",
    "modify": """
try:
    told = 0, m.modify(table)
except Conflict:
    told = 0, 0
""",
    "reinitialize": "told = wf.api.reinitialize(wf.id).ready, 0",
    "rerun": "told = wf.rerun('completed', where=lambda row: row['x'] in again), 0",
}


def prepare(kernel: Kernel, pair: int, number: int) -> None:
    """Read the table that is to be edited, and choose rows of which the other kernel has some too."""
    kernel.run(f"""
m = wf["run"]
table = m.params()
low = 5 * {number}
table.loc[table["x"].between(low, low + 9), "shift"] = 10 * {pair + 1} + {number}
again = range(low + 3, low + 13)
new = {ROWS + 2 * pair + number}
""")


def edit_before(kernel: Kernel, pair: int) -> None:
    """Change some parameters, so that there is something to reinitialize."""
    kernel.run(f"""
earlier = wf["run"].params()
earlier.loc[earlier["x"] < 6, "shift"] = 10 * {pair + 1} + 9
wf["run"].modify(earlier)
""")


def answers(kernels: list[Kernel], verbs: tuple[str, ...]) -> list[tuple[int, int]]:
    """Let each kernel do its verb at the same moment; returns what they tell."""
    at = time.time() + 0.3
    begun = [
        kernel.begin(f"time.sleep(max(0, {at} - time.time()))\n{VERBS[verb]}\nprint('told', *told)")
        for kernel, verb in zip(kernels, verbs, strict=True)
    ]
    said = [kernel.finish(cell) for kernel, cell in zip(kernels, begun, strict=True)]
    numbers = [text.rpartition("told ")[2].split() for text in said]
    return [(int(ready), int(changed)) for ready, changed in numbers]


def settled(kernel: Kernel) -> tuple[int, int]:
    """Reinitialize when all is done, which changes wait for; returns how many jobs ran again, and the number of all."""
    said = kernel.run("""
wf.wait(timeout=40, progress=False)
last = wf.api.reinitialize(wf.id).ready
wf.wait(timeout=40, progress=False)
found = wf["run"].results()
assert (found["result"] == 1000 * found["x"] + found["shift"]).all(), found
print("told", last, len(wf.jobs("completed")))
""")
    last, completed = said.rpartition("told ")[2].split()
    return int(last), int(completed)


def test_each_verb_with_each(kernels: list[Kernel], tmp_path: Path) -> None:
    """While a worker runs: no edit is lost, each row gets the result of its newest parameters, none runs unasked."""
    for kernel in kernels:
        kernel.run(NOTEBOOK)
        kernel.run("wf = Workflow('sweep', files='files')")
    kernels[0].run("wf.map(run, rows); wf.run(num_cpus=2); wf.wait(timeout=40, progress=False)")
    rows, ran = ROWS, tmp_path / "ran"
    for pair, verbs in enumerate(combinations_with_replacement(VERBS, 2)):
        if "reinitialize" in verbs:
            edit_before(kernels[0], pair)
        for number, kernel in enumerate(kernels):
            prepare(kernel, pair, number)
        before = len(ran.read_text().splitlines())
        told = answers(kernels, verbs)
        last, completed = settled(kernels[0])
        executions = len(ran.read_text().splitlines()) - before
        asked = last + sum(ready for ready, _ in told)
        rows += verbs.count("map")
        assert completed == rows, verbs
        if verbs == ("modify", "modify"):
            assert sorted(changed for _, changed in told) == [0, 10]  # of two tables that share rows one is written
        elif "modify" in verbs:
            assert 10 in [changed for _, changed in told], verbs
            assert 10 <= executions <= asked, verbs  # what is changed while it runs may be stopped
        else:
            assert executions == asked, verbs
