"""Which paths are met where a value is written."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from torc_nb.values import decode, encode


@dataclasses.dataclass
class Output:
    """A dataclass that holds a path."""

    path: Path


class Pair(NamedTuple):
    """A named tuple that holds one."""

    path: Path
    n: int


class Plain:
    """A class of which only pickle knows how it is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path


class Special(type(Path())):  # type: ignore[misc]  # Python 3.11 has no other way
    """A path of one's own kind."""


@dataclasses.dataclass
class Ring:
    """A dataclass that may hold itself."""

    path: Path
    next: Any = None


def ring(path: Path) -> Ring:
    """One that does: it is written part by part, and then pickled after all."""
    made = Ring(path)
    made.next = made
    return made


A = Path("größe/a b")


@pytest.mark.parametrize(
    "value",
    [
        A, [A], (1, A), {"x": {"y": [A]}}, {A: 1}, {A}, frozenset({A}), Output(A), Pair(A, 1), Plain(A), ring(A),
        [Plain(Output(A))], np.array([A, None]), pd.DataFrame({"path": [A]}), Special(A),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_path_is_found_wherever_it_is(value: object) -> None:
    """In every kind of container, and in what is pickled; the text is the same as for who does not ask."""
    found: list[str] = []
    encoded = encode(value, paths=found)
    assert set(found) == {str(A)}
    assert encoded.text == encode(value).text


@pytest.mark.parametrize("value", ["/etc/passwd", {"path": "/etc"}, PurePosixPath("/etc"), (1, b"/etc"), None, Plain])
def test_what_only_looks_like_a_path_is_none(value: object) -> None:
    """Text, and paths that are not of this machine's files."""
    found: list[str] = []
    encode(value, paths=found)
    assert found == []


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Half a surrogate pair stands for each byte, as Python has it."""
    found: list[str] = []
    path = tmp_path / "\udcff"
    assert decode(encode(path, paths=found).text) == path
    assert found == [str(path)]
