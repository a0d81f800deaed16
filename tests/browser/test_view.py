"""The live view of a workflow in a real browser: it moves, asks before it acts, and is right wherever it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from browser.notebook import Notebook
from playwright.sync_api import Locator, expect
from services.jupyter import JupyterServer

OpenNotebook = Callable[..., Notebook]

#: Each job ends when a file of its number is there; a negative one fails.
WORK = """
import time
from pathlib import Path
from torc_nb import Workflow
here = Path.cwd()
def work(x):
    while not (here / f"go-{x}").exists():
        time.sleep(0.02)
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x
def after(x):
    return x
"""
DECLARE = """
wf = Workflow("sweep")
m = wf.map(work, [1, 2, -3, 4])
n = wf.map(after, m)
wf.run(num_cpus=5)
"""
LOOP = (
    "end = time.monotonic() + 40\nwhile time.monotonic() < end and not (here / 'over').exists():\n    time.sleep(0.1)"
)
CELLS = [WORK, DECLARE, "wf"]
VIEW = 2


@pytest.fixture
def opened(open_notebook: OpenNotebook) -> Notebook:
    """A notebook whose view is shown, with jobs that wait for files."""
    notebook = open_notebook(CELLS)
    notebook.run_all()
    return notebook


def let(notebook: Notebook, *names: object) -> None:
    """Let jobs end, or a cell: by its file."""
    for name in names:
        (notebook.folder / (name if isinstance(name, str) else f"go-{name}")).touch()


def view(notebook: Notebook, index: int = VIEW) -> Locator:
    """The view below a cell, as the front end draws it."""
    return notebook.output(index).locator(".torc-nb-live")


def shows(where: Locator, *texts: str) -> None:
    """Wait until texts can be read there."""
    for text in texts:
        expect(where).to_contain_text(text)


def press(where: Locator, label: str, answer: str = "yes") -> None:
    """Press a button, and answer its question."""
    where.get_by_role("button", name=label).click()
    where.locator(f"[data-answer={answer}]").click()


def test_numbers_move_while_the_kernel_is_idle_and_while_it_is_busy(opened: Notebook) -> None:
    """Jobs of each map, the worker with its load, what failed and why; in the end nothing runs."""
    shown = view(opened)
    shows(shown, "0 of 8 completed", "4 running", "1 worker, 5 CPUs, 4 busy", "4 jobs on 4 CPUs", "seen ")
    let(opened, 1)
    shows(shown, "2 of 8 completed")
    opened.type(LOOP)
    opened.begin(3)
    let(opened, 2, -3)
    shows(shown, "1 failed", "1 job failed", "ValueError", "-3 is negative", "4 of 8 completed")
    assert "[*]" in opened.cell(3).inner_text()
    let(opened, "over")
    opened.finish()
    let(opened, 4)
    shows(shown, "6 of 8 completed", "1 canceled", "wf.failures() says why")
    expect(shown.get_by_role("img", name="6 completed, 1 failed, 1 canceled")).to_be_visible()
    letters = "element => getComputedStyle(element).color"
    patch = "element => getComputedStyle(element.querySelector('.torc-nb-patch')).backgroundColor"
    light = [shown.evaluate(letters), shown.evaluate(patch)]
    opened.screenshot("light")
    opened.theme("dark")
    dark = [shown.evaluate(letters), shown.evaluate(patch)]
    opened.screenshot("dark")
    assert light[0] != dark[0]
    assert light[1] == dark[1]  # of a status: the same wherever it is seen


def test_a_button_asks_and_acts_while_a_cell_runs(opened: Notebook) -> None:
    """By mouse and by keys alike; saying no does nothing, saying yes is done before the cell ends, and is answered."""
    shown = view(opened)
    shows(shown, "4 running")
    opened.type(LOOP)
    opened.begin(3)
    press(shown, "Cancel", "no")
    cancel, question = shown.get_by_role("button", name="Cancel"), shown.get_by_role("alertdialog")
    cancel.focus()
    opened.page.keyboard.press("Enter")
    shows(question, "Cancel 8 jobs that have not finished, and stop the workers? Results stay.")
    expect(question.get_by_role("button", name="No")).to_be_focused()
    opened.page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(cancel).to_be_focused()
    for _ in range(2):
        opened.page.keyboard.press("d")
    assert opened.count == 4
    shows(shown, "4 running")
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("Shift+Tab")
    opened.page.keyboard.press("Enter")
    shows(shown, "8 jobs of sweep canceled.", "8 canceled")
    assert "[*]" in opened.cell(3).inner_text()
    let(opened, "over", 1, 2, -3, 4)
    opened.finish()


def test_it_is_right_after_a_reload_in_a_new_kernel_and_after_run_all(opened: Notebook) -> None:
    """In mid-run: the jobs went on, the cells say the same again and find them, and none is doubled."""
    let(opened, 1)
    shows(view(opened), "2 of 8 completed")
    opened.save()
    opened.reload()
    shows(view(opened), "2 of 8 completed")
    let(opened, 2)
    shows(view(opened), "4 of 8 completed")
    opened.restart_kernel()
    let(opened, -3)
    for _ in range(2):
        opened.run_all()
        shows(view(opened), "4 of 8 completed", "1 failed")
    let(opened, 4)
    shows(view(opened), "6 of 8 completed")
    expect(view(opened)).to_have_count(1)
    opened.type("int(wf.jobs().attempt.max())")
    opened.run(3)
    assert opened.text(3) == "1"


def test_what_failed_is_rerun_by_a_button(opened: Notebook) -> None:
    """With the code as the notebook has it now; a view of a finished workflow goes on."""
    let(opened, 1, 2, -3, 4)
    shown = view(opened)
    shows(shown, "6 of 8 completed")
    opened.type("def work(x):\n    return x")
    opened.run(3)
    press(shown, "Rerun failed")
    shows(shown, "1 job(s) of sweep are ready again")
    shows(shown, "8 of 8 completed")
    expect(shown.get_by_role("button")).to_have_count(0)


def test_a_page_whose_kernel_is_gone_keeps_the_last_state(opened: Notebook) -> None:
    """The saved notebook holds it as HTML and as text, and no state of widgets."""
    let(opened, 1, 2, -3, 4)
    shows(view(opened), "6 of 8 completed")
    opened.page.wait_for_function(
        """() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.cells.get(2).outputs.toJSON())
            .includes("sweep: 6 of 8 completed")"""
    )
    saved = opened.save()
    assert "widgets" not in saved.metadata
    assert "6 of 8 completed" in saved.cells[VIEW].outputs[0].data["text/html"]
    opened.command("kernelmenu:shutdown")
    opened.page.reload()
    output = opened.output(VIEW)
    shows(output, "6 of 8 completed", "ValueError", "-3 is negative")
    expect(output.get_by_text("model not found")).not_to_be_visible()
    expect(view(opened)).to_have_count(0)


def test_it_says_that_the_kernel_says_nothing(opened: Notebook) -> None:
    """A kernel that was killed leaves a view that does not pretend to be new."""
    shown = view(opened)
    shows(shown, "4 running")
    opened.type("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")
    opened.begin(3)
    expect(shown).to_contain_text("No word from the kernel since", timeout=60_000)


# In a thread: a kernel that runs a cell cannot hear that a view was taken away, and takes it for shown.
_ASKING = (
    "import threading, torc_nb.widgets.presence as presence\npresence.OTHERS = 1\n"
    "asking = [thread for thread in threading.enumerate() if thread.name == 'torc-nb views']\n"
    "print(len(asking), 'asks')\n"
    "tell = lambda: ([thread.join() for thread in asking], (here / 'nobody').touch())\n"
    "threading.Thread(target=tell).start()"
)


def test_what_is_not_shown_is_not_asked_for(opened: Notebook) -> None:
    """One thread while a view is open in two places, none when the last is gone."""
    opened.type("wf")
    opened.run(3)
    shows(view(opened, 3), "4 running")
    opened.type(_ASKING)
    opened.run(4)
    shows(opened.output(4), "1 asks")
    for index in (VIEW, 3):
        opened.evaluate(
            "(index) => { const n = window.jupyterapp.shell.currentWidget.content; n.deselectAll();"
            "n.activeCellIndex = index; return window.jupyterapp.commands.execute('notebook:clear-cell-output')"
            ".then(() => null); }",
            index,
        )
    began = time.monotonic()
    while not (opened.folder / "nobody").exists():
        assert time.monotonic() - began < 60
        time.sleep(0.1)


HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u202etxt\u0000\n\x1b[2J"
BAD = f"""
from torc_nb import Workflow
bad = {HOSTILE!r}
wf = Workflow(bad)
def fail(x):
    raise ValueError(x + "y" * 10_000_000)
