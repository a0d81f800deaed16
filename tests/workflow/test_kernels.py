"""Run All, in one kernel and in several, as a notebook does it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import pids

from torc_nb.api import make_api
from torc_nb.models import JobStatus

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

NOTEBOOK = """
import time, dataclasses, pathlib
import pandas as pd
from pydantic import BaseModel
from torc_nb import Workflow

class Site(BaseModel):
    name: str
    depth: float = 1.0

@dataclasses.dataclass
class Answer:
    site: Site
    total: float

def run(site):
    with pathlib.Path("ran").open("a") as ran:
        ran.write(site.name + "\\n")
    time.sleep(0.05)
    return Answer(site, site.depth * 2)

wf = Workflow("sweep", files="files")
m = wf.map(run, [Site(name=str(n), depth=n) for n in range(40)], postprocess=lambda found: sum(a.total for a in found))
wf.run(num_cpus=2)
"""


def test_run_all_again_and_again(kernels: list[Kernel], store_url: str, tmp_path: Path) -> None:
    """Twice in one kernel and once in another, in mid-run: no job, allocation or worker is doubled.

    The parameters and results are of classes that the notebook defines, and each kernel gets them as its own.
    """
    first, second = kernels
    assert "run: 40 new" in first.run(NOTEBOOK)
    again = first.run(NOTEBOOK)
    assert "run: 40 as before; " in again
    assert "already running here" in again
    elsewhere = second.run(NOTEBOOK)
    assert "run: 40 as before; " in elsewhere
    assert "already running here" in elsewhere

    first.run("m.wait(timeout=40, progress=False)")
    assert first.run("m.postprocess_result()") == "1560.0"
    for kernel in kernels:
        kernel.run("assert [answer.total for answer in m] == [2.0 * n for n in range(40)]")
        kernel.run("assert all(isinstance(answer, Answer) and isinstance(answer.site, Site) for answer in m)")
        assert kernel.run("len(m.results()), len(wf.jobs())") == "(40, 41)"
    assert sorted((tmp_path / "ran").read_text().split(), key=int) == [str(n) for n in range(40)]
    api = make_api(store_url)
    assert api.progress(1).statuses == {JobStatus.COMPLETED: 41}
    assert len(api.list_allocations(1)) == len(pids(api, 1)) == 1
    api.database.close()


@ON_SQLITE
def test_results_in_a_kernel_without_the_notebooks_classes(kernels: list[Kernel]) -> None:
    """They travelled with the function, and this kernel's modules stay its own."""
    first, second = kernels
    first.run("import pathlib; pathlib.Path('mesh.py').write_text('N = 2\\n')")
    first.run(NOTEBOOK.replace("def run(site):", "def run(site):\n    import mesh"))
    first.run("m.wait(timeout=40, progress=False)")
    second.run("from torc_nb import Workflow; wf = Workflow('sweep'); m = wf['run']")
    assert second.run("m.value(1).site.name, type(m.value(1)).__name__") == "('0', 'Answer')"
    second.run("import pathlib; pathlib.Path('mesh.py').write_text('N = 3\\n'); import mesh; assert mesh.N == 3")


def test_two_kernels_map_at_once(kernels: list[Kernel], store_url: str) -> None:
    """The same map becomes one, different ones become two; all rows once."""
    for number, kernel in enumerate(kernels):
        kernel.run(
            "import time; from torc_nb import Workflow, make_api\n"
            f"if {number} == 0: Workflow('sweep', files='files')\n"
            "def run(x):\n    return x\n"
            "params = [{'x': n} for n in range(20_000)]"
        )
    moment = "import time; time.sleep(max(0, {at} - time.time()))\nwf = Workflow('sweep')\n"
    at = time.time() + 0.5
    begun = [
        kernel.begin(
            moment.format(at=at) + "wf.map(run, params, unpack=True)\n"
            f"wf.map(run, params[:3], name='own{number}', unpack=True)"
        )
        for number, kernel in enumerate(kernels)
    ]
    for kernel, cell in zip(kernels, begun, strict=True):
        kernel.finish(cell)
    assert kernels[0].run("sorted((one.name, len(one)) for one in wf.maps)") == (
        "[('own0', 3), ('own1', 3), ('run', 20000)]"
    )
    api = make_api(store_url)
    assert api.progress(1).total == 20_006
    api.database.close()


