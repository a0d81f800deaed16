"""What sets failed rows apart from completed ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from torc_nb.api.contrast import flat, statements
from torc_nb.values import encode
from torc_nb.values.shown import shown


def _column(name: str, values: list[Any]) -> list[dict[str, Any]]:
    return [flat({name: value}) for value in values]


@pytest.mark.parametrize(
    ("failed", "completed", "said"),
    [
        ([0.005, 0.01, 0.015], [0.02, 0.03, 0.5], ["x < 0.02 (others >= 0.02)"]),
        ([7, 9], [1, 5, 6], ["x > 6 (others <= 6)"]),
        ([4, 5, 6], [1, 2, 8, 9], ["4 <= x <= 6 (no other)"]),
        (["ilu", "ilu"], ["lu", "amg"], ["x == 'ilu'"]),
        (["ilu", "ilu", "ilu"], ["ilu", "amg"], ["x == 'ilu' (also 1 of 2 completed)"]),
        (["a", "b", "a", "b"], ["c", "d"], ["x is one of 'a', 'b'"]),
        ([True, True], [False, False], ["x == True"]),
        ([None, math.nan], [1.0, 2.0], ["x is missing"]),
        ([1, 1], [True, True], ["x == 1"]),
        ([3], list(range(10)), []),  # a row's own value tells nothing
        (["r1"], ["r2", "r3", "r4"], []),
        (["a", "b"], ["a", "b"], []),
        ([1.0, 5.0], [0.0, 2.0, 6.0], []),
        ([1, 2], [1, 2], []),
        ([1], [], []),
        ([math.inf, math.inf], [1.0, 2.0], ["x > 2 (others <= 2)"]),
        (["<b>\n\0" * 40] * 2, ["x"], ["x == '" + r"<b>\n\x00" * 6 + r"<b>\…"]),
        (["é🦆"] * 2, ["x"], ["x == 'é🦆'"]),
    ],
)
def test_statements(failed: list[Any], completed: list[Any], said: list[str]) -> None:
    """Only what truly separates, or holds for all that failed and not for all that completed."""
    assert statements(_column("x", failed), _column("x", completed)) == said


def test_a_bound_that_chance_explains_is_not_stated() -> None:
    """Three of three above the middle happen by themselves; thirty of thirty do not."""
    completed = _column("x", list(range(100)))
    assert statements(_column("x", [60.5, 70.5, 80.5]), completed) == []
    many = _column("x", [50.5 + n for n in range(30)])
    assert statements(many, completed) == ["x >= 50.5 (also 49 of 100 completed)"]


def test_what_is_missing_and_what_is_nested() -> None:
    """A key that only those have that completed; a part of a part; the sharpest statement first."""
    failed = [flat({"solver": {"kind": "ilu", "tol": tol}, "seed": 1}) for tol in (1e-9, 1e-8)]
    completed = [flat({"solver": {"kind": kind, "tol": 1e-3}, "mesh": 2, "seed": 1}) for kind in ("ilu", "lu")]
    assert statements(failed, completed) == [
        "solver.tol < 0.001 (others >= 0.001)",
        "mesh is missing",
        "solver.kind == 'ilu' (also 1 of 2 completed)",
    ]


def test_whatever_a_row_is() -> None:
    """A scalar, an array, a deep nest, a set, names that are hostile: nothing of it stops the others."""
    deep: dict[str, Any] = {"x": 1}
    for _ in range(50):
        deep = {"d": deep}
    rows = [3, "text", {"a": {1, 2}, "b\n<i>": 2}, {1: 2}, deep, None, [1, 2], b"x", 10**400, -0.0]
    read = [flat(shown(encode(row).text)) for row in rows]
    assert read[0] == {"params": 3}
    assert statements(read, [flat({"y": 1})] * 3)
    assert all(line.isprintable() for line in statements([flat({"b\n<i>": 2})] * 2, [flat({"b\n<i>": 3})]))