m = wf.map(fail, [bad], name=bad)
n = wf.map(len, [bad], name=bad + "2")
wf.run(num_cpus=1)
m.wait(progress=False)
n.wait(progress=False)
"""


def test_hostile_names_and_errors_are_text(open_notebook: OpenNotebook) -> None:
    """In the view that the front end draws, and in the HTML that stays."""
    notebook = open_notebook([BAD, "wf"])
    notebook.run_all()
    shows(view(notebook, 1), "<script>window.hacked=1</script>", "1 job failed", "ValueError", "1 of 2 completed")
    expect(notebook.output(1).locator("script, img")).to_have_count(0)
    assert len(view(notebook, 1).inner_text()) < 3000
    saved = notebook.save()
    assert len(saved.cells[1].outputs[0].data["text/html"]) < 10_000
    assert notebook.page.evaluate("() => window.hacked === undefined")


def test_in_notebook_7(open_notebook: OpenNotebook, notebook_7: JupyterServer) -> None:
    """The same view, with its buttons."""
    notebook = open_notebook(CELLS, on=notebook_7)
    notebook.run_all()
    shown = view(notebook)
    shows(shown, "4 running")
    let(notebook, 1)
    shows(shown, "2 of 8 completed")
    press(shown, "Cancel")
    shows(shown, "6 canceled")


def test_a_lab_without_anywidget_shows_it_as_html(
    open_notebook: OpenNotebook, lab_without_anywidget: JupyterServer
) -> None:
    """It moves too, without buttons, and nothing is said of a widget that cannot be drawn."""
    notebook = open_notebook(CELLS, on=lab_without_anywidget)
    notebook.run_all()
    still = notebook.output(VIEW).locator("[data-torc-nb]")
    shows(still, "4 running")
    expect(notebook.output(VIEW).locator(".jupyter-widgets-error-widget")).not_to_be_visible()
    let(notebook, 1, 2, -3, 4)
    shows(still, "6 of 8 completed", "-3 is negative")
    notebook.console[:] = [said for said in notebook.console if "anywidget" not in said]


def test_a_lab_without_widgets_shows_it_as_html(open_notebook: OpenNotebook, plain_lab: JupyterServer) -> None:
    """A picture that is drawn anew now and then, and in the end."""
    notebook = open_notebook(CELLS, on=plain_lab)
    notebook.run_all()
    output = notebook.output(VIEW)
    shows(output, "sweep", "completed")
    let(notebook, 1, 2, -3, 4)
    expect(output).to_contain_text("6 of 8 completed", timeout=40_000)
    shows(output, "-3 is negative")
    saved = notebook.save()
    assert "6 of 8 completed" in saved.cells[VIEW].outputs[0].data["text/plain"]
    notebook.console[:] = [said for said in notebook.console if "opening new comm" not in said]
