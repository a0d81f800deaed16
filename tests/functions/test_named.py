"""Functions given by module and name."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from torc_nb.errors import CannotCapture
from torc_nb.functions import Function

SIMULATION = """
import numpy, mesh
class Model:
    def f(self):
        return 1
def run(x, y=2):
    return mesh.scale(x) + y
async def later(x):
    return x
def many(x):
    yield x
K = 3
"""


@pytest.fixture
def named(notebook, tmp_path: Path):
    """Captures by name from a kernel in another folder."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "simulation.py").write_text(SIMULATION)
    (folder / "mesh.py").write_text("def scale(x):\n    return 10 * x\n")

    def capture(module: str, name: str, directory: object = folder, ask: str = "{}") -> Function:
        where = None if directory is None else str(directory)
        return notebook.get(ask=ask.format(f"capture_named({module!r}, {name!r}, directory={where!r})"))

    capture.folder = folder
    return capture


@pytest.mark.parametrize("module", ["simulation", "simulation.py"])
def test_runs_elsewhere(named, worker, module):
    """The function runs from its snapshot alone."""
    function = pickle.loads(pickle.dumps(named(module, "run")))
    for path in named.folder.iterdir():
        if path.is_file():
            path.unlink()
    assert worker.call(function, 3) == 32
    assert (function.name, function.module, function.payload) == ("run", "simulation", b"")
    assert function.signature.positional == ("x", "y")
    assert function.imports == ("numpy",)
    assert function.source == "def run(x, y=2):\n    return mesh.scale(x) + y\n"


def test_file_with_a_folder(named, worker):
    """A path to the file names the folder too."""
    assert worker.call(named(str(named.folder / "simulation.py"), "run", directory=None), 3) == 32


def test_installed_module(named, worker):
    """A function of an installed package needs no snapshot."""
    function = named("json.encoder", "py_encode_basestring", directory=None)
    assert function.modules == ()
    assert worker.call(function, "a") == '"a"'


def test_leaves_the_kernel_as_it_was(named):
    """Neither sys.path nor sys.modules keeps anything, nor is a module of that name replaced."""
    before = "(sys := __import__('sys'), sys.modules.__setitem__('mesh', 'mine'), list(sys.path), list(sys.meta_path))"
    after = "sys.modules['mesh'], 'simulation' in sys.modules"
    ask = f"[(b := {before}), {{}}, ({after}, b[2] == sys.path, b[3] == sys.meta_path)][2]"
    assert named("simulation", "run", ask=ask) == ("mine", False, True, True)


def test_edits_count_at_once(named, worker):
    """What is captured is the file as it is, although the same second saw another."""
    first = named("simulation", "run")
    (named.folder / "mesh.py").write_text("def scale(x):\n    return 99 * x\n")
    second = named("simulation", "run")
    assert (worker.call(first, 1), worker.call(second, 1)) == (12, 101)
    assert first.digest != second.digest
    (named.folder / "simulation.py").write_text("# comment\n" + SIMULATION.replace("K = 3", "K = 4"))
    assert named("simulation", "run").digest == second.digest


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("simulatoin", "run", "there is no module simulatoin in "),
        ("simulation.sub", "run", "there is no module simulation.sub in "),
        ("simulation", "runn", "has no `runn`"),
        ("simulation", "K", "`simulation.K` is a int, not a function"),
        ("simulation", "later", "`later` is async"),
        ("simulation", "many", "`many` is a generator function"),
    ],
)
def test_refused(named, module, name, words):
    """What cannot be mapped is refused when named."""
    with pytest.raises(CannotCapture, match=re.escape(words)):
        named(module, name)


def test_a_module_that_fails_on_import(named):
    """Its own error is shown, and a package it lacks is named."""
    (named.folder / "mesh.py").write_text("1 / 0")
    with pytest.raises(CannotCapture, match="fails on import: ZeroDivisionError"):
        named("simulation", "run")
    (named.folder / "mesh.py").write_text("import no_such_package")
    with pytest.raises(CannotCapture, match="needs no_such_package, which cannot be imported"):
        named("simulation", "run")
