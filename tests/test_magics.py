"""`%torc` in a real IPython shell."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from commands import sweep
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from torc_nb.api import current, make_api
from torc_nb.workflow import Map


class Notebook:
    """Runs cells."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys

    def run(self, cell: str) -> Any:
        """Run a cell that has to succeed, and return its last value."""
        ran = self.shell.run_cell(cell, store_history=True)
        ran.raise_error()
        return ran.result

    def says(self, cell: str) -> str:
        """Run a cell that has to succeed, and return what it prints."""
        self._capsys.readouterr()
        self.run(cell)
        return self._capsys.readouterr().out

    def refuses(self, cell: str) -> str:
        """Run a cell that a magic has to refuse, and return all that the user sees."""
        self._capsys.readouterr()
        ran = self.shell.run_cell(cell)
        assert isinstance(ran.error_in_exec, UsageError)
        seen = self._capsys.readouterr()
        return seen.out + seen.err


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    """A notebook in an empty folder, with the extension loaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "ipython").mkdir(parents=True)
    monkeypatch.setattr(current, "_api", None)
    monkeypatch.setattr(current, "_workflow_id", None)
    InteractiveShell.clear_instance()
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
    shell = InteractiveShell.instance(colors="nocolor")
    # The shell's namespace is a kernel's __main__, which functions of cells belong to.
    monkeypatch.setitem(sys.modules, "__main__", shell.user_module)
    shell.run_line_magic("load_ext", "torc_nb")
    yield Notebook(shell, capsys)
    atexit.unregister(shell.atexit_operations)  # it cannot be done twice
    shell.atexit_operations()
    InteractiveShell.clear_instance()


CELL = """
OFFSET = 100
def run(p):
    print("hello", p["a"])
    if p["a"] == 2:
        raise ValueError("bad two")
    return {"y": p["a"] + OFFSET}
def total(results):
    return sum(result["y"] for result in results)
params = [{"a": a} for a in range(4)]
"""


def test_the_tutorial_in_cells(notebook: Notebook, tmp_path: Path) -> None:
    """A map of a cell's function, a worker, DataFrames, logs and a rerun of the corrected cell, all by commands."""
    text = notebook.says("%torc workflows create sweep")
    assert text == f"Created workflow 1. [sweep (1) in {tmp_path / '.torc' / 'torc.db'}]\n"
    notebook.run(CELL)
    text = notebook.says("m = %torc map run params --postprocess total --memory 100m --no-unpack")
    assert text.startswith("run: 4 new; captured run")
    assert "sweep (1)" in text
    assert isinstance(notebook.run("m"), Map)
    assert "4 as before" in notebook.says("%torc map run params --postprocess total --memory 100m --no-unpack;")
    assert "started a worker" in notebook.says("%torc run --cpus 1 --idle-timeout 10min")
    api = make_api(tmp_path / ".torc" / "torc.db")
    try:
        sweep.finish(api, 1)
        jobs = notebook.run("%torc jobs list")
        assert list(jobs.status) == ["completed", "completed", "failed", "completed", "canceled"]
        assert notebook.run("job = 3") is None
        for line in ("%torc jobs logs {job}", "%torc jobs logs $job"):
            assert "hello 2\n" in notebook.says(line)
        assert "`%torc jobs logs 3`" in notebook.says("groups = %torc failures list")
        assert list(notebook.run("groups.exception")) == ["ValueError"]
        notebook.run(CELL.replace('p["a"] == 2', "False"))
        assert "1 job(s) are ready again" in notebook.says("%torc rerun --status failed")
        sweep.finish(api, 1)
        assert list(notebook.run("m.results()")["result.y"]) == [100, 101, 102, 103]
        assert notebook.run("m.postprocess_result()") == 406
    finally:
        sweep.stop(api, 1)


