"""The progress bar of waiting: plain, on a terminal, in a notebook."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from services.kernel import execute

from torc_nb.models import JobStatus
from torc_nb.widgets import Bar

SOME = {JobStatus.COMPLETED: 1, JobStatus.RUNNING: 1, JobStatus.READY: 2}
DONE = {JobStatus.COMPLETED: 3, JobStatus.FAILED: 1}
FINAL = "sweep: 3 of 4 completed, 1 failed\n"


def test_one_final_line_where_it_is_read_later(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain mode prints once, at the end, and nothing that differs from run to run."""
    monkeypatch.setenv("TORC_NB_PROGRESS", "plain")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Bar("sweep") as bar:
        bar.update(SOME)
        assert capsys.readouterr() == ("", "")
        bar.update(DONE)
    assert capsys.readouterr() == (FINAL, "")
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_pipe_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr goes to a file there is one line too, without asking for it; an interrupt leaves how far it came."""

    def interrupted() -> None:
        with Bar("sweep") as bar:
            bar.update(SOME)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr() == ("sweep: 1 of 4 completed, 1 running\n", "")


def test_nothing_is_shown_where_nothing_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """progress=False is silent, and so is a bar that was told nothing."""
    with Bar("sweep", enabled=False) as bar:
        bar.update(DONE)
    with Bar("sweep"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal() -> None:
    """There tqdm draws the title, all of the total, what failed; jobs that run again move it back."""
    code = (
        "from torc_nb.models import JobStatus as S; from torc_nb.widgets import Bar\n"
        "with Bar('sweep') as bar:\n"
        "    bar.update({S.COMPLETED: 3, S.READY: 1})\n"
        "    bar.update({S.COMPLETED: 1, S.READY: 3})\n"
        "    bar.update({S.COMPLETED: 3, S.FAILED: 1})\n"
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    environ = {name: value for name, value in os.environ.items() if name != "TORC_NB_PROGRESS"}
    done = subprocess.run([sys.executable, "-c", code], stderr=theirs, stdout=subprocess.PIPE, env=environ, check=True)
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65536):
            drawn += chunk
    except OSError:  # Linux: all of a closed terminal was read
        pass
    os.close(ours)
    assert b"sweep" in drawn
    assert b"4/4" in drawn
    assert b"1/4" in drawn
    assert b"1 failed" in drawn
    assert done.stdout == b""


def test_a_bar_does_not_load_what_it_does_not_need() -> None:
    """On a terminal, waiting imports neither ipywidgets nor pandas."""
    code = "import sys; from torc_nb.widgets.progress import Bar; print({'ipywidgets', 'pandas'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "set()"


def test_a_bar_in_a_notebook_is_saved_as_it_ended(tmp_path: Path) -> None:
    """There it is one output, drawn anew in its place, whose last state the notebook keeps."""
    code = (
        "from torc_nb.models import JobStatus as S\nfrom torc_nb.widgets import Bar\n"
        "with Bar('<b>sweep') as bar:\n"
        "    bar.update({S.READY: 4})\n"
        "    bar.update({S.COMPLETED: 3, S.FAILED: 1})"
    )
    notebook = new_notebook(cells=[new_code_cell(code)])
    execute(notebook, tmp_path)
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"] == "<b>sweep: 3 of 4 completed, 1 failed"
    assert "&lt;b&gt;sweep" in output.data["text/html"]
    assert "3 completed" in output.data["text/html"]
