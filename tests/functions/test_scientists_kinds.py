"""Things scientists use in cells work elsewhere, and mean the same in every kernel."""

from __future__ import annotations

from typing import Any

import pytest

KINDS: dict[str, tuple[str, tuple[Any, ...], Any]] = {
    "future annotations": (
        """
from __future__ import annotations
def f(x: int) -> int:
    return x
def run(x: Undefined):
    return f(x)
""",
        (1,),
        1,
    ),
    "cell with await": (
        """
import asyncio
await asyncio.sleep(0)
def run(x):
    return x
""",
        (1,),
        1,
    ),
    "context manager": (
        """
from contextlib import contextmanager
@contextmanager
def c(x):
    yield x + 1
def run(x):
    with c(x) as y:
        return y
""",
        (1,),
        2,
    ),
    "logger": (
        """
import logging
log = logging.getLogger('a')
def run(x):
    log.info('hi')
    return log.name
""",
        (1,),
        "a",
    ),
    "frame": (
        """
import pandas as pd
df = pd.DataFrame({'a':[1,2]})
def run(x):
    return int(df.a.sum())
""",
        (1,),
        3,
    ),
    "regular expression": (
        """
import re
p = re.compile('a+')
def run(x):
    return p.match(x).group()
""",
        ("aab",),
        "aa",
    ),
    "own random generator": (
        """
import numpy as np
rng = np.random.default_rng(0)
def run(x):
    return float(rng.random())*0+1
""",
        (1,),
        1,
    ),
    "abstract class": (
        """
import abc
class A(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class B(A):
    def f(self):
        return 3
def run(x):
    return B().f()
""",
        (1,),
        3,
    ),
    "frozen dataclass with slots": (
        """
from dataclasses import dataclass
@dataclass(slots=True, frozen=True)
class P:
    x: int
K=P(3)
def run(x):
    return K.x + P(x).x
""",
        (1,),
        4,
    ),
    "generic class": (
        """
from typing import Generic, TypeVar, Protocol
T = TypeVar('T')
class P(Generic[T]):
    def f(self, x: T) -> T:
        return x
def run(x):
    return P[int]().f(x)
""",
        (1,),
        1,
    ),
    "typed dict": (
        """
from typing import TypedDict
class P(TypedDict):
    x: int
def run(x):
    return P(x=x)
""",
        (1,),
        {"x": 1},
    ),
    "dict with a default": (
        """
from collections import defaultdict
D = defaultdict(lambda: 4)
def run(x):
    return D[x]
""",
        (1,),
        4,
    ),
    "flag": (
        """
import enum
class C(enum.IntFlag):
    A = 1
    B = 2
def run(x):
    return int(C.A | C.B)
""",
        (1,),
        3,
    ),
    "exception": (
        """
class Bad(ValueError):
    def __init__(self, a):
        super().__init__(a)
        self.a = a
def run(x):
    try:
        raise Bad(x)
    except Bad as e:
        return e.a
""",
        (1,),
        1,
    ),
    "item getter": (
        """
import operator
run = operator.itemgetter('a')
""",
        ({"a": 3},),
        3,
    ),
    "nested comprehensions": (
        """
K=2
def run(x):
    return [[K*i for i in range(x)] for _ in range(1)]
""",
        (3,),
        [[0, 2, 4]],
    ),
    "frozen distribution": (
        """
from scipy import stats
D = stats.norm(0,1)
def run(x):
    return float(D.cdf(0))
""",
        (3,),
        0.5,
    ),
    "interpolation": (
        """
import scipy.interpolate as si, numpy as np
f = si.interp1d([0,1],[0,2])
def run(x):
    return float(f(x))
""",
        (0.5,),
        1.0,
    ),
    "submodule of a package": (
        """
import scipy.optimize
def g(x):
    return (x-1)**2
def run(x):
    return round(float(scipy.optimize.minimize_scalar(g).x),3)
""",
        (0.5,),
        1.0,
    ),
    "class decorator": (
        """
import functools
@functools.total_ordering
class P:
    def __init__(self,x):
        self.x=x
    def __lt__(self,o):
        return self.x<o.x
    def __eq__(self,o):
        return self.x==o.x
def run(x):
    return P(1)>=P(0)
""",
        (0.5,),
        True,
    ),
    "function of a module since reloaded": (
        """
import pathlib; pathlib.Path('mm.py').write_text('def f(x):\\n    return 1')
import mm, importlib
from mm import f
importlib.reload(mm)
def run(x):
    return f(x)
""",
        (0.5,),
        1,
    ),
    "nested class": (
        """
class A:
    class B:
        k = 3
        def f(self):
            return self.k
def run(x):
    return A.B().f()
""",
        (0.5,),
        3,
    ),
    "metaclass": (
        """
class M(type):
    def __getitem__(cls, k):
        return k
class A(metaclass=M):
    pass
def run(x):
    return A[x]
""",
        (5,),
        5,
    ),
    "nonlocal": (
        """
def make():
    n = 0
    def run(x):
        nonlocal n
        n += x
        return n
    return run
run = make()
""",
        (5,),
        5,
    ),
    "cached method": (
        """
import functools
class A:
    @functools.lru_cache
    def f(self, x):
        return x
a = A()
def run(x):
    return a.f(x)
""",
        (5,),
        5,
    ),
    "partial method": (
        """
import functools
class A:
    def f(self, x, y):
        return x+y
    g = functools.partialmethod(f, 1)
def run(x):
    return A().g(x)
""",
        (5,),
        6,
    ),
    "descriptor": (
        """
class D:
    def __get__(self, o, t):
        return 7
class A:
    d = D()
def run(x):
    return A().d
""",
        (5,),
        7,
    ),
    "decorated method": (
        """
import functools
def dec(f):
    @functools.wraps(f)
    def w(*a, **k):
        return f(*a, **k) + 1
    return w
class A:
    @dec
    def f(self, x):
        return x
def run(x):
    return A().f(x)
""",
        (5,),
        6,
    ),
    "pydantic validators": (
        """
from pydantic import BaseModel, field_validator, computed_field
class P(BaseModel):
    x: int
    @field_validator('x')
    @classmethod
    def v(cls, x):
        return x+1
    @computed_field
    @property
    def y(self) -> int:
        return 3
K = P(x=1)
def run(x):
    return P(x=x).model_dump(), K.x
""",
        (5,),
        ({"x": 6, "y": 3}, 2),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_works_elsewhere_and_means_the_same(notebook, worker, kind):
    """The result is right in another process, and two kernels agree on the digest without a doubt."""
    cell, arguments, expected = KINDS[kind]
    function = notebook.capture(cell)
    assert worker.call(function, *arguments) == expected
    assert notebook.capture("0", cell).digest == function.digest
    assert function.unstable == ()


def test_random_numbers_follow_the_seed(notebook, worker):
    """Functions taken from the process's own generators use the worker's, not a copy with a state of its own."""
    cell = """
import random, numpy as np
from random import gauss
from numpy.random import rand
def run(x):
    random.seed(x)
    np.random.seed(x)
    return gauss(0, 1), float(rand())
"""
    function = notebook.capture(cell)
    assert worker.call(function, 1) == worker.call(function, 1) != worker.call(function, 2)
    assert notebook.capture(cell).digest == function.digest
