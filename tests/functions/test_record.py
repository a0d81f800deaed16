"""What a signature says about rows as one argument or as keywords."""

from __future__ import annotations

import functools

import pytest

from torc_nb.functions import Captured, Function, describe
from torc_nb.functions.describe import human_size
from torc_nb.functions.signature import signature_of


@pytest.mark.parametrize(
    ("function", "alone", "by_name"),
    [
        (lambda params: 0, True, False),
        (lambda x, y: 0, False, True),
        (lambda x, y=1: 0, True, True),
        (lambda x, *, y, z=1: 0, False, True),
        (lambda *args, **kwargs: 0, True, True),
        (lambda x, /, y=1: 0, True, False),
        (lambda: 0, False, False),
        (functools.partial(lambda x, y: 0, y=2), True, True),
        (functools.partial(lambda x, y: 0, 1), True, False),
        (lambda x, y, z: 0, False, False),
    ],
)
def test_accepts(function, alone, by_name):
    """One argument, or the keywords x and y, as Python itself would bind them."""
    signature = signature_of(function)
    assert signature.accepts_positional(1) is alone
    assert signature.accepts_keywords(("x", "y")) is by_name


def test_unknown_signature():
    """Where Python cannot tell, nothing is claimed."""
    assert signature_of(max) is None


@pytest.mark.parametrize(
    ("nbytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1234, "1.2 kB"),
        (3_000_000, "3 MB"),
        (999_600, "1 MB"),
        (2**31, "2.1 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_human_size(nbytes, words):
    """Sizes as people say them."""
    assert human_size(nbytes) == words


def test_describe():
    """The name, then what travels, small values without a size."""
    captured = (Captured("TABLE", 3_000_000), Captured("k", 28), Captured("helper", None), Captured("mesh.py", None))
    function = Function("run", None, b"", (3, 11), b"", "", {}, (), (), captured, None, ())
    assert describe(function) == "run, TABLE 3 MB, k, helper, mesh.py"