def test_a_listing_is_a_dataframe(notebook: Notebook) -> None:
    """`df = %torc …` gives a DataFrame, displays nothing and prints nothing; `;` silences the display."""
    notebook.run("%torc workflows create sweep")
    assert notebook.says("df = %torc workflows list") == ""
    assert isinstance(notebook.shell.user_ns["df"], pd.DataFrame)
    assert list(notebook.shell.user_ns["df"]["name"]) == ["sweep"]
    assert notebook.says("%torc workflows list;") == ""
    assert "Out[" in notebook.says("%torc workflows list")
    assert '"name": "sweep"' in notebook.says("%torc workflows list --json")


def test_the_workflow_above_is_meant(notebook: Notebook, tmp_path: Path) -> None:
    """A command means what this kernel opened last, whatever folder it stands in; `-w` and `--db` mean another."""
    notebook.run("from torc_nb import Workflow\nwf = Workflow('first')")
    notebook.run("%torc workflows create second")
    notebook.run(CELL)
    notebook.run("import os\nos.makedirs('elsewhere')\nos.chdir('elsewhere')")
    assert "second (2)" in notebook.says("%torc map run params --no-unpack")
    assert "first (1)" in notebook.says("%torc -w first map run params --no-unpack --name again")
    assert len(notebook.run("%torc jobs list -w first")) == 4
    assert "nowhere.db" in notebook.refuses("%torc jobs list --db nowhere.db")
    assert not (tmp_path / "elsewhere" / ".torc").exists()


def test_options_of_map(notebook: Notebook) -> None:
    """Resources, keys, names and several iterables reach the map; a module's function goes by its name."""
    notebook.run("%torc workflows create sweep")
    notebook.run(CELL + "def add(a, b):\n    return a + b\nxs, ys = [1, 2], [3, 4]\n")
    notebook.run("%torc map add xs ys --name sums --cpus 2 --memory 1g --runtime 1h --timeout 2h --gpus 1")
    notebook.run("%torc map run params --key a --no-unpack")
    again = "--retries 2 --retry-wait 10s --retry-factor 2 --retry-on OSError --retry-on 75"
    assert "policy changed" in notebook.says(f"%torc map run params --key a --no-unpack {again};")
    limited = f"%torc map run params --key a --no-unpack {again} --max-failures 9;"
    assert "max_failures=9 (was None)" in notebook.says(limited)
    assert "max_failures" not in notebook.says(limited)
    growing = "--memory 1g --max-memory 8g --memory-factor 3 --postprocess total --postprocess-partial"
    notebook.run("total = len")
    assert "policy changed" in notebook.says(f"%torc map run params --key a --no-unpack {growing};")
    api = make_api(current.database())
    mapped = api.get_map(1, "run")
    api.database.close()
    assert (mapped.growth, mapped.postprocess_partial) == ({"most": 8 * 2**30, "factor": 3.0}, True)
    notebook.run("params = params[1:]")
    assert "1 dropped" in notebook.says("%torc map run params --key a --no-unpack --drop;")
    notebook.run("import pathlib\npathlib.Path('simulation.py').write_text('def go(a):\\n    return a\\n')")
    assert "go: 4 new" in notebook.says("rows = list(range(4))\n%torc map simulation:go rows --module-directory .")
    api = make_api(current.database())
    (asked,) = [one for one in api.list_resource_requirements(1) if one.num_gpus]
    api.database.close()
    assert (asked.num_cpus, asked.memory, asked.runtime, asked.timeout) == (2, 2**30, 3600.0, 7200.0)
    assert set(notebook.run("%torc jobs list")["map"].dropna()) == {"sums", "run", "go"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("%torc jbos list", "Do you mean `jobs`?"),
        ("%torc jobs lst", "Do you mean `list`?"),
        ("%torc jobs list --statsu failed", "Do you mean `--status`?"),
        ("%torc jobs logs 99", "There is no job 99"),
        ("%torc jobs 'list", "No closing quotation"),
        ("%torc map runn params", "There is no `runn` in this notebook. Do you mean `run`?"),
        ("%torc map run parms", "Do you mean `params`?"),
        ("%torc map params params", "is not a function"),
        ("%torc map run params --no-unpack --memory lots", "not an amount of memory"),
        ("%torc workflows delete", "`%torc workflows delete 1 --yes`"),
        ("%torc workflows start -w nope", "There is no workflow 'nope'"),
    ],
)
def test_a_refusal_is_a_sentence(notebook: Notebook, line: str, complaint: str) -> None:
    """What went wrong and what to type, without the stack of torc_nb."""
    notebook.run("%torc workflows create sweep")
    notebook.run(CELL)
    seen = notebook.refuses(line)
    assert complaint in seen
    assert "Traceback" not in seen
    assert "torc_nb/" not in seen


