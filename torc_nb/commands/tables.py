"""A table as text, as wide as the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from torc_nb.commands.answers import Listing, plain, records

if TYPE_CHECKING:
    import pandas as pd

_GAP = "  "
#: No column becomes narrower than this, however narrow the terminal.
_NARROWEST = 6


def as_text(listing: Listing, width: int | None) -> str:
    """Return a listing's title, rows and notes.

    Parameters
    ----------
    width : int or None
        Characters of a line, into which long texts are cut; None where the output goes into a file or a pipe.
    """
    rows = table(listing.frame, width) if len(listing.frame) else ["(none)"]
    return "\n".join([listing.title, *rows, *listing.notes])


def table(frame: pd.DataFrame, width: int | None) -> list[str]:
    """Return the lines of a table: names, a rule, rows; numbers to the right."""
    found = records(frame)
    names = list(found[0])
    columns = [[row[name] for row in found] for name in names]
    numeric = [all(_is_number(value) or plain(value) is None for value in column) for column in columns]
    cells = [[name, *map(_cell, column)] for name, column in zip(names, columns, strict=True)]
    widths = _fitted([max(map(len, column)) for column in cells], width)
    lines = [
        _GAP.join(
            _padded(cell, size, right=right) for cell, size, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in zip(*cells, strict=True)
    ]
    return [lines[0], _GAP.join("-" * size for size in widths), *lines[1:]]


def _cell(value: Any) -> str:
    if isinstance(value, datetime) and plain(value) is not None:
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float) and plain(value) is not None:
        return f"{value:.6g}"
    simple = plain(value)
    if simple is None:
        return ""
    text = simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False)
    return " ".join(text.split()) if "\n" in text else text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _padded(cell: str, size: int, *, right: bool) -> str:
    if len(cell) > size:
        return cell[: size - 1] + "…"
    return cell.rjust(size) if right else cell.ljust(size)


def _fitted(widths: Sequence[int], width: int | None) -> list[int]:
    """Narrow the widest columns until a line fits, or none can be narrowed any more."""
    fitted = list(widths)
    if width is None:
        return fitted
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(fitted) > room and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted
