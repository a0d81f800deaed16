"""What cannot be stored is named, with the place where it sits."""

from __future__ import annotations

import io
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from torc_nb.errors import CannotStore
from torc_nb.values import Opaque, encode
from values import samples


def refusal(value: object, **options: Any) -> str:
    """What is said about a value that cannot be stored."""
    with pytest.raises(CannotStore) as caught:
        encode(value, **options)
    return str(caught.value)


def test_an_open_file_is_named_with_its_place_and_path() -> None:
    """The message reads like the expression that reaches the culprit, and gives advice."""
    with Path(__file__).open() as file:
        said = refusal({"a": 1, "handle": file}, name="params[7]")
        assert said.startswith(f"params[7]['handle'] is an open file ('{__file__}'): store its path")
        assert refusal(samples.Thing([file])).startswith("value.x[0] is an open file")
    with Path(__file__).open("rb") as file:
        assert "is an open file" in refusal((1, file))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, threading.Lock()]}, "value['a'][1] is a lock"),
        ((samples.Point(1.0, threading.RLock()),), "value[0].y is a lock"),
        (samples.Model(inner={"k": threading.Lock()}), "value.inner['k'] is a lock"),
        (samples.Pair(1, (i for i in [1])), "value[1] is a generator: store list(...) of it"),
        ({(1, 2): memoryview(b"")}, "value[(1, 2)] is a memoryview"),
        (samples.Thing({"deep": samples.Thing(threading.Lock())}), "value.x['deep'].x is a lock"),
        ([Opaque("DataFrame", 3)], "value[0] is a placeholder of a view"),
        (samples.MyDict(a=threading.Lock()), "value['a'] is a lock"),
    ],
)
def test_what_cannot_leave_the_process_is_named(value: object, said: str) -> None:
    """Locks, generators and the like are found inside lists, classes and pickled objects."""
    assert refusal(value).startswith(said)


def test_connections_are_named() -> None:
    """Sockets and databases are to be opened by the function itself."""
    with socket.socket() as connection:
        assert "a network connection" in refusal([connection])
    database = sqlite3.connect(":memory:")
    assert "a database connection" in refusal([database])
    database.close()


def test_a_function_is_refused_by_what_it_captured() -> None:
    """The closure variable is named, not the function alone."""
    lock = threading.Lock()
    assert "(its lock) is a lock" in refusal({"f": lambda: lock})


def test_a_buffer_in_memory_is_no_open_file() -> None:
    """Text in memory is a value."""
    assert encode(io.StringIO("x")).text


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"a": v}, lambda v: (v,), lambda v: {1: v}])
def test_too_deep_is_refused_in_words(wrap: Any) -> None:
    """A value of ten thousand levels is no RecursionError."""
    value: Any = 1
    for _ in range(10_000):
        value = wrap(value)
    said = refusal(value)
    assert "nested more than 100 levels deep" in said
    assert len(said) < 200
    while isinstance(value, (list, dict, tuple)):  # let go of it level by level: Python's own recursion is not on trial
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]


def test_a_list_or_dict_that_holds_itself_is_refused() -> None:
    """Also where a value of another kind stands in between."""
    loop: list[Any] = [1]
    loop.append({"again": loop})
    assert refusal(loop) == "value[1]['again'] is a container that holds itself"
    loop[1] = samples.Point(1.0, loop)
    assert "holds itself" in refusal(loop)


def test_a_chain_of_objects_too_long_for_pickle_is_refused_in_words() -> None:
    """Pickle's own recursion ends in our error."""
    chain: Any = None
    for _ in range(100_000):
        chain = samples.Thing(chain)
    assert "nested too deeply" in refusal(chain)
    while chain is not None:
        chain = chain.x


class Hostile:
    """Whose pickling raises what it likes."""

    def __reduce__(self) -> str:
        raise KeyError("no way")


def test_an_object_whose_pickling_fails_is_named_with_its_reason() -> None:
    """Whatever a class raises when it is pickled becomes our error."""
    assert "Hostile, which cannot be pickled: 'no way'" in refusal([Hostile()])
