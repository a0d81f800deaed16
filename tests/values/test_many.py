"""Many values given back at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_nb.errors import CannotLoad
from torc_nb.values import decode, decode_many, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
#: Values that need more than JSON.
OTHER = st.tuples(PLAIN) | st.complex_numbers(allow_nan=False) | st.binary()


@given(st.lists(PLAIN | OTHER))
def test_each_is_what_it_would_be_alone(found: list[object]) -> None:
    """Plain ones, others, and both; with the ends of the lines that they were read from."""
    texts = [f"{encode(value).text}\n".encode() for value in found]
    assert decode_many(texts) == [decode(text) for text in texts] == found


@pytest.mark.parametrize("broken", [b"{", b"1,2", b"", b"1]", b"[1"])
def test_a_broken_one_is_told(broken: bytes) -> None:
    """And what is no value alone is none among others."""
    with pytest.raises(CannotLoad, match="no valid JSON"):
        decode_many([b"1", broken, b"3"])
    with pytest.raises(CannotLoad, match="no valid JSON"):
        decode_many([broken, broken])
