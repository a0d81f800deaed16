"""A stored function is loaded in another process, from what was stored alone."""

from __future__ import annotations

import dataclasses
import re

import pytest

from torc_nb.errors import CannotLoad
from torc_nb.functions import Function


@pytest.fixture
def function(notebook) -> Function:
    """Any function."""
    return notebook.capture("def run(x):\n    return x")


def test_another_python_is_refused_before_unpickling(worker, function):
    """A payload of another minor version is not even looked at: this one would say something else."""
    other = dataclasses.replace(function, python=(3, 99), payload=b"no pickle")
    with pytest.raises(CannotLoad, match=r"`run` was mapped with Python 3\.99, this worker runs 3\.\d+"):
        worker.call(other, 1)


def test_a_broken_payload_says_so(worker, function):
    """What cannot be unpickled is an error that names the function."""
    with pytest.raises(CannotLoad, match="`run` cannot be loaded: UnpicklingError"):
        worker.call(dataclasses.replace(function, payload=b"no pickle"), 1)


def test_a_package_that_is_missing_is_named(notebook, worker):
    """A module that the worker does not have is named, with what to do."""
    notebook.write("site-packages/absent/__init__.py", "K = 1\n")
    cells = ["import sys; sys.path.append('site-packages')\nimport absent", "def run(x):\n    return absent.K"]
    function = notebook.capture(*cells)
    assert function.modules == ()
    with pytest.raises(CannotLoad, match="`run` needs the module absent"):
        worker.call(function, 1)


WAYS = {
    "module": "import mesh\ndef run(x):\n    return mesh.area(x)",
    "function": "from mesh import area\ndef run(x):\n    return area(x)",
    "itself": "from mesh import area as run",
    "in the body": "def run(x):\n    import mesh\n    return mesh.area(x)",
    "from in the body": "def run(x):\n    from mesh import area\n    return area(x)",
    "in a helper's body": "def h(x):\n    from mesh import area\n    return area(x)\ndef run(x):\n    return h(x)",
    "in a value": "import mesh\nuse = [mesh.Mesh(1)]\ndef run(x):\n    return use[0].area(x)",
    "method": "import mesh\nrun = mesh.Mesh(1).area",
    "subclass": "import mesh\nclass M(mesh.Mesh):\n    pass\ndef run(x):\n    return M(1).area(x)",
    "partial": "import functools, mesh\nrun = functools.partial(mesh.area)",
    "closure": "import mesh\nrun = mesh.maker()",
    "decorator": "from mesh import before_area\n@before_area\ndef run(x):\n    return x",
    "cached": "import mesh\ndef run(x):\n    return mesh.cached(x)",
}
MESH = """
import functools
from lengths import unit
def area(x):
    import late
    return unit() * x * late.FACTOR
class Mesh:
    def __init__(self, k):
        self.k = k
    def area(self, x):
        return self.k * area(x)
def maker():
    def inner(x):
        return area(x)
    return inner
def before_area(f):
    @functools.wraps(f)
    def both(x):
        return area(f(x))
    return both
cached = functools.cache(area)
"""


@pytest.mark.parametrize("way", WAYS)
def test_local_modules_travel_by_content(notebook, worker, way):
    """Modules beside the notebook, and those they import, come from the snapshot: the files are gone."""
    paths = [
        notebook.write("mesh.py", MESH),
        notebook.write("lengths.py", "def unit():\n    return 2\n"),
        notebook.write("late.py", "FACTOR = 5\n"),
    ]
    function = notebook.capture(WAYS[way])
    for path in paths:
        path.write_text("raise RuntimeError('read from the disk')")
    assert worker.call(function, 3) == 30
    assert {module.name for module in function.modules} == {"mesh", "lengths", "late"}


PACKAGES = {
    "submodule": "import pkg.core\ndef run(x):\n    return pkg.core.f(x)",
    "re-exported": "from pkg import f\ndef run(x):\n    return f(x)",
    "submodule from": "from pkg import core\ndef run(x):\n    return core.f(x)",
    "in the body": "def run(x):\n    import pkg.core as c\n    return c.f(x)",
    "by name": "import importlib\nc = importlib.import_module('pkg.core')\ndef run(x):\n    return c.f(x)",
    "namespace": "from space.inner import f\ndef run(x):\n    return f(x)",
}


