"""Kinds of pandas. Imported only once a value is of pandas, or a stored one says so.

Its scalars are kinds of their own; frames, series and indexes are pickled (nothing else keeps all of them) but digested
by what they hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from torc_nb.values.kind import Kind, Parts


def kind_of(value: object) -> Kind | None:
    """The kind of a scalar of pandas; None for everything else."""
    if value is pd.NaT:
        return NAT
    if value is pd.NA:
        return NA
    return _BY_TYPE.get(type(value))


def content(value: object) -> Parts | None:
    """The parts that make two frames, series or indexes equal."""
    if isinstance(value, pd.DataFrame):
        columns = [_array(value.iloc[:, position].array) for position in range(value.shape[1])]
        return {"class": type(value), "columns": value.columns, "index": value.index, "items": columns}
    if isinstance(value, pd.Series):
        return {"class": type(value), "name": value.name, "index": value.index, "values": _array(value.array)}
    if isinstance(value, pd.MultiIndex):
        levels = [_array(value.get_level_values(level).array) for level in range(value.nlevels)]
        return {"names": list(value.names), "items": levels}
    if isinstance(value, pd.Index):
        return {"name": value.name, "values": _array(value.array)}
    return None


def _array(values: Any) -> object:
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy()
    if isinstance(values.dtype, pd.CategoricalDtype):
        return ["category", values.ordered, values.categories, list(values)]
    return [str(values.dtype), list(values)]


def _moment(value: pd.Timestamp) -> Parts:
    return {"count": int(value.asm8.view("i8")), "unit": value.unit, "tz": value.tzinfo}


def _make_timestamp(parts: Parts) -> pd.Timestamp:
    moment = pd.Timestamp(np.datetime64(parts["count"], parts["unit"]))
    return moment if parts["tz"] is None else moment.tz_localize("UTC").tz_convert(parts["tz"])


def _span(value: pd.Timedelta) -> Parts:
    return {"count": int(value.asm8.view("i8")), "unit": value.unit}


def _make_timedelta(parts: Parts) -> pd.Timedelta:
    return pd.Timedelta(np.timedelta64(parts["count"], parts["unit"]))


NAT = Kind("pandas.NaT", lambda value: {}, lambda parts: pd.NaT)
NA = Kind("pandas.NA", lambda value: {}, lambda parts: pd.NA)
TIMESTAMP = Kind("pandas.Timestamp", _moment, _make_timestamp)
TIMEDELTA = Kind("pandas.Timedelta", _span, _make_timedelta)

_BY_TYPE: dict[type, Kind] = {pd.Timestamp: TIMESTAMP, pd.Timedelta: TIMEDELTA}

KINDS = (NAT, NA, TIMESTAMP, TIMEDELTA)
