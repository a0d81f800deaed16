"""What counts although it stands out of sight: in a value's class, behind a decorator, in a module's imports."""

from __future__ import annotations

from itertools import count

import pytest

from .cells import Cells

CALL = "import mesh\ndef run(x):\n    return mesh.f(x)"
NUMBERS = count()
OBJECTS = "objects = [object() for _ in range({})]"

# In each program @@ is what is edited.
REACHED = """\
# what a wrapper reaches through `__wrapped__` alone
import functools
def d(f):
    @functools.wraps(f)
    def w(x):
        return w.__wrapped__(x)
    return w
@d
def run(x):
    return x + @@
---
# containers that are more than what they contain
import collections
D = collections.defaultdict(lambda: @@)
def run(x):
    return D[x]
---
import collections
D = collections.defaultdict(lambda: 1, a=@@)
def run(x):
    return D[x]
---
class D(dict):
    pass
d = D(a=1)
d.k = @@
def run(x):
    return d.k
---
class D(dict):
    def f(self):
        return @@
d = D(a=1)
def run(x):
    return d.f()
---
class D(set):
    def f(self):
        return @@
d = D({'a', 'b'})
def run(x):
    return d.f()
---
class D(list):
    def f(self):
        return @@
d = D([1])
def run(x):
    return d.f()
---
class D(tuple):
    def f(self):
        return @@
d = D([1])
def run(x):
    return d.f()
---
class D(int):
    def f(self):
        return @@
d = D(3)
def run(x):
    return d.f()
---
class D(str):
    def f(self):
        return @@
d = D('a')
def run(x):
    return d.f()
---
class D(float):
    def f(self):
        return @@
d = D(2.5)
def run(x):
    return d.f()
---
from typing import NamedTuple
class D(NamedTuple):
    x: int
    def f(self):
        return @@
d = D(1)
def run(x):
    return d.f()
---
# attributes of classes by names that Python has a use for
class D:
    _rate_ = @@
def run(x):
    return D._rate_
---
K = @@
class D:
    __array_priority__ = K
    def f(self):
        return 1
def run(x):
    return D()
---
K = @@
class D:
    __match_args__ = (f'a{K}',)
def run(x):
    match x:
        case D(y):
            return y
---
from dataclasses import dataclass, field
@dataclass
class D:
    x: int = field(default=1, metadata={'k': @@})
def run(x):
    return D
---
# what stands in annotations
from typing import Annotated
from pydantic import AfterValidator, BaseModel
def check(v):
    return v + @@
class D(BaseModel):
    x: Annotated[int, AfterValidator(check)]
def run(x):
    return D(x=x)
---
from typing import Annotated
class V:
    k = @@
class D:
    x: Annotated[int, V()]
def run(x):
    return D
---
from typing import Optional, TypeVar
class A:
    k = @@
T = TypeVar('T', bound=A)
class D:
    x: Optional[T]
def run(x):
    return D
"""
MODULES = [
    ("from math import {} as g\ndef f(x):\n    return g(x)", "sin", "cos"),
    ("from {} import sqrt\ndef f(x):\n    return sqrt(x)", "math", "cmath"),
    ("import {} as m\ndef f(x):\n    return m.sqrt(x)", "math", "cmath"),
    ("from {} import *\ndef f(x):\n    return sqrt(x)", "math", "cmath"),
    ("if {}:\n    import math as m\nelse:\n    import cmath as m\ndef f(x):\n    return m.sqrt(x)", "True", "False"),
]
UNUSED = [
    ("import {} as m\ndef f(x):\n    return x", "math", "cmath"),
    ("import math{}\ndef f(x):\n    return math.sin(x)", "", "\nimport cmath"),
    ("from math import sin{}\ndef f(x):\n    return sin(x)", "", ", cos"),
    ("import os{}\ndef f(x):\n    return os.getpid()", "", "\nimport os.path"),
]


@pytest.fixture
def cells(tmp_path):
    """A folder for cells and modules."""
    return Cells(tmp_path)


@pytest.mark.parametrize("source", [True, False], ids=["with source", "without source"])
@pytest.mark.parametrize("text", REACHED.split("---\n"))
def test_reached_values_count(cells, text, source):
    """A change there is caught; the same again, with other objects in memory, is the same."""
    one, other = text.replace("@@", "1"), text.replace("@@", "2")
    captured = cells.capture(one, source=source)
    assert captured.unstable == ()
    assert captured.digest == cells.digest(OBJECTS.format(next(NUMBERS) * 100), one, source=source)
    assert captured.digest != cells.digest(other, source=source)


@pytest.mark.parametrize(("text", "one", "other"), MODULES)
def test_imports_of_a_local_module_count(cells, text, one, other):
    """What a local module takes from an installed one is part of what its functions mean."""
    digests = {cells.digest(CALL, modules={"mesh": text.format(use)}) for use in (one, other)}
    assert len(digests) == 2


@pytest.mark.parametrize(("text", "one", "other"), UNUSED)
def test_imports_that_nothing_uses_do_not_count(cells, text, one, other):
    """Only what the reached functions name."""
    digests = {cells.digest(CALL, modules={"mesh": text.format(use)}) for use in (one, other)}
    assert len(digests) == 1


def test_what_pickling_leaves_in_a_class_does_not_count(cells):
    """Python notes the slots of a class in it when an instance is first copied or pickled."""
    text = "import copy\nclass D:\n    k = 1\ndef run(x):\n    return D.k"
    assert cells.digest(text) == cells.digest(f"{text}\ncopy.copy(D())")
