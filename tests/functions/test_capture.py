"""Every kind of callable goes from a notebook's cells to a process elsewhere and works there."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

KINDS: dict[str, tuple[list[str], tuple[Any, ...], Any]] = {
    "plain": (["def run(x):\n    return x + 1"], (1,), 2),
    "lambda": (["run = lambda x: x * 3"], (2,), 6),
    "closure": (["def make(k):\n    def run(x):\n        return x * k\n    return run", "run = make(5)"], (2,), 10),
    "cyclic closure": (
        ["def make():\n    def run(n):\n        return 1 if n < 2 else n * run(n - 1)\n    return run\nrun = make()"],
        (5,),
        120,
    ),
    "decorated": (
        [
            "import functools",
            "def twice(f):\n    @functools.wraps(f)\n    def both(x):\n        return f(f(x))\n    return both",
            "@twice\ndef run(x):\n    return x + 1",
        ],
        (1,),
        3,
    ),
    "partial": (["import functools\ndef add(a, b):\n    return a - b\nrun = functools.partial(add, b=3)"], (10,), 7),
    "partial of partial": (
        ["import functools\ndef f(a, b, c):\n    return a, b, c", "p = functools.partial", "run = p(p(f, 1), 2)"],
        (3,),
        (1, 2, 3),
    ),
    "bound method": (
        [
            "class M:\n    def __init__(self, k):\n        self.k = k\n    def f(self, x):\n        return self.k * x",
            "run = M(4).f",
        ],
        (2,),
        8,
    ),
    "callable object": (
        ["class M:\n    k = 4\n    def __call__(self, x):\n        return self.k * x\nrun = M()"],
        (2,),
        8,
    ),
    "class": (
        [
            "class Run(int):\n    def __new__(cls, x):\n        return x",
            "run = Run",
        ],
        (2,),
        2,
    ),
    "static method": (["class M:\n    @staticmethod\n    def f(x):\n        return -x\nrun = M.f"], (2,), -2),
    "class method": (
        ["class M:\n    k = 7\n    @classmethod\n    def f(cls, x):\n        return cls.k + x\nrun = M.f"],
        (2,),
        9,
    ),
    "inherited with super": (
        [
            "class A:\n    def f(self, x):\n        return x + 1",
            "class B(A):\n    def f(self, x):\n        return super().f(x) * 2",
            "def run(x):\n    return B().f(x)",
        ],
        (2,),
        6,
    ),
    "helpers and globals": (
        ["TABLE = {'a': 3}", "def helper(k):\n    return TABLE[k]", "def run(x):\n    return helper('a') * x"],
        (2,),
        6,
    ),
    "mutual recursion": (
        [
            "def even(n):\n    return n == 0 or odd(n - 1)",
            "def odd(n):\n    return n > 0 and even(n - 1)",
            "run = even",
        ],
        (10,),
        True,
    ),
    "cached recursive helper": (
        [
            "import functools\n@functools.cache\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
            "def run(n):\n    return fib(n), fib.cache_info().misses, fib.__name__",
        ],
        (80,),
        (23416728348467685, 81, "fib"),
    ),
    "cached function itself": (["import functools\n@functools.lru_cache\ndef run(x):\n    return x * 2"], (4,), 8),
    "cached property": (
        [
            "import functools\nclass M:\n    @functools.cached_property\n    def v(self):\n        return 6",
            "def run(x):\n    m = M()\n    return m.v * x, m.__dict__",
        ],
        (2,),
        (12, {"v": 6}),
    ),
    "imported module": (["import numpy as np", "def run(x):\n    return float(np.sqrt(x))"], (9,), 3.0),
    "imported submodule": (["import os.path", "def run(x):\n    return os.path.join('a', x)"], ("b",), "a/b"),
    "import in the body": (["def run(x):\n    import json\n    return json.dumps(x)"], ([1],), "[1]"),
    "global read by a class in the body": (
        ["STEP = 3\nimport enum", "def run(x):\n    class Inner:\n        step = STEP * x\n    return Inner.step"],
        (2,),
        6,
    ),
    "dataclass": (
        [
            "from dataclasses import dataclass, field, fields",
            "@dataclass\nclass P:\n    x: int\n    y: list = field(default_factory=list)",
            "def run(x):\n    return [f.name for f in fields(P)], P(x) == P(x), P(x).y",
        ],
        (2,),
        (["x", "y"], True, []),
    ),
    "enum": (
        [
            "import enum\nclass C(enum.Enum):\n    RED = 1\n    BLUE = 2",
            "def run(x):\n    return C(x).name, C.RED is C['RED']",
        ],
        (2,),
        ("BLUE", True),
    ),
    "named tuple": (
        [
            "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 2",
            "def run(x):\n    return tuple(P(x)._replace(y=5))",
        ],
        (1,),
        (1, 5),
    ),
    "pydantic model": (
        [
            "from pydantic import BaseModel, Field\nclass P(BaseModel):\n    x: int = Field(gt=0)",
            "def run(x):\n    return P(x=x).model_dump()",
        ],
        ("3",),
        {"x": 3},
    ),
    "generator helper": (
        ["def squares(n):\n    yield from (i * i for i in range(n))", "def run(n):\n    return sum(squares(n))"],
        (4,),
        14,
    ),
    "builtin": (["import math\nrun = math.sqrt"], (9.0,), 3.0),
    "ufunc": (["import numpy as np\nrun = np.negative"], (2,), -2),
    "vectorized": (["import numpy as np\nrun = np.vectorize(lambda x: x + 1)"], (2,), 3),
    "timed cell": (["%%time\ndef run(x):\n    return x + 1"], (1,), 2),
    "executed text": (["exec('def run(x):\\n    return x + 1')"], (1,), 2),
    "unicode": (["π = 3\ndef run(größe):\n    return π * größe, 'ñ'"], (2,), (6, "ñ")),
    "prints to a kept stream": (
        ["import sys\nout = sys.stderr\ndef run(x):\n    print(x, file=out)\n    return 1"],
        (2,),
        1,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_works_elsewhere(notebook, worker, kind):
    """What was defined in cells gives the same result in a process that never saw them."""
    cells, arguments, expected = KINDS[kind]
    function = pickle.loads(pickle.dumps(notebook.capture(*cells)))
    assert worker.call(function, *arguments) == expected
    assert len(function.digest) == 16
    assert function.unstable == ()


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("def run(x):\n    return x", "run"),
        ("run = lambda x: x", "lambda"),
        ("import functools\nrun = functools.partial(functools.partial(int), base=2)", "int"),
        ("class Model:\n    def __call__(self, x):\n        return x\nrun = Model()", "Model"),
        ("class Model:\n    def f(self, x):\n        return x\nrun = Model().f", "f"),
    ],
)
def test_name(notebook, cell, name):
    """The name is what a person would call it."""
    assert notebook.capture(cell).name == name


@pytest.mark.parametrize(
    ("cell", "source"),
    [
        (
            "import functools\n\n@functools.cache\ndef run(x):  # why\n    return x\n\nother = 1",
            "@functools.cache\ndef run(x):  # why\n    return x\n",
        ),
        ("a, run = lambda x: 1, lambda x: (lambda: 2)", "lambda x: (lambda: 2)"),
        (
            "class Model:\n    k = 1\n    def f(self):\n        return 1\nrun = Model",
            "class Model:\n    k = 1\n    def f(self):\n        return 1\n",
        ),
        ("exec('def run(x):\\n    return x')", ""),
        ("import math\nrun = math.sqrt", ""),
    ],
)
def test_source(notebook, cell, source):
    """The source is the text of the definition as written, decorators and comments too."""
    assert notebook.capture(cell).source == source


def test_source_of_a_function_that_was_redefined(notebook):
    """An old object keeps its own old text and meaning."""
    old = "def run(x):\n    return 1"
    ask = "capture(ns['kept']), capture(ns['run'])"
    kept, new = notebook.get(old, "kept = run", "def run(x):\n    return 2", ask=ask)
    assert kept.source.strip() == old
    assert kept.digest != new.digest
    assert kept.digest == notebook.capture(old).digest


def test_cells_travel_for_tracebacks(notebook, worker):
    """A traceback elsewhere shows the lines of the cells, those of helpers included."""
    function = notebook.capture("def helper(x):\n    return 1 / x  # boom", "def run(x):\n    return helper(x) + 1")
    shown = worker.call(function, 0)
    assert "return 1 / x  # boom" in shown
    assert "return helper(x) + 1" in shown
    assert len(function.sources) == 2


def test_traceback_of_a_method_of_a_cell_class(notebook, worker):
    """The lines of a class written in a cell are shown too."""
    function = notebook.capture(
        "class M:\n    def f(self):\n        return {}['gone']", "def run(x):\n    return M().f()"
    )
    assert "return {}['gone']" in worker.call(function, 0)


def test_captured_says_what_travels(notebook):
    """Values with their sizes, then helpers, then local files; not what is installed anyway."""
    notebook.write("mesh.py", "SIZE = 3\n")
    notebook.write("solver/__init__.py", "")
    function = notebook.capture(
        "import numpy as np, mesh, math\nfrom solver import *\nimport solver",
        "TABLE = np.zeros(375_000)\nk = 3\ndef helper(x):\n    return TABLE[x]",
        "def run(x):\n    return helper(x) + mesh.SIZE + k + math.pi + len(solver.__name__)",
    )
    by_name = {captured.name: captured.nbytes for captured in function.captured}
    assert by_name.keys() == {"TABLE", "k", "helper", "mesh.py", "solver/"}
    assert by_name["TABLE"] == 3_000_000
    assert by_name["helper"] is None
    assert function.imports == ("numpy",)


def test_imports_are_the_installed_packages_only(notebook):
    """Packages used by name, by an object taken from them, in a body and by a local module are all noted."""
    notebook.write("mesh.py", "import orjson\n")
    function = notebook.capture(
        "from cloudpickle import dumps\nfrom numpy import linspace\nimport json",
        "def run(x):\n    import mesh, sqlalchemy.orm\n    return linspace(0, 1), json.dumps",
    )
    assert set(function.imports) == {"numpy", "orjson", "sqlalchemy"}


def test_globals_are_those_of_the_moment(notebook, worker):
    """What is changed after capture changes nothing in what was captured."""
    cells = [
        "K = [1]\ndef run(x):\n    return K",
        "from torc_nb.functions import capture\nheld = capture(run)",
        "K.append(2)",
    ]
    assert worker.call(notebook.get(*cells, ask="ns['held']"), 0) == [1]


def test_classes_of_parameters_travel(notebook):
    """Classes given besides are loaded under the name that values refer to, and are those the function uses."""
    function = notebook.capture(
        "class P:\n    def f(self):\n        return 5",
        "def run(p):\n    return isinstance(p, P)",
        ask="capture(ns['run'], classes=[ns['P']])",
    )
    load = "from torc_nb.functions import load\nimport pickle\n"
    load += f"loaded = load(pickle.loads({pickle.dumps(function)!r}))\nP = loaded.classes['__main__:P']"
    assert notebook.get(load, ask="list(ns['loaded'].classes), ns['loaded'].call(ns['P']())") == (["__main__:P"], True)


def test_not_callable(notebook):
    """Something that cannot be called is named."""
    from torc_nb.errors import CannotCapture

    with pytest.raises(CannotCapture, match="3 cannot be called"):
        notebook.capture("run = 3")
