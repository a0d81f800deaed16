"""The digest changes with what a function means and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Notebook, Stage

BASE = """
import numpy as np, functools, enum
from dataclasses import dataclass
K = 3
NAMES = {"b", "a", "c"}
TABLE = np.arange(4)
CALLS = {"f": lambda v: v + 1}
@dataclass
class Row:
    x: int = 1
class Model:
    rate = 2.5
    def f(self, x):
        return x * self.rate
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
model = Model()
def deep(x):
    return x - 1
def helper(x, by=2):
    if x > 100:
        return helper(x - 1)
    return deep(x) ** by
def scale(k):
    def inner(f):
        @functools.wraps(f)
        def wrapper(x):
            return f(x) * k
        return wrapper
    return inner
@scale(10)
def run(x):
    y = helper(x) + K if x > 0 else len(NAMES)
    return y + TABLE[0] + CALLS["f"](Row().x) + model.f(2) + Colour.RED.value + np.sin(0)
"""

SAME = [
    ("def deep(x):\n", "def deep(x):\n    # a comment\n\n"),
    ("def deep(x):\n", 'def deep(x):\n    """What it does."""\n'),
    ("    def f(self, x):\n", '    """A model."""\n\n    def f(self, x):\n        "Doc"\n'),
    ('"b", "a", "c"', "'c', 'b',    'a'"),
    ("return deep(x) ** by", "return (deep(x)\n        **by)"),
    ("K = 3", "\n\n\nK = 3  # three"),
    ("K = 3", "K = 1 + 2"),
    ("    rate = 2.5\n", "    rate = 2.50\n    pass\n"),
    ("K = 3", "K = 3\nUNUSED = 7\ndef unused():\n    return 1"),
    ("> 100", "> 1_00"),
]
DIFFERENT = [
    ("K = 3", "K = 4"),
    ("K = 3", "K = 3.0"),
    ('"b", "a", "c"', '"b", "a"'),
    ("np.arange(4)", "np.arange(5)"),
    ("np.arange(4)", "np.arange(4.0)"),
    ("v + 1", "v + 2"),
    ("x: int = 1", "x: int = 2"),
    ("x: int = 1", "x: float = 1"),
    ("@dataclass\n", "@dataclass(frozen=True)\n"),
    ("rate = 2.5", "rate = 2.6"),
    ("x * self.rate", "x + self.rate"),
    ("RED = 1", "RED = 5"),
    ("model = Model()", "model = Model(); model.rate = 9"),
    ("x - 1\ndef helper", "x - 2\ndef helper"),
    ("x - 1\ndef helper", "x + 1\ndef helper"),
    ("by=2", "by=3"),
    ("> 100", ">= 100"),
    ("f(x) * k", "f(x) / k"),
    ("@scale(10)", "@scale(11)"),
    ("@scale(10)\n", ""),
    ("x > 0", "x < 0"),
    ("np.sin(0)", "np.cos(0)"),
    ("K = 3", "K = 3\nlen = max"),
    ("helper(x) + K", "deep(x) + K"),
    ("    return y +", "    y += 1\n    return y +"),
]
HOOKED = (
    "class B:\n    def __init_subclass__(cls):\n        S.append(cls)\nS = []\n"
    "class C(B):\n    k = {}\ndef f(x):\n    return S[0].k"
)


def edited(edit: tuple[str, str]) -> str:
    """The base with one edit, which must be one."""
    assert BASE.count(edit[0]) == 1, edit
    return BASE.replace(*edit)


@pytest.fixture(params=["cells", "executed"])
def written(request: pytest.FixtureRequest):
    """How the text becomes code: with its source at hand, or without."""
    return (lambda text: text) if request.param == "cells" else (lambda text: f"exec({text!r})")


@pytest.fixture
def digest(notebook: Notebook):
    """The digest of `run` after some cells."""
    return lambda *cells: notebook.capture(*cells).digest


@pytest.mark.parametrize("edit", SAME)
def test_layout_means_nothing(digest, edit, written):
    """Comments, docstrings, quotes, blank lines, and what is not used leave the digest as it is."""
    assert digest(written(edited(edit))) == digest(written(BASE))


@pytest.mark.parametrize("edit", DIFFERENT)
def test_every_change_of_meaning_counts(digest, edit, written):
    """Constants, operators, branches, calls, defaults, decorators, values and helpers' code all count."""
    assert digest(written(edited(edit))) != digest(written(BASE))


