"""What goes in comes out."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections import deque
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from torc_nb.values import MAX_DEPTH, decode, encode
from values import samples
from values.alike import assert_alike

DTYPES = (
    hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes() | hnp.complex_number_dtypes()
    | hnp.datetime64_dtypes() | hnp.timedelta64_dtypes() | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
)  # fmt: skip
HASHABLE = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.text() | st.binary()
    | st.floats(allow_nan=False) | st.datetimes(timezones=st.none() | st.timezones()) | st.dates() | st.timedeltas()
    | st.times() | st.decimals(allow_nan=False) | st.uuids() | st.sampled_from(samples.VALUES["enums"])
)  # fmt: skip
LEAVES = (
    HASHABLE | st.floats() | st.complex_numbers() | st.text(st.characters(exclude_categories=[]))
    | st.sampled_from(["$torc", '{"$torc": 1}'])
    | hnp.arrays(DTYPES | hnp.array_dtypes(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
    | DTYPES.flatmap(hnp.from_dtype)
)  # fmt: skip


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Every kind that holds others."""
    keys = st.text() | st.sampled_from(["$torc", "class", "data", "items", "fields", "keys", "values"])
    return (
        st.lists(inner) | st.dictionaries(keys, inner) | st.dictionaries(HASHABLE, inner)
        | st.lists(inner).map(tuple) | st.sets(HASHABLE) | st.frozensets(HASHABLE) | st.lists(inner).map(deque)
        | st.builds(samples.Point, st.floats(), inner) | st.builds(samples.Fixed, st.text(), inner)
        | st.builds(samples.Pair, inner, inner) | st.builds(samples.Model, inner=inner)
    )  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.recursive(LEAVES, containers, max_leaves=12))
def test_any_mixture_of_kinds_comes_back_with_its_types_and_its_digest(value: Any) -> None:
    """Kinds inside kinds come back as they were, and mean the same to the digest."""
    encoded = encode(value)
    back = decode(encoded.text)
    assert_alike(back, value)
    assert encode(back).digest == encoded.digest
    assert encoded.stable
    orjson.loads(encoded.text)


@pytest.mark.parametrize("name", samples.VALUES)
def test_samples_of_every_kind_come_back(name: str) -> None:
    """Each sample equals itself after the journey, to the type of its last part, and has a reliable digest."""
    value = samples.VALUES[name]
    encoded = encode(value)
    back = decode(encoded.text)
    assert_alike(back, value)
    assert encode(back)[1:] == (encoded.digest, True)


@pytest.mark.parametrize("name", samples.ARRAYS)
def test_arrays_come_back_with_dtype_shape_and_order(name: str) -> None:
    """Arrays are the same, can be written to, and lie in memory as before."""
    value = samples.ARRAYS[name]
    encoded = encode(value)
    back: Any = decode(encoded.text)
    assert_alike(back, value)
    assert back.flags.writeable
    assert back.flags.f_contiguous == value.flags.f_contiguous
    assert encode(back)[1:] == (encoded.digest, True)


@pytest.mark.parametrize("name", samples.FRAMES)
def test_frames_series_and_indexes_come_back(name: str) -> None:
    """What pandas holds is the same by pandas' own comparison, with a reliable digest."""
    value = samples.FRAMES[name]
    encoded = encode({"x": value})
    back: Any = decode(encoded.text)
    assert_alike(back["x"], value)
    assert encode(back)[1:] == (encoded.digest, True)


def test_plain_json_is_written_as_it_is() -> None:
    """A query in the database can read what is plain; NUL and non-ASCII included."""
    text = encode({"b": 1, "a": [1.5, None, True, "ü"]}).text
    assert text == '{"b":1,"a":[1.5,null,true,"ü"]}'
    assert decode(text.encode()) == {"b": 1, "a": [1.5, None, True, "ü"]}


def test_an_int_of_five_thousand_digits_comes_back() -> None:
    """Python's own limit on printing ints is not ours."""
    assert decode(encode(10**5000).text) == 10**5000


def test_a_dataclass_is_not_initialised_again_and_forgets_its_caches() -> None:
    """Its state is restored as it was; a cached property is no part of it."""
    point = samples.Point(3.0)
    before = encode(point)
    assert point.norm > 3
    assert encode(point) == before
    back: Any = decode(before.text)
    assert back.made == 1
    assert "norm" not in vars(back)


def test_a_pydantic_model_keeps_private_extra_and_given_fields() -> None:
    """What pydantic keeps beside the fields comes back too, and no validator runs."""
    model = samples.Model.model_construct(x="no int", tags=["a"])
    model._secret = 5
    back: Any = decode(encode(model).text)
    assert (back.x, back._secret, back.model_fields_set) == ("no int", 5, {"x", "tags"})
    assert decode(encode(samples.Open(x=1, more=(2,))).text).more == (2,)  # type: ignore[attr-defined]


def test_a_class_that_pickles_in_its_own_way_is_pickled_in_its_own_way() -> None:
    """A dataclass with __getstate__ is not taken apart behind its back."""
    assert decode(encode(samples.Careful(1)).text) == samples.Careful(101)


def test_a_tuple_inside_itself_and_an_object_inside_itself_come_back() -> None:
    """A circle that pickle can draw is pickled."""
    point = samples.Point(1.0)
    point.y = [point]
    back: Any = decode(encode(point).text)
    assert back.y[0] is back
    circle: tuple[list[Any]] = ([],)
    circle[0].append(circle)
    again: Any = decode(encode(circle).text)
    assert again[0][0] is again


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"a": v}, lambda v: {1: v}, lambda v: (v,), samples.Fixed])
def test_values_nest_up_to_the_limit_with_a_reliable_digest(wrap: Any) -> None:
    """The documented depth holds for every container, from encoding to decoding."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = wrap(value) if wrap is not samples.Fixed else samples.Fixed("x", value)
    encoded = encode(value)
    assert encoded.stable
    assert encode(decode(encoded.text)) == encoded


def test_the_fold_of_a_clock_set_back_survives() -> None:
    """The two 02:30 of that night stay apart."""
    first, second = (dt.datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=samples.BERLIN) for fold in (0, 1))
    assert decode(encode(second).text).utcoffset() != first.utcoffset()  # type: ignore[attr-defined]


def test_a_numpy_scalar_in_a_row_does_not_make_the_text_unreadable() -> None:
    """Numbers of numpy show their value in the text."""
    assert '"value":1.5' in encode({"x": np.float64(1.5)}).text


def test_plain_values_import_neither_numpy_nor_pandas_nor_pydantic() -> None:
    """A worker starts fast: only values of numpy bring numpy."""
    code = """
import sys, datetime
from torc_nb.values import encode, decode
decode(encode({"a": (1, {2}, b"x", datetime.datetime(2024, 1, 1), range(3))}).text)
loaded = {"numpy", "pandas", "pydantic"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)
