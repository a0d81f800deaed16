"""The laws of the digest."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torc_nb.values import encode
from values import samples


def digest(value: object) -> bytes:
    """The digest, which must be reliable."""
    encoded = encode(value)
    assert encoded.stable
    assert len(encoded.digest) == 16
    return encoded.digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.lists(inner).map(tuple),
    max_leaves=10,
)


def reversed_dicts(value: Any) -> Any:
    """The same value with every dict the other way round."""
    if isinstance(value, dict):
        return {key: reversed_dicts(item) for key, item in reversed(value.items())}
    return type(value)(map(reversed_dicts, value)) if isinstance(value, (list, tuple)) else value


@settings(deadline=None)
@given(JSON)
def test_the_order_of_dicts_means_nothing(value: Any) -> None:
    """A dict filled in another order has the same digest, at any depth."""
    assert digest(value) == digest(reversed_dicts(value))


@settings(deadline=None)
@given(st.lists(st.integers() | st.text() | st.tuples(st.integers()), unique=True))
def test_the_order_of_sets_means_nothing(items: list[Any]) -> None:
    """A set filled in another order has the same digest, of its own class too."""
    assert digest({*items}) == digest({*items[::-1]})
    assert digest(samples.MySet(items)) == digest(samples.MySet(items[::-1]))


@pytest.mark.parametrize(
    "values",
    [
        [1, 1.0, True, "1", Decimal(1), np.int64(1), np.float64(1), samples.MyInt(1), np.array(1)],
        [0.0, -0.0, 0, False, None, "", [], (), {}, set(), frozenset(), b"", np.array([]), float("nan")],
        [(1, 2), [1, 2], {1, 2}, samples.Pair(1, 2), samples.Old(1, 2), (2, 1), ((1, 2),), range(1, 3)],
        [{"a": 1}, {"a": 1.0}, {"a": "1"}, {"$torc": 1}, {"a": 1, "b": None}, OrderedDict(a=1), Counter(a=1), {1: "a"}],
        [samples.Level.LOW, samples.Color.RED, samples.Color.BLUE, samples.Access.READ, "red"],
        [samples.Point(1.0), samples.Point(1.0, 2), samples.Point(1, None), samples.Fixed("x"), samples.Model()],
        [np.zeros(4), np.zeros((2, 2)), np.zeros(4, "f4"), np.zeros(4, ">f8"), [0.0] * 4, np.zeros(4, object)],
        [np.arange(4).reshape(2, 2), np.arange(4).reshape(2, 2).T, np.arange(4)],
        [samples.Thing(1), samples.Thing(1.0), samples.Thing(None), samples.Thing],
        [pd.Series([1, 2]), pd.Series([1, 2], name="x"), pd.Series([1.0, 2]), pd.Series([1, 2], index=[1, 0])],
        [pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), pd.DataFrame({"a": ["1"]}), pd.DataFrame({"a": [1.0]})],
        [np.longdouble("0.1"), np.float64(0.1), np.longdouble(0.1)],
        [np.array([(1, 2)], "i4,i4"), np.array([(2, 1)], "i4,i4"), np.array([1, 2], "i4")],
    ],
)
def test_different_values_differ(values: list[Any]) -> None:
    """No two of these are one value, though Python's == says so of some."""
    assert len({digest(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
        (np.arange(6)[::2], np.array([0, 2, 4])),
        (np.array([np.nan]), -np.array([np.nan])),
        (np.array([np.nan + 1j]), np.array([-np.float64(np.nan) + 1j])),
        (np.array([1, "a"], object).reshape(1, 2), np.asfortranarray(np.array([[1, "a"]], object))),
        (float("nan"), -float("nan")),
        (samples.Model(), samples.Model(x=1)),
        (samples.Thing([1, {2: 3, 4: 5}]), samples.Thing([1, {4: 5, 2: 3}])),
        (samples.MyDict(a=1, b=2), samples.MyDict(b=2, a=1)),
        (Counter("ab"), Counter("ba")),
        (pd.Index([0, 1, 2]), pd.RangeIndex(3)),
        (pd.DataFrame({"a": [1, 2, 3]})[1:], pd.DataFrame({"a": [2, 3]}, index=[1, 2])),
        (pd.MultiIndex.from_tuples([(1, 2), (3, 4)])[:1], pd.MultiIndex.from_tuples([(1, 2)])),
    ],
)
def test_equal_values_agree_however_they_lie_in_memory(one: Any, other: Any) -> None:
    """Memory order, strides, bits of NaN, unused levels and insertion order are not part of a value."""
    assert digest(one) == digest(other)


def test_padding_bytes_are_not_part_of_a_value() -> None:
    """What lies between the fields of an aligned structure, or behind a long double, is not looked at."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    clean, dirty = (np.frombuffer(bytes([fill]) * dtype.itemsize, dtype).copy() for fill in (0, 255))
    clean["a"] = dirty["a"] = 1
    clean["b"] = dirty["b"] = 2.0
    assert clean.tobytes() != dirty.tobytes()
    assert digest(clean) == digest(dirty)


def test_a_part_that_is_shared_is_the_same_as_one_that_is_equal() -> None:
    """Digests see values, not identities."""
    thing = samples.Thing(1)
    assert digest([thing, thing]) == digest([samples.Thing(1), samples.Thing(1)])


def test_the_digest_is_the_same_in_every_process() -> None:
    """Three hash seeds, all samples: only the values decide."""
    code = (
        "from values import samples\nfrom torc_nb.values import encode\n"
        "everything = {**samples.VALUES, **samples.ARRAYS, **samples.FRAMES}\n"
        "for name, value in everything.items():\n"
        "    encoded = encode(value)\n    print(name, encoded.digest.hex(), encoded.stable)\n"
    )
    root = Path(__file__).parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}:{root / 'tests'}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1
    assert "False" not in outputs.pop()


def test_a_function_made_on_the_spot_makes_the_digest_unstable() -> None:
    """Bytecode is no reliable content, wherever it sits; a function found by its name is."""
    factor = 3
    assert not encode(lambda x: factor * x).stable
    assert not encode({"a": [samples.Thing(lambda x: x)]}).stable
    assert encode({"a": [samples.Thing(samples.double)]}).stable
    assert not encode(type("Made", (), {})).stable


def test_circles_are_stored_but_not_reliably_digested() -> None:
    """An object that holds itself has no canonical form, and says so."""
    thing = samples.Thing(None)
    thing.x = [thing]
    assert not encode(thing).stable


def test_deeply_shared_parts_take_no_exponential_time() -> None:
    """Thirty layers of pairs of the same object are digested as thirty objects."""
    thing = samples.Thing(0)
    for _ in range(30):
        thing = samples.Thing((thing, thing))
    assert encode(thing).stable
