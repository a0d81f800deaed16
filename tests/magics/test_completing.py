"""The Tab key in lines of ``%torc``, in a real kernel."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event

import click
import pytest
from click.shell_completion import CompletionItem
from services.kernel import Kernel

from torc_nb.api import make_api
from torc_nb.commands import Session, completing, tree

STUDY = """
from torc_nb import Workflow
def double(x):
    return 2 * x
values = list(range(30))
wf = Workflow("first study")
wf = Workflow("second")
m = wf.map(double, values)
"""


def test_nouns_verbs_and_options(kernel: Kernel) -> None:
    """Each at its place, in any line of a cell; no variable of Python's among them."""
    assert "%torc user-data" in kernel.completions("%torc ")
    assert kernel.completions("%torc wor") == ["%torc workers", "%torc workflows"]
    assert kernel.completions("import os\ndf = %torc jobs li") == [
        "import os\ndf = %torc jobs list",
        "import os\ndf = %torc jobs list-user-data",
    ]
    assert kernel.completions("%torc hpc slurm sch") == ["%torc hpc slurm schedule-nodes"]
    assert kernel.completions("%torc jobs list --st") == ["%torc jobs list --status"]
    assert kernel.completions("%torc jobs list --status=comp") == ["%torc jobs list --status=completed"]
    assert kernel.completions("%torc jobs list --status ter") == ["%torc jobs list --status terminated"]
    kernel.run("params = [1]")
    assert "params" in kernel.completions("para")


def test_names_of_the_database_in_use(kernel: Kernel) -> None:
    """Workflows, the newest first and quoted where needed; maps; the keys of jobs, at most ten; variables for `map`."""
    kernel.run(STUDY)
    assert kernel.completions("%torc jobs list -w ") == [
        "%torc jobs list -w second",
        "%torc jobs list -w 'first study'",
    ]
    assert kernel.completions("%torc workflows use fi") == ["%torc workflows use 'first study'"]
    assert kernel.completions("%torc jobs list --map d") == ["%torc jobs list --map double"]
    assert kernel.completions("%torc jobs list -w 'first study' --map ") == []
    assert kernel.completions("%torc jobs logs 3") == ["%torc jobs logs 3", "%torc jobs logs 30"]
    assert len(kernel.completions("%torc jobs logs ")) == 10
    assert kernel.completions("%torc map dou") == ["%torc map double"]
    assert kernel.completions("%torc map double val") == ["%torc map double values"]
    assert kernel.completions("%%torc map val") == ["%%torc map values"]
    kernel.run("Workflow('fir\\ntree')")  # a line break in a name would type the next line
    assert kernel.completions("%torc workflows use fi") == ["%torc workflows use 'first study'"]


def test_nothing_is_made_or_said(kernel: Kernel, folder: Path) -> None:
    """Without a database, with a broken one, and where the line cannot be read: no offer and no error."""
    for line in (
        "%torc jobs list -w ",
        "%torc jobs logs ",
        "%torc jobs list --db absent.db -w ",
        "%torc jobs list -w 'open ",
        "%torc jobs list --db x://y -w ",
    ):
        assert kernel.completions(line) == []
    assert list(folder.iterdir()) == []
    (folder / ".torc").mkdir()
    (folder / ".torc" / "torc.db").write_bytes(b"no database")
    assert kernel.completions("%torc jobs list -w ") == []
    assert [path.name for path in (folder / ".torc").iterdir()] == ["torc.db"]


def test_a_file_is_only_read(kernel: Kernel, folder: Path) -> None:
    """A database that nobody has open is as it was, and no file comes beside it."""
    kernel.run(STUDY)
    kernel.restart()
    kernel.run("%load_ext torc_nb")
    file = folder / ".torc" / "torc.db"
    sqlite3.connect(file).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    before = {path.name: path.stat().st_mtime_ns for path in file.parent.iterdir()}
    assert "-wal" not in "".join(before)
    assert len(kernel.completions("%torc jobs list -w ")) == 2
    assert {path.name: path.stat().st_mtime_ns for path in file.parent.iterdir()} == before


def test_a_database_that_does_not_answer_is_not_awaited(folder: Path) -> None:
    """Nothing is offered meanwhile, nobody asks it a second time, and it is asked again afterwards."""
    database = make_api(folder / "torc.db").database
    database.close()
    context = click.Context(tree, obj=Session(db=database.url))
    answers, is_over = Event(), Event()

    def look(_: object) -> list[CompletionItem[str]]:
        answers.wait(40)
        is_over.set()
        return [CompletionItem("late")]

    assert completing._seen(context, look) == []
    assert completing._seen(context, lambda _: [CompletionItem("other")]) == []
    assert not is_over.is_set()
    answers.set()
    with completing._asking:
        assert is_over.is_set()
    assert [item.value for item in completing._seen(context, lambda _: [CompletionItem("now")])] == ["now"]


def test_a_server_is_asked(kernel: Kernel, postgres_url: str) -> None:
    """The names in a PostgreSQL database, of which no connection stays."""
    study = STUDY.replace('")\n', '", files="files")\n')
    kernel.run(f"import os\nos.environ['TORC_NB_DATABASE_URL'] = {postgres_url!r}\n{study}")
    assert kernel.completions("%torc jobs list -w s") == ["%torc jobs list -w second"]
    assert kernel.completions("%torc jobs logs 2")[:2] == ["%torc jobs logs 2", "%torc jobs logs 20"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_terminal_completes(shell: str, folder: Path, kernel: Kernel) -> None:
    """What `torc-nb` says to a shell's Tab: nouns, and the names of workflows."""
    kernel.run(STUDY)
    command = [sys.executable, "-c", "from torc_nb.cli import main; main()"]
    for line, position, expected in (("torc-nb jobs list -w se", 4, "second"), ("torc-nb jbos list ", 3, "")):
        asked = {"_TORC_NB_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(position)}
        ran = subprocess.run(command, cwd=folder, env=os.environ | asked, capture_output=True, text=True, check=True)
        assert expected in ran.stdout
        assert ran.stderr == ""
