"""Lists of values to columns: the dtype that pandas users expect, nullable where a value is missing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from torc_nb.models import JobStatus

#: What a column is made of: anything that `pandas.DataFrame` takes as one.
Column = Any

_NA = type(pd.NA)
_MISSING = {NoneType, _NA}
_NUMPY: dict[type, type] = {int: np.int64, float: np.float64, bool: np.bool_}
_NULLABLE: dict[frozenset[type], str] = {
    frozenset({int}): "Int64",
    frozenset({float}): "Float64",
    frozenset({int, float}): "Float64",
    frozenset({bool}): "boolean",
    frozenset({str}): "string",
}
#: What pandas reads as a type of its own; a subclass (an enum that is a string) would lose what it is.
_READ_BY_PANDAS = {int, float, str, datetime, timedelta, pd.Timestamp, pd.Timedelta, type(pd.NaT)}

_LABELS = [status.label for status in JobStatus]


def compact(values: list[Any]) -> list[Any] | np.ndarray[Any, Any]:
    """Keep numbers of one type as an array: eight bytes each, in place of forty."""
    kinds = set(map(type, values))
    if len(kinds) == 1 and (dtype := _NUMPY.get(kinds.pop())):
        try:
            return np.array(values, dtype)
        except OverflowError:  # beyond 64 bit
            pass
    return values


def joined(pieces: Sequence[list[Any] | np.ndarray[Any, Any]]) -> Column:
    """Make one column of pieces that follow each other."""
    arrays = [piece for piece in pieces if isinstance(piece, np.ndarray)]
    if arrays and len(arrays) == len(pieces) and len({array.dtype for array in arrays}) == 1:
        return np.concatenate(arrays)
    return natural(list(chain.from_iterable(map(listed, pieces))))


def listed(piece: list[Any] | np.ndarray[Any, Any]) -> list[Any]:
    """Give back the values of a piece as Python's own."""
    return piece.tolist() if isinstance(piece, np.ndarray) else piece


def natural(values: list[Any]) -> Column:
    """Make a column with the dtype that fits its values; where one is missing (None, NA), a nullable dtype.

    What is no number, string or time stays the object that it is.
    """
    kinds = set(map(type, values))
    present = frozenset(kinds - _MISSING)
    if present == kinds and len(kinds) == 1 and isinstance(array := compact(values), np.ndarray):
        return array
    if not present:
        return objects(values)
    try:
        if kinds != present and present in _NULLABLE:
            return pd.array(values, dtype=_NULLABLE[present])  # type: ignore[call-overload]
        if all(kind in _READ_BY_PANDAS or issubclass(kind, np.generic) for kind in present):
            return _as_pandas_reads(values, nullable=kinds != present)
    except (OverflowError, TypeError, ValueError):  # ints beyond 64 bit, times beyond pandas' years
        pass
    return objects(values)


def typed(values: list[Any], dtype: str) -> Column:
    """Make a column of a dtype, whether or not there is anything in it."""
    return pd.Series(values, dtype=dtype).array


def _as_pandas_reads(values: list[Any], *, nullable: bool) -> Column:
    if not nullable:
        return pd.Series(values).array
    known = {i: value for i, value in enumerate(values) if type(value) not in _MISSING}
    column = pd.Series(list(known.values()), index=list(known))
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        column = pd.Series(pd.array(column.to_numpy()), index=column.index)
    return column.reindex(range(len(values))).array


def objects(values: Iterable[Any]) -> Column:
    """Keep each value as it is, arrays and lists too."""
    return np.fromiter(values, dtype=object)


def times(seconds: Iterable[float | None]) -> Column:
    """Make a column of UTC times from seconds since the epoch; unknown ones are NaT."""
    known = np.array([np.nan if moment is None else moment for moment in seconds], dtype=np.float64)
    whole = np.where(np.isnan(known), 0.0, known)
    # To the microsecond, which is what a double of seconds holds: nanoseconds would show its rounding.
    counts = (np.round(whole * 1e6)).astype("datetime64[us]").astype("datetime64[ns]")
    counts[np.isnan(known)] = np.datetime64("NaT")
    return pd.DatetimeIndex(counts).tz_localize("UTC").array


def labels(statuses: Iterable[int]) -> Column:
    """Make a column of statuses by their names, as one type for all frames."""
    return pd.Categorical.from_codes(np.fromiter(statuses, dtype=np.int8), categories=pd.Index(_LABELS))


def distinct(names: Iterable[Hashable]) -> list[Hashable]:
    """Number a label that is taken: a parameter may be called like a result."""
    taken: dict[Hashable, None] = {}
    for name in names:
        free, number = name, 0
        while free in taken:
            number += 1
            free = f"{name}.{number}"
        taken[free] = None
    return list(taken)
