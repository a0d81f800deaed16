"""A digest is the same in every process: whatever the hash seed, script or cell, its number, kernel or notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from services.kernel import Kernel

ROOT = Path(__file__).parents[2]
PROGRAM = '''\
from __future__ import annotations
import collections, enum, functools, random, re, types
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, Optional, TypeVar
import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, Field
import mesh

WORDS = {"north", "south", "east", "west", "up", "down"}
PAIRS = frozenset((word, len(word), None) for word in WORDS)
SETS = {word: {word + "!", word + "?", b"raw", 2.5} for word in sorted(WORDS)}
COUNTS = collections.Counter("a sentence of some words".split())
LISTS = collections.defaultdict(lambda: {"p", "q", "r"}, {"a": [frozenset(WORDS)]})
TABLE = {"array": np.arange(6.0).reshape(2, 3).T, "text": np.array(["a", "bc"])}
MIXED = np.array([WORDS, None, "x"], dtype=object)
FRAME = pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", "y"]), "c": pd.to_datetime(["2024-01-01", None])})
NESTED = types.SimpleNamespace(sets=[WORDS, {"inner": PAIRS}], pattern=re.compile("a+", re.I), none=None)
T = TypeVar("T", bound="Model")

class Colour(enum.Enum):
    RED = frozenset({"r", "e", "d"})
    BLUE = "blue"

class Access(enum.Flag):
    READ = 1
    WRITE = 2

@dataclass(frozen=True)
class Point:
    names: frozenset = frozenset({"x", "y", "z"})
    colour: Colour = Colour.RED
    parts: dict = field(default_factory=dict, compare=False)

class Pair(NamedTuple):
    first: set = {"1", "2", "3"}

def positive(value):
    return value + len({"any", "order"})

class Row(BaseModel):
    width: Annotated[int, AfterValidator(positive), Field(gt=0)] = 1
    kind: Literal["a", "b"] = "a"
    near: Optional[Point] = None

class Words(set):
    def longest(self):
        return max(self, key=len)

class Slotted:
    __slots__ = ("names", "other")
    def __init__(self, names):
        self.names = names

class Model:
    """It holds sets."""
    kinds = {"p", "q", "r"}
    __match_args__ = ("names",)
    def __init__(self, names):
        self.names = names
    def has(self, word):
        return word in self.names or word in {"always", "ever", "never"}
    @functools.cached_property
    def size(self):
        return len(self.names)

def closing(names):
    def inside(x):
        return x in names
    return inside

def traced(**options):
    def around(f):
        @functools.wraps(f)
        def wrapper(*args):
            return f(*args), options
        return wrapper
    return around

model = Model(WORDS)
slotted = Slotted({"s", "t"})
words = Words(WORDS)
rng = random.Random(3)

def words_read(x): return x in WORDS
def frozen(x): return x in PAIRS
def sets_in_dict(x): return SETS[x]
def literal_set(x): return x in {"one", "two", "three", (1, "a"), frozenset}
def counted(x): return COUNTS, LISTS[x]
def enums(x): return Colour(x), Access.READ | Access.WRITE
def enum_values(x, colour=Colour.BLUE, access=Access.READ): return colour, access
def dataclasses_(x, p=Point(), q=Pair()): return p, q
def pydantic_(x, r=Row(width=2)): return r, Row
def arrays(x): return TABLE[x], MIXED, np.linalg.norm
def frames(x): return FRAME[x]
def nested(x): return NESTED, rng, T
def objects(x): return slotted, words, model.size
@traced(names=WORDS, kinds=frozenset({"k", "l"}))
def decorated(x, *, names=frozenset({"d", "e", "f"})): return x
def matching(x):
    match x:
        case Model(names) if names & {"m", "n"}: return f"{names!r:>20}"
        case "a" | "b" | None: return [y for y in WORDS if y != x]
def local(x): return mesh.near(x), mesh.NAMES
def mutual(x): return other(x) if x else words_read(x)
def other(x): return mutual(x - 1)
part = functools.partial(words_read, x=frozenset(WORDS))
bound = model.has
closure = closing(WORDS)
anonymous = lambda x, names=frozenset(WORDS): x in names
'''
MESH = """\
NAMES = {"c", "d", "e"}
def near(x):
    return x in NAMES or far(x)
def far(x):
    return {"f": NAMES}
"""
FUNCTIONS = (
    *("words_read", "frozen", "sets_in_dict", "literal_set", "counted", "enums", "enum_values", "dataclasses_"),
    *("pydantic_", "arrays", "frames", "nested", "objects", "decorated", "matching", "local", "mutual", "part"),
    *("bound", "closure", "anonymous", "Words", "Model"),
)
ASK = f"""
import json
from torc_nb.functions import capture
captured = {{name: capture(globals()[name]) for name in {FUNCTIONS!r}}}
print(json.dumps({{name: (one.digest.hex(), one.unstable) for name, one in captured.items()}}))
"""
HISTORY = (
    "def words_read(x): return 'an older one'\nmodel = {'x': object()}",
    "import pandas, numpy, typing\nrest = {object() for _ in range(1000)}\nfrom typing import *",
    "%%time\nsum(range(10))",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as a script, and its module."""
    home = tmp_path_factory.mktemp("across")
    (home / "mesh.py").write_text(MESH)
    (home / "program.py").write_text(PROGRAM + ASK)
    return home


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, dict[str, list[object]]]:
    """Digests and unstable names of each function, by who was asked; all are asked side by side."""
    surroundings = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with ThreadPoolExecutor() as side_by_side:
        asked = {seed: side_by_side.submit(_script, folder, seed, surroundings) for seed in ("0", "1", "4711")}
        found = _kernels(folder, surroundings)
        found |= {f"script with seed {seed}": answer.result() for seed, answer in asked.items()}
    return {asked: json.loads(answer) for asked, answer in found.items()}


def _script(folder: Path, seed: str, surroundings: dict[str, str]) -> str:
    command = [sys.executable, "program.py"]
    environment = os.environ | surroundings | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def _kernels(folder: Path, surroundings: dict[str, str]) -> dict[str, str]:
    """One kernel runs the program at once, the other, of a renamed notebook, after other cells."""
    first = Kernel(folder, surroundings | {"PYTHONHASHSEED": "random", "JPY_SESSION_NAME": "first.ipynb"})
    second = Kernel(folder, surroundings | {"PYTHONHASHSEED": "random", "JPY_SESSION_NAME": "renamed.ipynb"})
    with first, second:
        begun = first.begin(PROGRAM)
        for cell in HISTORY:
            second.run(cell)
        second.run(PROGRAM)
        first.finish(begun)
        return {"first kernel": first.run(ASK), "second kernel": second.run(ASK)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_digest_everywhere(answers, name):
    """Sets, enumerations, dataclasses, arrays, frames, partials, methods and closures mean the same."""
    assert len(answers) == 5
    assert {
        asked: answer[name][0] for asked, answer in answers.items() if answer[name] != answers["first kernel"][name]
    } == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_called_unstable(answers, name):
    """What is the same everywhere is not said to be doubtful."""
    assert answers["first kernel"][name][1] == []


def test_functions_differ(answers):
    """No two of them mean the same."""
    assert len({str(answer) for answer in answers["first kernel"].values()}) == len(FUNCTIONS)
