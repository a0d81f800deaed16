"""Programs made up by hypothesis: a cell that defines `run`, and two local modules, all of whose code `run` reaches.

They are captured, never called, so names and types need not fit; what Python does when it defines them works.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

# @n@ is a number, @s@ a text, @c@ a constant, @e@ an expression, @body@ some statements.
CELL = '''\
import enum, functools
import numpy as np, pandas as pd
import mesh
from dataclasses import dataclass
from mesh import area as surface, Grid
K = @n@
NAMES = {"north", @s@, "south"}
CHOICES = frozenset({(1, "a"), (2, @s@)})
LIMITS = {"low": @c@, "nested": {"names": {"p", @s@}, "list": [@n@, (None, 2.5)]}}
TABLE = np.array([@n@, 2, 3])
FRAME = pd.DataFrame({"a": [@n@, 1], "b": ["x", @s@]})
class Colour(enum.Enum):
    RED = @n@
    BLUE = "blue"
@dataclass
class Row:
    """A row."""
    width: int = @n@
class Base:
    scale = @n@
    def base(self, x):
        @body@
        return x, self.scale
class Model(Base):
    """A model."""
    rate = @n@
    @staticmethod
    def fixed(x, *, by=@c@):
        @body@
        return x
    @property
    def size(self):
        return self.rate, @e@
    def value(self, x, by=@c@):
        @body@
        return self.base(x), self.fixed(x), self.size, Colour.RED, super().base(x)
def make(k):
    def inner(x, by=@c@):
        @body@
        return x + k
    return inner
def scaled(k):
    def around(f):
        @functools.wraps(f)
        def wrapper(*args, **others):
            @body@
            return f(*args, **others), k
        return wrapper
    return around
definitions
adder = make(@n@)
model = Model()
model.extra = @n@
# what follows is what is mapped
part = functools.partial(deep, by=@n@)
key = lambda x, y=@c@: (x, @e@)
@scaled(@n@)
def run(x, y=@c@, *, z=@c@):
    """Do it."""
    @body@
    return helper(x), even(x), adder(x), surface(x), Grid().cells(x), mesh.volume(x), Row(), model, part, key
'''
DEFINITIONS = '''\
def deep(x, by=@c@):
    """The deepest."""
    @body@
    return x - by, NAMES, TABLE
---
def helper(x, *, by=@c@):
    # it is recursive
    @body@
    return deep(x), helper(by), CHOICES, LIMITS
---
def even(x):
    @body@
    return odd(x), K
---
def odd(x):
    @body@
    return even(x), FRAME, Model
'''
MESH = '''\
"""A module beside the notebook."""
import math
from grid import low as lower
SIZE = @n@
def twice(f):
    def doubled(x):
        @body@
        return f(x), f(x)
    return doubled
def area(x, by=@c@):
    """Of one."""
    @body@
    return lower(x), SIZE
@twice
def volume(x):
    @body@
    return math.sin(x)
class Grid:
    """Some cells."""
    side = @n@
    def cells(self, x):
        @body@
        return x, self.side
'''
GRID = """\
STEPS = {"first": @n@}
def low(x, *, by=@c@):
    # the end
    @body@
    return x, STEPS