def test_run_all_in_two_kernels_at_once(kernels: list[Kernel], store_url: str, tmp_path: Path) -> None:
    """Of a notebook that was never run: one workflow, its jobs once, one worker."""
    for kernel in kernels:
        kernel.run("import torc_nb.workflow, torc_nb.widgets, pandas, pydantic, submitit")
    at = time.time() + 0.5
    begun = [kernel.begin(f"import time; time.sleep(max(0, {at} - time.time()))\n{NOTEBOOK}") for kernel in kernels]
    printed = [kernel.finish(cell) for kernel, cell in zip(kernels, begun, strict=True)]
    assert sorted("created workflow sweep (1)" in text for text in printed) == [False, True]
    assert sorted("started a worker on this machine" in text for text in printed) == [False, True]
    assert sum("already running here" in text for text in printed) == 1
    kernels[1].run("m.wait(timeout=40, progress=False)")
    assert sorted((tmp_path / "ran").read_text().split(), key=int) == [str(n) for n in range(40)]
    api = make_api(store_url)
    assert [one.name for one in api.list_workflows()] == ["sweep"]
    assert api.progress(1).statuses == {JobStatus.COMPLETED: 41}
    assert len(api.list_allocations(1)) == len(api.list_workers(1)) == 1
    api.database.close()


@ON_SQLITE
def test_rerun_with_the_repaired_cell(kernels: list[Kernel]) -> None:
    """The whole story of a Monday: a new kernel, the repaired cell, one line; what completed is not run again."""
    first, second = kernels
    cell = """
def run(x):
    print("try", x)
    return 100 // {divisor}
"""
    start = "from torc_nb import Workflow; wf = Workflow('sweep', files='files')\n"
    first.run(start + cell.format(divisor="x"))
    out = first.run("m = wf.map(run, [5, 0, 10]); wf.run(num_cpus=1)")
    assert "3 new" in out
    first.run("m.wait(timeout=40, progress=False)")
    assert "opened sweep (1): 3 jobs, 1 failed" in second.run(start + cell.format(divisor="(x or 1)"))
    assert "ZeroDivisionError" in second.run("print(wf.failures().to_string())")
    out = second.run("wf.rerun(status='failed')")
    assert "1 job(s) of sweep are ready again" in out
    assert "run: run changed, v2 runs from now on" in out
    second.run("wf.run(num_cpus=1); wf.wait(timeout=40, progress=False)")
    assert second.run("list(wf['run'])") == "[20, 100, 10]"
    assert "run: 2 by v1, 1 by v2" in second.run("print(repr(wf))")
    assert second.run("wf['run'].results(provenance=True)['job.code'].tolist()") == "['v1', 'v2', 'v1']"


@ON_SQLITE
def test_the_debugger_opens_in_another_kernel(kernels: list[Kernel]) -> None:
    """In a kernel that never saw the cell: its lines, its variables by name, and its helper's module of then."""
    first, second = kernels
    first.run(
        "from pathlib import Path\n"
        "Path('parts.py').write_text('def part(x):\\n    return 10 // x\\n')\n"
        "import parts\n"
        "from torc_nb import Workflow\n"
        "def run(x):\n"
        "    y = x - 3\n"
        "    return parts.part(y)\n"
        "wf = Workflow('sweep', files='files')\n"
        "m = wf.map(run, [2, 3])\n"
        "wf.run(num_cpus=1)\n"
        "wf.wait(timeout=40, progress=False)\n"
        "Path('parts.py').write_text('# another line\\ndef part(x):\\n    return x\\n')"
    )
    second.run("%load_ext torc_nb\nimport parts")
    begun = second.begin("%torc -w sweep debug 2")
    for typed in ("up", "p 'y is', y", "q"):
        second.answer(typed)
    seen = re.sub(r"\x1b\[[\d;]*m", "", second.finish(begun))
    assert "return 10 // x" in seen
    assert "return parts.part(y)" in seen
    assert "('y is', 0)" in seen
    assert "site-packages" not in seen
    assert second.run("print(parts.part(5))") == "5\n"
