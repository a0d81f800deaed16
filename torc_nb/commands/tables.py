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
#: No text is cut shorter than this, however narrow the terminal; numbers and times are never cut.
_SHORTEST = 13


def as_text(listing: Listing, width: int | None) -> str:
    """Return a listing's title, rows and notes.

    Parameters
    ----------
    width : int or None
        Characters of a line, into which long texts are cut; None where the output goes into a file or a pipe.
    """
    frame = listing.frame.drop(columns=listing.off_screen, errors="ignore")
    rows = table(frame, width) if len(frame) else ["(none)"]
    return "\n".join([listing.title, *rows, *listing.notes])


def table(frame: pd.DataFrame, width: int | None) -> list[str]:
    """Return the lines of a table: names, a rule, rows; numbers to the right."""
    found = records(frame)
    names = list(found[0])
    columns = [[row[name] for row in found] for name in names]
    numeric = [all(_is_number(value) or plain(value) is None for value in column) for column in columns]
    cells = [[name, *map(_cell, column)] for name, column in zip(names, columns, strict=True)]
    texts = [any(isinstance(value, str | dict | list) for value in column) for column in columns]
    widths = _fitted([max(map(len, column)) for column in cells], texts, width)
    lines = [
        _GAP.join(
            _padded(cell, size, right=right) for cell, size, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in zip(*cells, strict=True)
    ]
    return [lines[0], _GAP.join("-" * size for size in widths), *lines[1:]]


def _cell(value: Any) -> str:
    if isinstance(value, datetime) and plain(value) is not None:
        # Where it is read, not where the database stands.
        return datetime.fromtimestamp(value.timestamp()).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float) and plain(value) is not None:
        return f"{value:.4g}"
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


def _fitted(widths: Sequence[int], texts: Sequence[bool], width: int | None) -> list[int]:
    """Narrow the widest texts until a line fits, or none can be cut any more."""
    fitted = list(widths)
    room = sum(fitted) if width is None else width - len(_GAP) * (len(widths) - 1)
    can_be_cut = [number for number, is_text in enumerate(texts) if is_text]
    while sum(fitted) > room and can_be_cut:
        widest = max(can_be_cut, key=fitted.__getitem__)
        if fitted[widest] <= _SHORTEST:
            break
        fitted[widest] -= 1
    return fitted