def test_cells_do_not_count(digest):
    """The same definitions in one cell, in several, later, or after other cells mean the same."""
    first, second = BASE.split("\nclass Model")
    assert digest(BASE) == digest("1", "2", first, "class Model" + second) == digest(BASE, BASE)


def test_source_or_not_is_told_apart_from_a_change(digest):
    """A `%%time` cell gives the same digest each time, whatever the comments in it."""
    assert digest("%%time\ndef run(x):\n    return x") == digest("%%time\n# hi\n\ndef run(x):\n    return x")
    assert digest("%%time\ndef run(x):\n    return x") != digest("%%time\ndef run(x):\n    return -x")


def test_docstring_of_code_without_source(digest):
    """Also without source a docstring and its removal mean nothing."""
    with_doc = digest('exec(\'def run(x):\\n    "doc"\\n    def g():\\n        "doc2"\\n    return x\')')
    assert with_doc == digest("exec('def run(x):\\n    def g():\\n        pass\\n    return x')")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "def make(k):\n    return lambda x: x + k\na, b = make(1), make(2)",
            "def make(k):\n    return lambda x: x + k\nb, a = make(1), make(2)",
        ),
        ("def a(x):\n    return b(x)\ndef b(x):\n    return x", "def b(x):\n    return a(x)\ndef a(x):\n    return x"),
        ("a, b = (lambda x: x), (lambda x: -x)", "a, b = (lambda x: -x), (lambda x: x)"),
    ],
)
def test_exchanged_helpers_count(digest, one, other):
    """The same parts under exchanged names are another program."""
    run = "def run(x):\n    return a(x) * 10 + b(x)"
    assert digest(one, run) != digest(other, run)


def test_a_change_far_down_a_long_chain_counts(digest):
    """However many helpers are between."""
    chain = "".join(f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(40))
    run = "def run(x):\n    return f0(x)"
    assert digest(chain, "def f40(x):\n    return 1", run) != digest(chain, "def f40(x):\n    return 2", run)


def test_mutual_recursion(digest):
    """Functions that call each other have a digest, and a change in either counts."""
    odd = "def odd(n):\n    return n > 0 and run(n - 1)"
    even = "def run(n):\n    return n == 0 or odd(n - 1)"
    assert digest(odd, even) == digest(even, odd)
    assert digest(odd, even) != digest(odd.replace("n > 0", "n > 1"), even)


def test_equal_helpers_defined_again_mean_the_same(digest):
    """A helper's cell run twice, the older object still held somewhere, changes nothing."""
    helper, hold, run = "def g(x):\n    return x", "held = [g]", "def run(x):\n    return held[0](x) + g(x)"
    assert digest(helper, hold, run) == digest(helper, hold, helper, run)


def test_partial_and_method_count_what_they_hold(digest):
    """Arguments of a partial and the object of a method are part of the meaning."""
    partial = "import functools\ndef f(a, b):\n    return a + b\nrun = functools.partial(f, b={})"
    assert digest(partial.format(1)) == digest(partial.format(1)) != digest(partial.format(2))
    method = "class M:\n    def f(self, x):\n        return x * self.k\nm = M()\nm.k = {}\nrun = m.f"
    assert digest(method.format(1)) == digest(method.format(1)) != digest(method.format(2))


def test_class_whose_body_read_a_global(digest):
    """A class keeps what its body computed, so that value counts though the text is the same."""
    text = "K = {}\nclass M:\n    rate = K * 2\n    def f(self):\n        return 1\ndef run(x):\n    return M().f()"
    assert digest(text.format(1)) != digest(text.format(2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("class P(BaseModel):\n    x: int = Field(gt=0)", "class P(BaseModel):\n    x: int = Field(gt=1)"),
        ("class P(BaseModel):\n    x: int = 1", "class P(BaseModel):\n    x: int = 2"),
        (
            "class I(BaseModel):\n    y: int = 1\nclass P(BaseModel):\n    x: I = I()",
            "class I(BaseModel):\n    y: int = 2\nclass P(BaseModel):\n    x: I = I()",
        ),
        (
            "@dataclass\nclass P:\n    x: list = field(default_factory=list)",
            "@dataclass\nclass P:\n    x: list = field(default_factory=dict)",
        ),
        ("class P(NamedTuple):\n    x: int = 1", "class P(NamedTuple):\n    x: int = 2"),
        ("class P:\n    _x = 1", "class P:\n    _x = 2"),
        (
            "class P:\n    @property\n    def x(self):\n        return 1",
            "class P:\n    @property\n    def x(self):\n        return 2",
        ),
        (
            "class P:\n    @staticmethod\n    def x():\n        return 1",
            "class P:\n    @classmethod\n    def x(cls):\n        return 1",
        ),
        ("class P:\n    __slots__ = ('a',)", "class P:\n    __slots__ = ('b',)"),
        ("class B:\n    x = 1\nclass P(B):\n    pass", "class B:\n    x = 2\nclass P(B):\n    pass"),
    ],
)
def test_classes(digest, one, other):
    """What a class is made of counts, with or without methods to find its text by."""
    imports = (
        "from pydantic import BaseModel, Field\nfrom dataclasses import dataclass, field\nfrom typing import NamedTuple"
    )
    run = "def run(x):\n    return P"
    assert digest(imports, one, run) == digest(imports, one, run)
    assert digest(imports, one, run) != digest(imports, other, run)


