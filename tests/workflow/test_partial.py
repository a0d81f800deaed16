"""Results before all are there: a place that refreshes in a real kernel, and a preview of postprocess."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import SEARCH_PATH, end_workers
from workflow.study import halve

from torc_nb.api import make_api
from torc_nb.errors import NotFound
from torc_nb.workflow import Workflow

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

#: Jobs that complete when they are let go: so many as the file says.
START = """
import pathlib, time
import pandas as pd
from torc_nb import Workflow

def run(x):
    while int(pathlib.Path("let").read_text() or 0) <= x:
        time.sleep(0.05)
    return x * x

def let(n):
    pathlib.Path("new").write_text(str(n))
    pathlib.Path("new").rename("let")

def wait_for(n):
    while m.results()["result"].notna().sum() < n:
        time.sleep(0.05)

let(0)
wf = Workflow("sweep", files="files")
m = wf.map(run, range(6))
wf.run(num_cpus=2)
"""
LIVE = """
@m.live
def show(results):
    calls.append(len(results))
    {body}
"""


def test_it_refreshes_while_the_kernel_is_free_and_during_wait(kernels: list[Kernel]) -> None:
    """At once without results, then with some between cells, and with all of them when wait returns."""
    kernel, _ = kernels
    kernel.run(START + "calls = []")
    body = "return f\"{results['result'].notna().sum()} there <b>\""
    kernel.run(LIVE.format(body=body))
    assert [shown["text/plain"] for shown in kernel.places.values()] == ["run: no results yet, of 6"]
    kernel.run("let(2)")
    assert kernel.wait_for_place(lambda shown: "2 there" in shown["text/plain"])["text/plain"] == "2 there <b>"
    kernel.run("time.sleep(2); n = len(calls)")
    kernel.run("time.sleep(2); assert len(calls) == n, 'called although there was nothing new'")
    kernel.run("let(9); m.wait(timeout=40, progress=False)")
    assert next(iter(kernel.places.values()))["text/plain"] == "6 there <b>"
    assert "refreshes no more" in kernel.run("repr(show)")
    kernel.run("assert show(m.results()) == '6 there <b>'")
    kernel.run(LIVE.format(body=body))
    assert list(kernel.places.values())[-1]["text/plain"] == "6 there <b>"


@ON_SQLITE
def test_what_a_function_shows(kernels: list[Kernel]) -> None:
    """Prints, a table, a figure by pyplot, by an Axes and on its own; not into the cell, and each once."""
    kernel, _ = kernels
    kernel.run(START + "calls = []; let(9); m.wait(timeout=40, progress=False)")
    printed = kernel.run(LIVE.format(body="print('a < b'); return results"))
    shown = list(kernel.places.values())[-1]
    assert printed == shown["text/plain"]  # and nothing beside the place
    assert "<pre>a &lt; b\n</pre>" in shown["text/html"]
    assert "<table" in shown["text/html"]
    kernel.run("import matplotlib.pyplot as plt; from matplotlib.figure import Figure")
    for body in (
        "results.plot.scatter('x', 'result')",
        "return results.plot.scatter('x', 'result')",
        "plt.plot([1]); plt.show(); return plt.gcf() if plt.get_fignums() else None",
        "f = Figure(); f.subplots().plot([1]); return f",
        "return plt.subplots(2)[1]",
    ):
        kernel.run("pass")
        kernel.run(LIVE.format(body=f"results = results.assign(x=range(6)); {body}"))
        shown = list(kernel.places.values())[-1]
        assert set(shown) == {"image/png", "text/plain"}, (body, shown)
        assert kernel.run("plt.get_fignums()") == "[]"


@ON_SQLITE
def test_pyplot_of_a_cell_and_of_the_place_keep_apart(kernels: list[Kernel]) -> None:
    """A cell draws for seconds while results come in, and waits in mid-figure: each figure has its own lines."""
    kernel, _ = kernels
    kernel.run(START + "calls = []; import matplotlib.pyplot as plt; plt.ioff()")
    body = "plt.plot([0, len(calls)]); print(len(plt.gca().lines), 'line')"
    kernel.run(LIVE.format(body=body))
    kernel.run(
        "fig, ax = plt.subplots(); n = plt.gcf().number; let(3)\n"
        "for k in range(60):\n    plt.plot([k, k]); time.sleep(0.05)\n"
        "wait_for(3); let(9); m.wait(timeout=40, progress=False); plt.plot([0, 1])\n"
        "assert calls and plt.gcf() is fig and len(ax.lines) == 61, (calls, len(ax.lines))"
    )
    assert "<pre>1 line\n</pre>" in next(iter(kernel.places.values()))["text/html"]


@ON_SQLITE
def test_an_error_is_shown_and_the_next_results_are_tried(kernels: list[Kernel]) -> None:
    """With the cell's own lines, none of ours, no colours."""
    kernel, _ = kernels
    kernel.run(START + "calls = []")
    kernel.run(LIVE.format(body="return 6 // (len(calls) - 1)"))
    kernel.run("let(1)")
    shown = kernel.wait_for_place(lambda shown: "ZeroDivisionError" in shown["text/plain"])["text/plain"]
    assert "return 6 // (len(calls) - 1)" in shown
    assert "gathered.py" not in shown
    assert "\x1b" not in shown
    kernel.run("let(3)")
    kernel.wait_for_place(lambda shown: re.fullmatch(r"\d", shown["text/plain"]) is not None)
    kernel.run("let(9)")


