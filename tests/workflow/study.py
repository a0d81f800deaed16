"""What the tests map; a module of its own, since workers import the whole module of a function."""

from __future__ import annotations


def halve(row: dict[str, int]) -> dict[str, float]:
    """Fails where the row is negative."""
    x = row["x"]
    if x < 0:
        raise ValueError(f"{x} is negative")
    return {"half": x / 2}


def same(value: object) -> object:
    """Returns what it is given."""
    return value
