"""What sets some rows apart from others: the statements that hold for all of them and not for all others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

#: At most so many statements are made, the sharpest first.
MOST = 5
#: Names of more parts are not looked at, nor more names than this.
DEEPEST, MOST_NAMES = 4, 200
#: A bound that some others keep to as well is stated only where chance makes as good a one less often than this.
CHANCE = 0.01
#: Texts are shown up to this length.
_SHOWN = 60


class _Missing:
    def __repr__(self) -> str:
        return "missing"


#: What stands for a value that is not there, None, or not a number.
MISSING = _Missing()

#: A row: its values by name; what is nested by ``outer.inner``.
Facts = Mapping[str, Any]


class Statement(NamedTuple):
    """What holds for all rows in question, and for how many of the others."""

    text: str
    others: int  # for which it holds too

    def told(self, of: int) -> str:
        """Say it, with the others for which it holds where there are some."""
        return f"{self.text} (also {self.others:,} of {of:,} completed)" if self.others else self.text


def statements(these: Sequence[Facts], others: Sequence[Facts]) -> list[str]:
    """Say what all of these rows have in common that not all of the others have; what none of them has comes first."""
    if not these or not others:
        return []
    found = [one for name in _names(these, others) if (one := _of_column(name, these, others)) is not None]
    found.sort(key=lambda one: one.others)
    return [one.told(len(others)) for one in found[:MOST]]


def flat(value: Any, name: str = "params") -> dict[str, Any]:
    """Return the numbers, texts and booleans of a value by their names; what is anything else has none."""
    return dict(_leaves(value, "", name))


def _leaves(value: Any, path: str, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if depth < DEEPEST:
            for key, item in value.items():
                yield from _leaves(item, f"{path}.{key}" if path else str(key), name, depth + 1)
    elif value is None or (isinstance(value, float) and math.isnan(value)):
        yield path or name, MISSING
    elif isinstance(value, str | bool | int | float):
        yield path or name, value


def _names(these: Sequence[Facts], others: Sequence[Facts]) -> list[str]:
    """Return the names that rows have, those of most rows first."""
    counted = Counter(name for row in (*these, *others) for name in row)
    return [name for name, _ in counted.most_common(MOST_NAMES)]


def _of_column(name: str, these: Sequence[Facts], others: Sequence[Facts]) -> Statement | None:
    ours = [row.get(name, MISSING) for row in these]
    theirs = [row.get(name, MISSING) for row in others]
    shown = _shortened(name)
    if _are_numbers(ours) and (bound := _of_numbers(shown, ours, theirs)) is not None:
        return bound
    return _of_words(shown, ours, theirs)


def _of_words(name: str, ours: list[Any], theirs: list[Any]) -> Statement | None:
    """State the one value that all have, or the few that none of the others has."""
    wanted = {_identity(value): value for value in ours}
    kept = sum(_identity(value) in wanted for value in theirs)
    if kept == len(theirs) or (kept and len(wanted) > 1):
        return None
    if len(wanted) > max(1, min(len(ours) // 2, MOST)):
        return None
    if len(ours) == 1 and _names_each_row(ours, theirs):
        return None
    values = sorted(wanted.values(), key=repr)
    if len(values) == 1:
        value = values[0]
        return Statement(f"{name} is missing" if value is MISSING else f"{name} == {_shown(value)}", kept)
    return Statement(f"{name} is one of {', '.join(map(_shown, values))}", kept)


def _names_each_row(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether nearly every row has a value of its own, so that one row's tells nothing."""
    different = {_identity(value) for value in (*ours, *theirs)}
    return len(different) > 2 and 2 * len(different) > len(ours) + len(theirs)


def _of_numbers(name: str, ours: list[Any], theirs: list[Any]) -> Statement | None:
    """State a bound or two: those that none of the others keeps to, else one that few do."""
    numbers = [value for value in theirs if _is_number(value)]
    if not numbers:
        return None
    least, most = min(ours), max(ours)
    if most < min(numbers):
        return Statement(f"{name} < {_shown(min(numbers))} (others >= {_shown(min(numbers))})", 0)
    if least > max(numbers):
        return Statement(f"{name} > {_shown(max(numbers))} (others <= {_shown(max(numbers))})", 0)
    if least < most and not any(least <= value <= most for value in numbers):
        return Statement(f"{_shown(least)} <= {name} <= {_shown(most)} (no other)", 0)
    if least == most:
        return None  # what all have is told as a value
    below = Statement(f"{name} <= {_shown(most)}", sum(value <= most for value in numbers))
    above = Statement(f"{name} >= {_shown(least)}", sum(value >= least for value in numbers))
    sharper = min(below, above, key=lambda one: one.others)
    return sharper if 2 * (sharper.others / len(numbers)) ** len(ours) < CHANCE else None


def _are_numbers(values: list[Any]) -> bool:
    return all(map(_is_number, values))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _identity(value: Any) -> tuple[bool, Any]:
    """Tell True from 1, as == does not."""
    return isinstance(value, bool), value


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _shortened(repr(value))


def _shortened(text: str) -> str:
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
