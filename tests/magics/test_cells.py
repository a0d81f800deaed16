"""``%%torc map`` in a real kernel."""

from __future__ import annotations

import time

import pytest
from services.kernel import CellFailed, Kernel

CELL = """%%torc map rows --no-unpack --cpus 1
import functools

def logged(function):
    @functools.wraps(function)
    def call(p):
        return function(p)
    return call

def helper(p):
    return 10 / p["a"]

@logged
def run(p):
    return helper(p)
"""


@pytest.fixture
def study(kernel: Kernel) -> Kernel:
    """The kernel, with a workflow and parameters."""
    kernel.run("from torc_nb import Workflow\nwf = Workflow('study')\nrows = [{'a': a} for a in (1, 2, 0)]")
    return kernel


def test_the_cells_last_function_is_mapped(study: Kernel) -> None:
    """With its helpers and decorator, once; its source is the cell's, and so are the lines of its tracebacks."""
    seen = study.run(CELL)
    assert "run: 3 new" in seen
    assert "Map('run'" in seen
    assert "run: 3 as before" in study.run(CELL)
    assert "run: 3 as before, code changed" in study.run(CELL.replace("10 /", "20 /"))
    assert study.run("import inspect\nprint(inspect.getsource(helper))") == 'def helper(p):\n    return 20 / p["a"]\n\n'
    study.run("wf.run(num_cpus=1)\nwf.wait(timeout=60, progress=False)")
    assert study.run("print(wf['run'].results()['result'].tolist()[:2])") == "[20.0, 10.0]\n"
    told = study.run("print(wf.logs(3))")
    assert "ZeroDivisionError" in told
    assert "line 11, in helper" in told  # counted from the line of %%torc
    assert 'return 20 / p["a"]' in told
    study.run("wf.cancel()")


def test_parameters_are_expressions(study: Kernel) -> None:
    """One, or several in step, with spaces, quotes and dashes in them; options stand around."""
    cell = '\ndef f(a, b=0, *, c=""):\n    return a\n'
    assert "f: 2 new" in study.run("%%torc map [n for n in range(5) if n - 2 > 0]" + cell)
    assert "g: 3 new" in study.run("%%torc -w study map [1,2,3] range(3) --name g --memory 1g" + cell)
    assert "h: 1 new" in study.run("%%torc map [{'a': 1, 'c': 'x --name y'}] --unpack --name h" + cell)


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("%%torc map rows\nx = 1", "The cell defines no function, and was not run."),
        ("%%torc map rows\ndef f(p): pass\n1 / 0", "Nothing was mapped: the cell raised ZeroDivisionError."),
        ("%%torc map rows\ndef f(p) pass", "Nothing was mapped: the cell raised SyntaxError."),
        ("%%torc map\ndef f(p): pass", "PARAMS are missing"),
        ("%%torc map --cpus 2\ndef f(p): pass", "PARAMS are missing"),
        ("%%torc map rovs\ndef f(p): pass", "There is no `rovs` in this notebook. Do you mean `rows`?"),
        ("%%torc map rows --cpuz 2\ndef f(p): pass", "Do you mean `--cpus`?"),
        ("%%torc map rows --cpus 'two\ndef f(p): pass", "No closing quotation"),
        ("%%torc jobs list\ndef f(p): pass", "Only `map` takes a cell."),
    ],
)
def test_a_refusal_is_a_sentence(study: Kernel, cell: str, complaint: str) -> None:
    """It says what is wrong, shows nothing of torc_nb's inside, and maps nothing."""
    seen = study.sees(cell)
    assert complaint in seen
    assert "torc_nb/" not in seen
    assert study.run("print(len(wf.jobs()))") == "0\n"


def test_errors_of_the_users_own_keep_their_lines(study: Kernel) -> None:
    """The stack has the user's lines and no others: of the cell, of an expression, of a generator."""
    for cell, line in {
        "%%torc map rows\ndef f(p): pass\n\nbroken = 1 / 0": "----> 4 broken = 1 / 0",
        "%%torc map [1 / n for n in (0,)]\ndef f(p): pass": "1 [1 / n for n in (0,)]",
        "made = (1 / n for n in (0,))\n%torc map f made": "1 made = (1 / n for n in (0,))",
    }.items():
        seen = study.sees(cell)
        assert line in seen
        assert "ZeroDivisionError: division by zero" in seen
        assert "torc_nb/" not in seen
        assert "click/" not in seen


def test_the_stop_button_leaves_cleanly(study: Kernel) -> None:
    """One line instead of a stack, nothing half done, and the next command works."""
    study.run(
        "import time\ndef slow():\n    for n in range(1000):\n        if n == 1: print('begun', flush=True)\n"
        "        time.sleep(0.05)\n        yield n\ndef f(p): return p\nmade = slow()"
    )
    begun = study.begin("%torc map f made --name slow")
    time.sleep(2)
    study.interrupt()
    with pytest.raises(CellFailed) as stopped:
        study.finish(begun)
    assert str(stopped.value) == "KeyboardInterrupt: stopped; what was done before stays."
    assert study.run("print([map.name for map in wf.api.list_maps(wf.id)])") == "[]\n"
    assert "again: 3 new" in study.run("%torc map f rows --name again --no-unpack")