def test_an_error_of_the_users_own_keeps_its_stack(notebook: Notebook) -> None:
    """What a generator of parameters raises is hers to debug, and is not swallowed."""
    notebook.run("%torc workflows create sweep")
    notebook.run(CELL)
    ran = notebook.shell.run_cell("rows = ({'a': 1 / 0} for _ in range(3))\n%torc map run rows --no-unpack")
    assert isinstance(ran.error_in_exec, ZeroDivisionError)


@pytest.mark.parametrize("line", ["%torc", "%torc --help", "%torc?"])
def test_help_shows_the_commands(notebook: Notebook, line: str) -> None:
    """Alone, with --help, and by IPython's question mark; `map` among them."""
    text = notebook.says(line)
    assert "Usage: %torc" in text
    assert "\n  map " in text
    assert "\n  workflows " in text


def test_help_of_a_noun(notebook: Notebook) -> None:
    """A noun alone shows its verbs, and gives nothing back."""
    assert "Usage: %torc jobs" in notebook.says("%torc jobs")
    assert notebook.run("%torc jobs") is None
    assert notebook.run("%torc jobs list --help") is None


def test_json_arguments_survive(notebook: Notebook) -> None:
    """Braces that are no expression, and quoted spaces, arrive as they were typed."""
    notebook.run("""%torc workflows create sweep --description '{"a": [1, "two words"]}'""")
    assert notebook.run("%torc workflows list").description.item() == '{"a": [1, "two words"]}'


def test_loading_twice_is_loading_once(notebook: Notebook) -> None:
    """`%reload_ext` and a second `%load_ext` leave a working magic."""
    notebook.run("%load_ext torc_nb\n%reload_ext torc_nb\n%torc workflows create sweep")
    assert len(notebook.run("%torc workflows list")) == 1


def test_debug_stops_where_the_job_failed(notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cell's own frame, with its lines, its values at hand and none of torc_nb's frames; or it says that not."""
    notebook.run("%torc workflows create sweep")
    notebook.run(CELL + "WORDS = 0")
    notebook.run("%torc map run params --no-unpack")
    notebook.run("%torc run --cpus 1 --idle-timeout 10min")
    api = make_api(tmp_path / ".torc" / "torc.db")
    try:
        sweep.finish(api, 1)
        notebook.run(CELL.replace('p["a"] == 2', "False"))  # what ran is what is debugged, not what is here by now
        typed = iter(["p p['a'] * 21", "up", "where", "q"])
        monkeypatch.setattr("builtins.input", lambda *_: next(typed))
        seen = notebook.says("%torc debug 3")
        assert 'raise ValueError("bad two")' in seen
        assert "\n42\n" in seen
        assert "torc_nb/" not in seen
        assert next(typed, "all was typed") == "all was typed"
        monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("there is nothing to debug"))
        seen = notebook.says("%torc debug 1")
        assert "Job 1 does not fail here, nor did it there. It returned {'y': 100}." in seen
        assert "There is no job 99" in notebook.refuses("%torc debug 99")
        assert notebook.run("run({'a': 2})") == {"y": 102}
    finally:
        sweep.stop(api, 1)
