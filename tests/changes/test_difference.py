"""Two stored values side by side."""

from __future__ import annotations

from typing import Any

import pytest

from torc_nb.changes.difference import LONGEST, of_values
from torc_nb.values import encode


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 20}, ("b: 2", "b: 20", "b: 2 -> 20")),
        ({"a": 1}, {"a": 1, "c": None}, ("", "c: None", "c: (none) -> None")),
        ({"a": 1, "b": "x"}, {"a": True}, ("b: 'x'", "", "b: 'x' -> (none)")),
        ({"a": {"deep": 1}}, {"a": {"deep": 2}}, ("a: {'deep': 1}", "a: {'deep': 2}", "a: {'deep': 1} -> {'deep': 2}")),
        (3, 4, ("3", "4", "3 -> 4")),
        ({"a": 1}, 5, ("{'a': 1}", "5", "{'a': 1} -> 5")),
    ],
)
def test_only_what_differs(old: Any, new: Any, expected: tuple[str, str, str]) -> None:
    """Of dicts the names whose values differ, are new or gone; of anything else the whole."""
    assert of_values(encode(old).text, encode(new).text) == expected


def test_long_values_are_cut() -> None:
    """A difference is for reading."""
    old, new, both = of_values(encode("x" * 1000).text, encode("y" * 1000).text)
    assert (len(old), len(new)) == (LONGEST + 1, LONGEST + 1)
    assert both == f"{old} -> {new}"