@pytest.mark.parametrize("way", PACKAGES)
def test_packages_travel(notebook, worker, way):
    """Packages with relative imports, package data beside them, and packages without an __init__.py."""
    data = notebook.write("pkg/data.txt", "7")
    notebook.write("pkg/__init__.py", "from .core import f\n")
    notebook.write("pkg/core.py", "from . import low\nfrom .deep.er import K\ndef f(x):\n    return low.g(x) + K\n")
    notebook.write(
        "pkg/low.py",
        "import pathlib\ndef g(x):\n    return x * int((pathlib.Path(__file__).parent / 'data.txt').read_text())\n",
    )
    notebook.write("pkg/deep/__init__.py", "")
    notebook.write("pkg/deep/er.py", "K = 1\n")
    notebook.write("space/inner.py", "from pkg import f\n")
    function = notebook.capture(PACKAGES[way])
    for module in data.parent.rglob("*.py"):
        module.unlink()
    assert worker.call(function, 3) == 22


def test_modules_elsewhere_on_the_path_travel(notebook, worker, tmp_path):
    """A project that sys.path names is local, as one installed for editing is."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "tool.py").write_text("def f(x):\n    return x + 1\n")
    cells = [f"import sys; sys.path.insert(0, {str(tmp_path / 'project')!r})\nimport tool\nsys.path.pop(0)"]
    function = notebook.capture(*cells, "def run(x):\n    return tool.f(x)")
    (tmp_path / "project" / "tool.py").unlink()
    assert worker.call(function, 1) == 2


def test_an_edited_module_counts_as_it_is_on_disk(notebook, worker):
    """The snapshot is of the file when captured, not of what the kernel imported earlier."""
    notebook.write("mesh.py", "def f(x):\n    return 1\n")
    edit = "import pathlib\npathlib.Path('mesh.py').write_text('def f(x):\\n    return 2 * x\\n')"
    function = notebook.capture("import mesh", edit, "def run(x):\n    return mesh.f(x)")
    assert worker.call(function, 4) == 8


def test_traceback_shows_the_snapshot(notebook, worker):
    """Lines of a local module are those that ran, though the file has been edited."""
    path = notebook.write("mesh.py", "def f(x):\n    return 1 / x  # as it was\n")
    function = notebook.capture("import mesh\ndef run(x):\n    return mesh.f(x)")
    path.write_text("# edited\n\n\n")
    shown = worker.call(function, 0)
    assert "return 1 / x  # as it was" in shown
    assert str(path) in shown


def test_another_snapshot_replaces_the_first(notebook, worker):
    """Two snapshots of a module do not mix: each function calls the one that it was loaded with."""
    functions = []
    for k in (1, 2):
        notebook.write("low.py", f"K = {k}\n")
        notebook.write("mesh.py", "import low\ndef f(x):\n    return low.K * x\n")
        functions.append(notebook.capture("import mesh\ndef run(x):\n    return mesh.f(x)"))
    assert worker.call_all(functions, [(10,), (10,)]) == [10, 20]
    assert worker.call_all(functions[::-1], [(10,), (10,)]) == [20, 10]


def test_the_same_snapshot_is_shared(notebook, worker):
    """Functions of one snapshot share its modules, state included."""
    notebook.write("mesh.py", "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)\n")
    functions = [notebook.capture("import mesh\ndef run(x):\n    return mesh.f(x)") for _ in range(2)]
    assert worker.call_all(functions, [(1,), (1,)]) == [1, 2]


def test_a_module_with_an_error_is_refused(notebook):
    """A local module that is no Python is named with its line when captured."""
    from torc_nb.errors import CannotCapture

    notebook.write("mesh.py", "K = 1\n")
    edit = "import pathlib\npathlib.Path('mesh.py').write_text('K = 1\\nK = = 2\\n')"
    with pytest.raises(CannotCapture, match=re.escape("mesh.py line 2: ")):
        notebook.capture("import mesh", edit, "def run(x):\n    return mesh.K")


def test_modules_named_like_ones_the_worker_has(notebook, worker):
    """A local module wins over what the worker's process imported under that name."""
    notebook.write("stage.py", "K = 5\n")
    first = notebook.capture("import stage\ndef run(x):\n    return stage.K")
    assert worker.call(first, 0) == 5