def test_classes_of_parameters_count(notebook):
    """A method of a parameter's class may be called, so its code counts."""
    cell = "class P:\n    def f(self):\n        return {}\ndef run(p):\n    return p.f()"
    ask = "capture(ns['run'], classes=[ns['P']]).digest"
    one, other = (notebook.get(cell.format(k), ask=ask) for k in (1, 2))
    assert one != other


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(x):\n    return x", "# why\ndef f(x):\n    'doc'\n    return (x)", True),
        ("def f(x):\n    return x", "def f(x):\n    return -x", False),
        (
            "def f(x):\n    return g(x)\ndef g(x):\n    return x",
            "def f(x):\n    return g(x)\ndef g(x):\n    return -x",
            False,
        ),
        ("def f(x):\n    return x\ndef g(x):\n    return x", "def f(x):\n    return x\ndef g(x):\n    return -x", True),
        ("K = 1\ndef f(x):\n    return K", "K = 2\ndef f(x):\n    return K", False),
        ("K = 1\ndef f(x):\n    return x", "K = 2\ndef f(x):\n    return x", True),
        ("D = {}\nD['a'] = 1\ndef f(x):\n    return x", "D = {}\nD['a'] = 2\ndef f(x):\n    return x", False),
        (
            "def f(x):\n    return x\nif __name__ == '__main__':\n    f(1)",
            "def f(x):\n    return x\nif __name__ == '__main__':\n    f(2)",
            True,
        ),
        (
            "R = []\ndef note(g):\n    R.append(g)\n@note\ndef g(x):\n    return 1\ndef f(x):\n    return R",
            "R = []\ndef note(g):\n    R.append(g)\n@note\ndef g(x):\n    return 2\ndef f(x):\n    return R",
            False,
        ),
        (
            "import functools\n@functools.cache\ndef g(x):\n    return 1\ndef f(x):\n    return x",
            "import functools\n@functools.cache\ndef g(x):\n    return 2\ndef f(x):\n    return x",
            True,
        ),
        (
            "try:\n    import numpy as np\nexcept ImportError:\n    np = None\ndef f(x):\n    return np",
            "try:\n    import math as np\nexcept ImportError:\n    np = None\ndef f(x):\n    return np",
            False,
        ),
        (
            "class C:\n    def f(self):\n        return 1\ndef f(x):\n    return C().f()",
            "class C:\n    def f(self):\n        return 2\ndef f(x):\n    return C().f()",
            False,
        ),
        (
            HOOKED.format(1),
            HOOKED.format(2),
            False,
        ),
    ],
)
@pytest.mark.parametrize(
    "way", ["module.f", "from import", "import in the body", "from import in the body", "value", "whole"]
)
def test_local_module(notebook, one, other, same, way):
    """Of a local module the names reached count, read from the file as it is, and what importing it does."""
    cell = {
        "module.f": "import mesh\ndef run(x):\n    return mesh.f(x)",
        "from import": "from mesh import f as g\ndef run(x):\n    return g(x)",
        "import in the body": "def run(x):\n    import mesh as m\n    return m.f(x)",
        "from import in the body": "def run(x):\n    from mesh import f\n    return f(x)",
        "value": "import mesh\nuse = {'f': mesh.f}\ndef run(x):\n    return use['f'](x)",
        "whole": "import mesh\ndef run(x):\n    return getattr(mesh, 'f')(x)",
    }[way]
    digests = []
    for text in (one, other):
        notebook.write("mesh.py", text)
        digests.append(notebook.capture(cell).digest)
    only_whole_differs = way == "whole" and same and "# why" not in other and "__main__" not in other
    assert (digests[0] == digests[1]) is (same and not only_whole_differs)


