"""What changed between two versions is told by source and by name."""

from __future__ import annotations

import dataclasses

import pytest

from torc_nb.functions import difference

from .cells import Cells

CELL = '''
import functools
from dataclasses import dataclass
import numpy as np
import mesh
SCALE = 2
WORDS = {"b", "a"}
TABLE = np.arange(4)
class Model:
    """A model."""
    rate = SCALE * 1.5
    def value(self):
        return self.rate
@dataclass
class Row:
    width: int = 1
model = Model()
model.k = 1
def deep(x, by=5):
    return x - by
@functools.cache
def helper(x):
    return deep(x)
def scaled(scale):
    def around(f):
        @functools.wraps(f)
        def wrapper(x):
            return f(x) * scale
        return wrapper
    return around
@scaled(2)
def run(x):
    y = helper(x)
    return y, TABLE, WORDS, model.value(), Row(), mesh.near(x)
'''
MESH = "def near(x):\n    return x\n"

EDITS = [
    ("y = helper(x)", "y = helper(-x)", ["-    y = helper(x)", "+    y = helper(-x)"]),
    ("return x - by", "return x + by", ["--- helper deep", "-    return x - by", "+    return x + by"]),
    ("f(x) * scale", "f(x) / scale", ["--- helper scaled.around.wrapper", "+    return f(x) / scale"]),
    ("@scaled(2)", "@scaled(3)", ["closure scale: 2 -> 3"]),
    ("by=5", "by=6", ["default by of deep: 5 -> 6"]),
    ("np.arange(4)", "np.arange(5)", ["global TABLE: ndarray 4 -> ndarray 5"]),
    ("np.arange(4)", "np.arange(1, 5)", ["global TABLE: value changed"]),
    ('{"b", "a"}', '{"b", "c"}', ["global WORDS: {'a', 'b'} -> {'b', 'c'}"]),
    ("model.k = 1", "model.k = 2", ["global model: value changed"]),
    ("SCALE = 2", "SCALE = 4", ["attribute Model.rate: 3.0 -> 6.0"]),
    ("return self.rate", "return -self.rate", ["--- class Model", "+        return -self.rate"]),
    ("width: int = 1", "width: int = 2", ["attribute Row.width: 1 -> 2"]),
    ("y, TABLE, WORDS", "y, WORDS", ["global TABLE: no longer used"]),
    ("y, TABLE, WORDS", "y, TABLE, WORDS, SCALE", ["global SCALE: new"]),
]


@pytest.fixture
def cells(tmp_path):
    """A folder for cells and modules."""
    return Cells(tmp_path)


@pytest.mark.parametrize(("old", "new", "told"), EDITS)
def test_what_changed_is_told(cells, old, new, told):
    """The piece of source or the value by name, and nothing of what stayed."""
    assert CELL.count(old) == 1
    before = cells.capture(CELL, modules={"mesh": MESH})
    after = cells.capture(CELL.replace(old, new), modules={"mesh": MESH})
    lines = difference(before, after).splitlines()
    assert [line for line in told if line.strip() not in map(str.strip, lines)] == []
    assert len(lines) <= 14
    assert not any("mesh" in line and line[0] in "+-@" and "return" not in line for line in lines)


def test_nothing_changed(cells):
    """Two captures of the same do not differ."""
    assert difference(*(cells.capture(CELL, modules={"mesh": MESH}) for _ in range(2))) == ""


def test_module(cells):
    """A local module is told by its name."""
    before, after = (cells.capture(CELL, modules={"mesh": text}) for text in (MESH, MESH.replace("x\n", "-x\n")))
    assert difference(before, after).splitlines()[0] == "--- module mesh"


def test_without_source(cells):
    """Code whose text is not known is told to have changed, by name."""
    before, after = (
        cells.capture(CELL.replace("x - by", text), modules={"mesh": MESH}, source=False)
        for text in ("x - by", "x + by")
    )
    assert difference(before, after) == "helper deep: changed"


def test_records_of_before(cells):
    """Of a record without ingredients the function's own source is compared; what else changed is not known."""
    now = cells.capture(CELL, modules={"mesh": MESH})
    then = dataclasses.replace(now, ingredients=(), digest=b"other")
    assert "not show" in difference(then, now)
    assert "TABLE" not in difference(then, now)
    assert difference(dataclasses.replace(then, source="def run(x):\n    return 1\n"), now).startswith(
        "--- function run"
    )


def test_no_code_of_the_user_runs(cells):
    """A value's own `__repr__` is not called."""
    cell = (
        "class V:\n    def __repr__(self):\n        raise RuntimeError\nv, w = V(), [V()]\ndef run(x):\n    return v, w"
    )
    shown = {one.name: one.shown for one in cells.capture(cell).ingredients}
    assert shown["v"] == "V"
    assert shown["w"] == "[V]"


def test_long_values_are_cut(cells):
    """A record stays small however large the values."""
    values = "t, n, d = 'a' * 10_000, list(range(10_000)), {i: 'x' * 1000 for i in range(1000)}"
    cell = f"{values}\ndef run(x):\n    return t, n, d"
    assert all(len(one.shown) < 400 for one in cells.capture(cell).ingredients)