"""


@dataclass(frozen=True)
class Program:
    """A cell, the functions in it that may stand in any order, and the modules beside it."""

    cell: str
    definitions: tuple[str, ...]
    mesh: str
    grid: str

    @property
    def texts(self) -> dict[str, str]:
        """The texts by where they stand."""
        cell = self.cell.replace("definitions\n", "".join(self.definitions))
        return {"cell": cell, "mesh": self.mesh, "grid": self.grid}

    def reordered(self, order: list[int]) -> Program:
        """The same with functions defined in another order."""
        return replace(self, definitions=tuple(self.definitions[at] for at in order))


@st.composite
def programs(draw: Draw) -> Program:
    """A program of which every body, constant and default is drawn."""
    definitions = tuple(filled(draw, DEFINITIONS).split("---\n"))
    return Program(filled(draw, CELL), definitions, filled(draw, MESH), filled(draw, GRID))


def filled(draw: Draw, template: str) -> str:
    """Put something drawn at every mark of a template."""

    def piece(mark: re.Match[str]) -> str:
        if mark[2] == "body":
            return "".join(f"{mark[1]}{line}\n" for line in body(draw, 2)).rstrip("\n")
        return str(mark[1]) + (expression(draw, 2) if mark[2] == "e" else draw(_LITERALS[mark[2]]))

    return re.sub(r"( *)@(body|[nsce])@", piece, template)


_LITERALS = {
    "n": st.integers(10, 99).map(str),
    "s": st.integers(0, 9).map(lambda number: f'"s{number}"'),
    "c": st.sampled_from(["0", "1", "7", "2.5", "'it'", '"is"', "None", "True", "b'raw'", "'a' \"b\"", "(1, 'x')"]),
}
_NAMES = st.sampled_from(["a", "b", "x"])
_OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "@", "<<", "|", "&", "^"])
_COMPARISONS = st.sampled_from(["<", ">=", "==", "!=", "in", "not in"])
_EXPRESSIONS = [
    "{n} {o} {e}",
    "({e} {o} {n})",
    "({n} {q} {e} and {n} {q} {e})",
    "(not {n})",
    "(a if {n} is not {n} else {e})",
    "(-{n} or ~{n})",
    "({e} if {n} {q} {e} else {e})",
    "call({e}, key={e}, *{n}, **{n})",
    "{n}.field[{e}]",
    "{n}[{e}:, 1:{n}:2]",
    "[{e} for a in {n} if {n} {q} {e} for b in a]",
    "{{a: {e} for a, b in {n}}}",
    "sum({e} for a in {n})",
    "{{{c}, *{n}}}",
    "{{{c}: {e}, **{n}}}",
    "(lambda a, b={c}, *, c={c}: {e})",
    'f"{{{n}}} is {{{n}!r:>{{{n}}}}} of {{{n}.field:.2f}}"',
    "max({e}, {c})",
]
_STATEMENTS = [
    ["a = {e}"],
    ["a, *b = {n}, {e}"],
    ["a.field[{e}] {o}= {e}"],
    ["if {n} {q} {e}:", "{B}", "elif {n}:", "{B}", "else:", "{B}"],
    ["if (found := {e}) {q} {n}:", "{B}"],
    ["if not {n}:", "{B}"],
    ["for a in {n}:", "{B}", "    if a {q} {n}:", "        break", "    continue", "else:", "{B}"],
    ["while {n} {q} {e}:", "{B}", "    b -= 1"],
    ["try:", "{B}", "except (ValueError, KeyError) as error:", "{B}", "finally:", "{B}"],
    ["with call({e}) as b:", "{B}"],
    [
        "def local(a, b={c}, *, c={c}):",
        '    """Of its own."""',
        "    nonlocal_ = b",
        "{B}",
        "    return {e}",
        "b = local(a)",
    ],
    [
        "class Local:",
        "    '''Inside.'''",
        "    field = {c}",
        "    def method(self, a):",
        "    {B}",
        "        return self",
    ],
    [
        "match {n}:",
        "    case {{'kind': {c1}, **b}} if {n} {q} {e}:",
        "    {B}",
        "    case [{c1}, *a] | (a, {c1}, *_):",
        "    {B}",
        "    case Point(field={c1}) | None | {c1}:",
        "    {B}",
        "    case _:",
        "    {B}",
    ],
    ["assert {n}, {e}"],
    ["import math as m", "a = m.sin({n})"],
    ["from math import cos", "a = cos({n})"],
    ["if {n}:", "    raise ValueError({e})"],
    ["del a"],
]


def body(draw: Draw, depth: int) -> list[str]:
    """One to three statements, the last of which is a plain one."""
    lines: list[str] = []
    for _ in range(draw(st.integers(0, depth))):
        lines += statement(draw, draw(st.sampled_from(_STATEMENTS)), depth)
    return [*lines, f"a = b {draw(_OPERATORS)} {expression(draw, depth)}"]


def statement(draw: Draw, form: list[str], depth: int) -> list[str]:
    """The lines of one statement; "{B}" is a body, indented one step further than the mark."""
    lines: list[str] = []
    for line in form:
        if line.endswith("{B}"):
            lines += [line[:-3] + "    " + inner for inner in body(draw, depth - 1)]
        else:
            lines.append(_written(draw, line, depth))
    return lines


def expression(draw: Draw, depth: int) -> str:
    """An expression, of names and constants alone where `depth` is 0."""
    if not depth:
        return str(draw(st.one_of(_NAMES, _LITERALS["c"])))
    return _written(draw, draw(st.sampled_from(_EXPRESSIONS)), depth)


def _written(draw: Draw, form: str, depth: int) -> str:
    pieces = {
        "n": lambda: draw(_NAMES),
        "o": lambda: draw(_OPERATORS),
        "q": lambda: draw(_COMPARISONS),
        "c": lambda: draw(_LITERALS["c"]),
        "c1": lambda: draw(st.sampled_from(["1", "2.5", "'it'", "None"])),
        "e": lambda: expression(draw, depth - 1),
        "{": lambda: "{",
        "}": lambda: "}",
    }
    return re.sub(r"\{(\{|[noqe]|c1?)(?:\}|(?<=\{))|\}(\})", lambda m: str(pieces[m[1] or m[2]]()), form)
