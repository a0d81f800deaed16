"""What cannot travel is refused at capture, by the name the user gave it."""

from __future__ import annotations

import re

import pytest

from torc_nb.errors import CannotCapture

USES = "def run(x):\n    return thing"
CULPRITS = {
    "open file": ("thing = open('data.txt', 'w+')", "global `thing` of `run` is an open file (data.txt)"),
    "binary file": ("thing = open('data.txt', 'wb+', buffering=0)", "global `thing` of `run` is an open file"),
    "lock": ("import threading\nthing = threading.Lock()", "global `thing` of `run` is a lock"),
    "rlock": ("import threading\nthing = threading.RLock()", "global `thing` of `run` is a lock"),
    "event": ("import threading\nthing = threading.Event()", "global `thing` of `run` is a lock"),
    "generator": ("thing = (i for i in range(3))", "global `thing` of `run` is a generator"),
    "socket": ("import socket\nthing = socket.socket()", "global `thing` of `run` is a socket"),
    "database": (
        "import sqlite3\nthing = sqlite3.connect(':memory:')",
        "global `thing` of `run` is a database connection",
    ),
    "engine": (
        "import sqlalchemy\nthing = sqlalchemy.create_engine('sqlite://').connect()",
        "is a database connection",
    ),
    "pool": ("from concurrent.futures import ThreadPoolExecutor\nthing = ThreadPoolExecutor(1)", "is an executor"),
    "process": ("import subprocess\nthing = subprocess.Popen(['true'])\nthing.wait()", "is a running process"),
    "thread": ("import threading\nthing = threading.Thread(target=print)", "is a thread"),
    "other": (
        "class Odd:\n    def __reduce__(self):\n        raise TypeError('I stay')\nthing = Odd()",
        "is a `Odd`, which cannot be pickled (TypeError: I stay)",
    ),
    "in a container": (
        "import threading\nthing = {'a': [1, threading.Lock()]}",
        "item `1` of item `'a'` of global `thing` of `run` is a lock",
    ),
    "in an object": (
        "import threading\nclass M:\n    def __init__(self):\n        self.guard = threading.Lock()\nthing = M()",
        "attribute `guard` of global `thing` of `run` is a lock",
    ),
    "in a class": (
        "import threading\nclass M:\n    guard = threading.Lock()\nthing = M",
        "attribute `guard` of class `M` is a lock",
    ),
    "in a helper": (
        "import threading\nguard = threading.Lock()\ndef thing(x):\n    return guard",
        "global `guard` of helper `thing` is a lock",
    ),
    "in a library's object": (
        "import functools, threading\nfrom types import SimpleNamespace\nthing = SimpleNamespace(g=threading.Lock())",
        "attribute `g` of global `thing` of `run` is a lock",
    ),
}
ROOTS = {
    "closure": (
        "import threading\ndef make(guard):\n    return lambda: guard\nrun = make(threading.Lock())",
        "closure value `guard` of `<lambda>` is a lock",
    ),
    "default": (
        "import threading\ndef run(x, guard=threading.Lock()):\n    return x",
        "default `0` of `run` is a lock",
    ),
    "partial": (
        "import threading, functools\nrun = functools.partial(print, 1, guard=threading.Lock())",
        "argument `guard` is a lock",
    ),
    "method": (
        "import threading\nclass M:\n    def f(self):\n        pass\nm = M()\nm.guard = threading.Lock()\nrun = m.f",
        "attribute `guard` of object of method `f` is a lock",
    ),
}


@pytest.mark.parametrize("kind", CULPRITS)
def test_a_global_that_cannot_travel_is_named(notebook, kind):
    """The message says which name, of which function, and what it is."""
    cell, words = CULPRITS[kind]
    with pytest.raises(CannotCapture, match=re.escape(words)) as refusal:
        notebook.capture(cell, USES)
    assert str(refusal.value).startswith("`run` cannot be mapped: ")