@pytest.mark.parametrize("cell", [
    "import pkg.core\ndef run(x):\n    return pkg.core.f(x)",
    "import pkg\ndef run(x):\n    return pkg.f(x)",
    "from pkg import f\ndef run(x):\n    return f(x)",
    "from pkg import core\ndef run(x):\n    return core.f(x)",
    "def run(x):\n    import pkg.core\n    return pkg.core.f(x)",
    "def run(x):\n    from pkg import core\n    return core.f(x)",
    "def run(x):\n    from pkg.core import f\n    return f(x)",
    "from star import *\ndef run(x):\n    return f(x)",
    "import star\ndef run(x):\n    return star.f(x)",
])  # fmt: skip
def test_package(notebook, cell):
    """Names are followed through packages, relative imports, re-exports and stars, and no further."""
    core = "from .low import {used} as g\ndef f(x):\n    return g(x)\ndef idle(x):\n    return {idle}"
    low = "def a(x):\n    return {a}\ndef b(x):\n    return {b}"
    base = {"used": "a", "idle": 1, "a": 1, "b": 1}

    def digest(**changes):
        values = {**base, **changes}
        notebook.write("pkg/__init__.py", "from .core import f\n")
        notebook.write("star.py", "from pkg.core import *\n")
        notebook.write("pkg/core.py", core.format(**values))
        notebook.write("pkg/low.py", low.format(**values))
        return notebook.capture(cell).digest

    assert digest() == digest(b=2) == digest(idle=2)
    assert digest() != digest(a=2)
    assert digest() != digest(used="b")


def test_functions_of_local_modules_in_library_objects(notebook):
    """A local function held by a library's object counts by its text as well."""
    cell = "import numpy as np, mesh\ng = np.vectorize(mesh.f)\ndef run(x):\n    return g(x)"
    digests = set()
    for text in ("def f(x):\n    return 1", "def f(x):\n    return 2"):
        notebook.write("mesh.py", text)
        digests.add(notebook.capture(cell).digest)
    assert len(digests) == 2


def test_closures_made_by_local_modules(notebook):
    """A closure that a local module made counts by its code and by what it holds."""
    cell = "import mesh\nrun = mesh.make({})"
    notebook.write("mesh.py", "def make(k):\n    def run(x):\n        return x * k\n    return run\n")
    one, again, other = (notebook.capture(cell.format(k)).digest for k in (1, 1, 2))
    assert one == again != other
    notebook.write("mesh.py", "def make(k):\n    def run(x):\n        return x + k\n    return run\n")
    assert notebook.capture(cell.format(1)).digest != one


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stage]]:
    """Kernels whose sets and dicts of strings are ordered differently."""
    stages = [Stage("notebook", tmp_path_factory.mktemp("seeded"), seed) for seed in ("0", "1", "4711")]
    yield stages
    for stage in stages:
        stage.close()


@pytest.mark.parametrize("how", ["cells", "executed"])
def test_hash_seed_does_not_count(seeded, tmp_path: Path, how):
    """The digest is the same in every process."""
    text = BASE + "\nHELD = [model, {'x', 'y', 'z'}]\ninner = run\n"
    text += "def run(x):\n    return inner(x) in {'p', 'q', 'r'} and HELD and Row and Colour and CALLS\n"
    text = text if how == "cells" else f"exec({text!r})"
    assert len({Notebook(stage, tmp_path).capture(text).digest for stage in seeded}) == 1


def test_unstable_values_are_named(notebook):
    """A value with too many objects in it is digested by its pickle, and named, as is what shares them."""
    cells = [
        "class P:\n    def __init__(self, x):\n        self.x = x",
        "many = [P(i) for i in range(20_000)]\nfew = many[:3]\nk = 3",
    ]
    assert notebook.capture(*cells, "def run(x):\n    return many, few, k").unstable == ("few", "many")
    assert notebook.capture(*cells, "def run(x):\n    return few, k").unstable == ()


def test_values_that_hold_themselves(digest):
    """A list in itself has a digest, which follows its content."""
    text = "held = [{}]\nheld.append(held)\ndef run(x):\n    return held"
    assert digest(text.format(1)) == digest(text.format(1)) != digest(text.format(2))
