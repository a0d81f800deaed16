"""What a command answers; a face decides how it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.api import Reproduction
    from torc_nb.widgets import ProgressView


@dataclass(frozen=True)
class Said:
    """A text to read, such as the one sentence of a command that did something.

    Attributes
    ----------
    text : str
        For the user.
    data : mapping
        The same for a program: what ``--json`` prints.
    value : object
        What a notebook gets back, if anything.
    """

    text: str
    data: Mapping[str, Any]
    value: Any = None


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes
    ----------
    title : str
        What its rows are, for a terminal: ``"Jobs of sweep (1)"``.
    frame : DataFrame
        The rows; what a notebook gets back.
    notes : list of str
        What is to be said besides, in every face but JSON.
    off_screen : list of str
        Columns that a terminal has no room for.
    data : object
        What ``--json`` prints, if not the rows as records.
    """

    title: str
    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    off_screen: list[str] = field(default_factory=list)
    data: Any = None


@dataclass(frozen=True)
class Debugged:
    """A job's call, to be made in this kernel under the eyes of a debugger."""

    call: Reproduction


@dataclass(frozen=True)
class Watched:
    """The live view of a workflow, to be shown."""

    view: ProgressView


Answer = Said | Listing


def cut(frame: pd.DataFrame, limit: int | None) -> tuple[pd.DataFrame, list[str]]:
    """Cut off what was fetched beyond a limit to see whether there is more, and say so."""
    if limit is None or len(frame) <= limit:
        return frame, []
    return frame.head(limit), [f"These are the first {limit:,}; --limit N shows more, --limit 0 all."]


def as_json(answer: Answer) -> str:
    """Return one JSON document: a listing's records, or what was said; times are ISO 8601."""
    if isinstance(answer, Said) or answer.data is not None:
        content: Any = answer.data
    else:
        content = records(answer.frame)
    return json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows with the names of its columns, a named index among them."""
    named = frame if frame.index.name is None else frame.reset_index()
    names = [str(name) for name in named.columns]
    columns = [named.iloc[:, number].tolist() for number in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def plain(value: Any) -> Any:
    """Return a value as JSON has it: missing ones and infinities become null, what JSON has no word for its text."""
    if value is None or isinstance(value, str | bool | int):
        return value.name.lower() if isinstance(value, Enum) else value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # a NaN is not smaller either
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if _is_missing(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is pd.NA or value is pd.NaT