@ON_SQLITE
def test_stop_interrupt_and_running_the_cell_again(kernels: list[Kernel]) -> None:
    """Each leaves what was shown, and one place at most goes on."""
    kernel, _ = kernels
    kernel.run(START + "calls = []")
    kernel.run(LIVE.format(body="return 'first'"))
    kernel.run("first = show")
    kernel.run(LIVE.format(body="pathlib.Path('began').touch(); time.sleep(30)"))
    kernel.run("assert first.is_over and not show.is_over; let(1)")
    deadline = 300
    while not Path("began").exists() and deadline:
        deadline -= 1
        kernel.run("time.sleep(0.05)")
    kernel.interrupt()
    kernel.wait_for_place(lambda shown: "interrupted" in shown["text/plain"], 20)
    kernel.run("assert show.is_over")
    kernel.run(LIVE.format(body="return 'third'"))
    kernel.run("show.stop(); n = len(calls); let(3); wait_for(3); time.sleep(2); assert len(calls) == n")
    assert list(kernel.places.values())[-1]["text/plain"] == "third"
    kernel.run("let(9)")


@ON_SQLITE
def test_a_slow_function_leaves_the_kernel_its_time(kernels: list[Kernel]) -> None:
    """After a call of a second the next one waits for nine, and the last one for nothing."""
    kernel, _ = kernels
    kernel.run(START + "calls = []")
    kernel.run(LIVE.format(body="time.sleep(1); return str(results['result'].notna().sum())"))
    kernel.run("let(1)")
    kernel.wait_for_place(lambda shown: shown["text/plain"] == "1")
    kernel.run("let(3); wait_for(3)")
    kernel.run("time.sleep(3)")
    kernel.run("assert len(calls) == 1")
    kernel.run("let(9); m.wait(timeout=8, progress=False); assert len(calls) == 2")
    assert list(kernel.places.values())[-1]["text/plain"] == "6"


def test_a_workflow_that_is_deleted_is_said_in_its_place(kernels: list[Kernel]) -> None:
    """What was shown stays, and it ends."""
    kernel, _ = kernels
    kernel.run(START + "calls = []; let(2); wait_for(2)")
    kernel.run(LIVE.format(body="return 'two'"))
    kernel.run("wf.cancel(); wf.api.delete_workflow(wf.id)")
    shown = kernel.wait_for_place(lambda shown: "refreshed no more" in shown["text/plain"])
    assert "two" in shown["text/plain"]
    kernel.run("assert show.is_over")


def test_a_preview_stores_nothing(wf: Workflow) -> None:
    """On the results that are there, in input order, by the stored function or a given one."""
    m = wf.map(halve, [{"x": 4}, {"x": -1}, {"x": 2}], postprocess=lambda found: [one["half"] for one in found])
    with pytest.raises(NotFound, match="No result of halve is there yet"):
        m.preview()
    wf.run(num_cpus=1)
    wf.wait(timeout=40, progress=False)
    before = wf.jobs().to_dict("list")
    assert m.preview() == [2.0, 1.0]
    assert m.preview(len) == 2
    with pytest.raises(ZeroDivisionError) as raised:
        m.preview(lambda found: 1 // 0)
    assert [entry.name for entry in raised.traceback][-1] == "<lambda>"
    assert wf.jobs().to_dict("list") == before


def test_a_preview_says_on_how_many(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """A map without postprocess needs one given."""
    m = wf.map(halve, [{"x": 4}, {"x": -1}])
    wf.run(num_cpus=1)
    wf.wait(timeout=40, progress=False)
    capsys.readouterr()
    assert m.preview(len) == 1
    assert capsys.readouterr().out == "preview on 1 of 2 results of halve; nothing is stored\n"
    with pytest.raises(NotFound, match="has no postprocess: give one"):
        m.preview()


@ON_SQLITE
def test_in_a_script_it_is_called_once_with_all(tmp_path: Path, store_url: str) -> None:
    """It waits, and an error ends the script as any other."""
    script = tmp_path / "study.py"
    script.write_text(
        "from torc_nb import Workflow\nwf = Workflow('script')\nm = wf.map(abs, range(-3, 0))\nwf.run()\n"
        "@m.live\ndef show(results):\n    print('called with', results['result'].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"TORC_NB_DATABASE_URL": store_url, "PYTHONPATH": SEARCH_PATH},
    )  # fmt: skip
    api = make_api(store_url)
    end_workers(api)
    api.database.close()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("called with") == 1
    assert "called with [3, 2, 1]" in done.stdout