@pytest.mark.parametrize("kind", ROOTS)
def test_what_hangs_on_the_function_itself_is_named(notebook, kind):
    """Closures, defaults, partial arguments and a method's object are looked through as well."""
    cell, words = ROOTS[kind]
    with pytest.raises(CannotCapture, match=re.escape(words)):
        notebook.capture(cell)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("async def run(x):\n    return x", "`run` is async"),
        ("async def run(x):\n    yield x", "`run` is async"),
        ("def run(x):\n    yield x", "`run` is a generator function"),
        ("import functools\nasync def f(x, y):\n    return x\nrun = functools.partial(f, 1)", "`f` is async"),
        ("class M:\n    async def __call__(self, x):\n        return x\nrun = M()", "`M` is async"),
        ("class M:\n    def f(self, x):\n        yield x\nrun = M().f", "`f` is a generator function"),
        ("def run(x):\n    !ls\n    return x", "`run` uses get_ipython"),
        ("def run(x):\n    %time 1\n    return x", "`run` uses get_ipython"),
        ("def helper():\n    return get_ipython()\ndef run(x):\n    return helper()", "`helper` uses get_ipython"),
        ("shell = get_ipython()\ndef run(x):\n    return shell", "global `shell` of `run` is the notebook's own shell"),
        ("def run(x):\n    display(x)", "from IPython.display import display"),
    ],
)
def test_functions_that_give_no_result_elsewhere(notebook, cell, words):
    """Coroutines, generators and what needs the kernel are refused with what to do instead."""
    with pytest.raises(CannotCapture, match=re.escape(words)):
        notebook.capture(cell)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("import numpy as np\nthing = np.zeros(125_000)", "global `thing` of `run` is 1 MB"),
        ("import pandas as pd\nthing = pd.DataFrame({'a': range(125_000)})", "global `thing` of `run` is 1 MB"),
        ("thing = b'x' * 1_000_000", "global `thing` of `run` is 1 MB"),
        ("thing = [float(i) for i in range(31_250)]", "global `thing` of `run` is 1 MB"),
        (
            "import numpy as np\nclass M:\n    def __init__(self):\n        self.a = np.zeros(125_000)\nthing = M()",
            "global `thing` of `run` is 1 MB",
        ),
    ],
)
def test_too_large_is_refused_before_pickling(notebook, cell, words):
    """The largest thing is named with its size and with the limit."""
    limit = "from torc_nb.functions import refuse\nrefuse.LIMIT = 900_000"
    with pytest.raises(CannotCapture, match=re.escape(words)) as refusal:
        notebook.capture(limit, cell, USES)
    assert "900 kB in all" in str(refusal.value)


def test_many_values_that_are_too_large_together(notebook):
    """The limit is on all that travels, not on each thing."""
    cells = ["from torc_nb.functions import refuse\nrefuse.LIMIT = 900_000", "a = b'x' * 500_000\nb = b'y' * 500_001"]
    with pytest.raises(CannotCapture, match="global `b` of `run`"):
        notebook.capture(*cells, "def run(x):\n    return a, b")


def test_what_only_pickling_shows_to_be_too_large(notebook):
    """An object that hides its size is stopped while it is pickled, and named."""
    cells = [
        "from torc_nb.functions import refuse\nrefuse.LIMIT = 900_000",
        "class M:\n    def __reduce__(self):\n        return len, (b'x' * 1_000_000,)\nthing = M()",
    ]
    with pytest.raises(CannotCapture, match="global `thing` of `run`"):
        notebook.capture(*cells, USES)


def test_a_value_shared_by_two_helpers_counts_once(notebook):
    """One table used twice is one table in the pickle."""
    cells = [
        "from torc_nb.functions import refuse\nrefuse.LIMIT = 900_000\nT = b'x' * 500_000",
        "def helper():\n    return T\ndef run(x):\n    return helper(), T",
    ]
    assert len(notebook.capture(*cells).payload) < 600_000


def test_an_unpicklable_thing_that_is_not_used_does_no_harm(notebook, worker):
    """Only what the function reads travels."""
    assert (
        worker.call(notebook.capture("import threading\nguard = threading.Lock()\ndef run(x):\n    return x"), 4) == 4
    )
