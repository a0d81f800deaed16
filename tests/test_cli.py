"""`torc-nb` as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from commands import sweep

from torc_nb.api import make_api

TORC_NB = [sys.executable, "-m", "torc_nb.cli"]


def torc_nb(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `torc-nb` in a folder, with nobody to answer it."""
    return subprocess.run(
        [*TORC_NB, *words], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """A folder with a database of one workflow that nobody started."""
    api = make_api(tmp_path / ".torc" / "torc.db")
    sweep.declare(api, tmp_path)
    api.database.close()
    return tmp_path


def test_help_imports_nothing_slow() -> None:
    """Help is there at once: without pandas, SQLAlchemy, pydantic and IPython."""
    code = (
        "import sys; from torc_nb import cli; assert cli.run(['jobs', 'list', '--help']) == 0;"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--status" in ran.stdout
    slow = {"pandas", "numpy", "sqlalchemy", "pydantic", "IPython", "submitit"}
    assert slow & set(ran.stdout.splitlines()[-1].split()) == set()


def test_what_acts_does_without_pandas(declared: Path) -> None:
    """A verb that answers with a sentence does not pay for tables."""
    code = (
        "import sys; from torc_nb import cli; assert cli.run(['workflows', 'start']) == 0;"
        "assert 'pandas' not in sys.modules and 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=declared, stdout=subprocess.DEVNULL)


def test_a_workflow_from_the_shell(tmp_path: Path) -> None:
    """Created, started, listed and run to its end, by nothing but the console script."""
    assert torc_nb("workflows", "create", "mine", folder=tmp_path).returncode == 0
    api = make_api(tmp_path / ".torc" / "torc.db")
    workflow_id = sweep.declare(api, tmp_path)
    ran = torc_nb("-w", "sweep", "run", "--cpus", "1", "--idle-timeout", "30s", folder=tmp_path)
    try:
        assert (ran.returncode, ran.stderr) == (0, "")
        sweep.finish(api, workflow_id)
    finally:
        sweep.stop(api, workflow_id)
    listed = torc_nb("jobs", "list", "--json", "-w", "sweep", folder=tmp_path)
    assert [one["status"] for one in json.loads(listed.stdout)].count("completed") == 4


def test_errors_go_to_stderr_with_their_codes(tmp_path: Path, declared: Path) -> None:
    """1 for what went wrong, 2 for what cannot be understood; no traceback, nothing on stdout."""
    for words, code in ((("jobs", "logs", "99"), 1), (("jobs", "lst"), 2), (("jobs", "list", "--db", "x.db"), 1)):
        ran = torc_nb(*words, folder=declared)
        assert (ran.returncode, ran.stdout) == (code, "")
        assert ran.stderr.startswith("torc-nb: ")
        assert "Traceback" not in ran.stderr
        assert "%torc" not in ran.stderr


def test_a_reader_that_has_enough_is_no_error(declared: Path) -> None:
    """`torc-nb jobs list | head -1` ends quietly although the pipe is closed early."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = subprocess.run(
            [*TORC_NB, "jobs", "list"], cwd=declared, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 1), ("\x04", 1, 1)])
def test_a_terminal_is_asked_before_deleting(declared: Path, answer: str, code: int, left: int) -> None:
    """On a terminal `workflows delete` asks; no, or Ctrl-D, leaves everything."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    try:
        ran = subprocess.run(
            [*TORC_NB, "workflows", "delete"], cwd=declared, stdin=theirs, capture_output=True, text=True, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Delete workflow sweep (1) with 6 job(s)" in ran.stderr
    assert ran.returncode == code
    assert len(json.loads(torc_nb("workflows", "list", "--json", folder=declared).stdout)) == left


def test_a_terminal_gets_a_table_of_its_width(declared: Path) -> None:
    """A long text is cut where the terminal ends, and is whole in a pipe."""
    api = make_api(declared / ".torc" / "torc.db")
    api.database.close()
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "60"}
    with os.fdopen(ours, "rb") as screen:
        subprocess.run(
            [*TORC_NB, "events", "list"], cwd=declared, stdout=theirs, stdin=theirs, env=environment, timeout=60
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = screen.read1(65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not piece:
                break
            shown += piece
    assert "…" in shown.decode()
    assert "…" not in torc_nb("events", "list", folder=declared).stdout
