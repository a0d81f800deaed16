"""A value given in place of a stored one: as plain data on a command line, as a table's cell, as an object.

What was an object of some type stays one: plain data is read by that type or refused, never kept in its place.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections import deque
from typing import Any

import orjson

from torc_nb.errors import InvalidRequest
from torc_nb.values.class_kinds import is_model
from torc_nb.values.digest import digest_of
from torc_nb.values.pickles import type_name
from torc_nb.values.plain import is_plain

_MOMENTS = (dt.datetime, dt.date, dt.time)
_NUMBERS = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


def recast(old: Any, new: Any, where: str = "value") -> Any:
    """Return ``new`` as the same type as ``old``.

    A whole number given for a float becomes one; otherwise plain data may replace plain data of another type, and None
    replaces anything. An object that is given as such is taken as it is.

    Raises
    ------
    InvalidRequest
        ``old`` is an object as which the plain ``new`` cannot be read; ``where`` is named.
    """
    if new is None or old is None:
        return new
    if type(old) is dict and type(new) is dict:
        return {name: recast(old[name], item, f"{where}.{name}") if name in old else item for name, item in new.items()}
    if type(old) is list and type(new) is list:
        return _items(old, new, where)
    if _is_simple(old):
        return _number(new) if type(old) is float else new
    if type(new) is type(old) or not _is_data(new):
        return new
    return _as_type_of(old, new, where)


def equal(old: Any, new: Any) -> bool:
    """Whether two values are stored as the same."""
    return old is new or digest_of(old)[0] == digest_of(new)[0]


def _is_simple(value: Any) -> bool:
    return type(value) in (str, int, float, bool, dict, list)


def _is_data(value: Any) -> bool:
    """Whether it is what a JSON document can hold, NaN and infinities included."""
    if type(value) is float:
        return True
    if type(value) is dict:
        return all(type(name) is str and _is_data(item) for name, item in value.items())
    return all(map(_is_data, value)) if type(value) is list else is_plain(value)


def _number(new: Any) -> Any:
    is_word = type(new) is str and new.lower() in _NUMBERS
    return float(new) if type(new) is int or is_word else new


def _items(old: Any, new: list[Any], where: str) -> list[Any]:
    """Read items each as the one in its place; further ones as the last, where all are of one type."""
    known = list(old)
    alike = len({type(item) for item in known}) == 1
    return [
        recast(known[place], item, f"{where}[{place}]")
        if place < len(known)
        else recast(known[-1], item, f"{where}[{place}]")
        if alike
        else item
        for place, item in enumerate(new)
    ]


def _as_type_of(old: Any, new: Any, where: str) -> Any:
    try:
        return _read(old, new, where)
    except InvalidRequest:
        raise
    except Exception as error:  # a validator of the user's raises what it likes
        raise InvalidRequest(
            f"{where} is a {type_name(old)}, and {_short(new)} is none: {_first_line(error)}. Give what it can be read "
            "from, or the object itself in Python: api.modify_user_data(key, values={…})."
        ) from error


def _read(old: Any, new: Any, where: str) -> Any:
    if isinstance(old, _MOMENTS):
        return _moment(old, new)
    if isinstance(old, enum.Enum):
        return type(old)[new] if isinstance(new, str) and new in type(old).__members__ else type(old)(new)
    if isinstance(old, (tuple, deque, set, frozenset)):
        return _collection(old, new, where)
    module = type(old).__module__.partition(".")[0]
    if module == "numpy":
        return _of_numpy(old, new)
    if module == "pandas" and isinstance(old, dt.timedelta):
        return type(old)(new)
    if module == "pandas" or not _can_be_read(old):
        raise InvalidRequest(
            f"{where} is a {type_name(old)}, which has no form to type in; give the object itself in Python: "
            "api.modify_user_data(key, values={…})."
        )
    return _validated(old, new)


def _moment(old: Any, new: Any) -> Any:
    """Read ISO 8601; where the stored one has a zone and the new one names none, it stands in the same."""
    if type(old).__module__.startswith("pandas"):
        import pandas as pd

        made = pd.Timestamp(new)
        return made if made.tz is not None or old.tz is None else made.tz_localize(old.tz)
    if not isinstance(new, str):
        raise TypeError("write it as in 2024-01-31T12:00")
    made = type(old).fromisoformat(new)
    if isinstance(made, dt.datetime | dt.time) and made.tzinfo is None:
        return made.replace(tzinfo=old.tzinfo)
    return made


def _collection(old: Any, new: Any, where: str) -> Any:
    if hasattr(old, "_fields"):  # a named tuple, by its names or in its order
        names = old._fields
        given = new if isinstance(new, dict) else dict(zip(names, new, strict=True))
        if set(given) != set(names):
            raise TypeError(f"it has {', '.join(names)}")
        return type(old)._make(recast(getattr(old, name), given[name], f"{where}.{name}") for name in names)
    if not isinstance(new, list):
        raise TypeError("write it as a list")
    if isinstance(old, deque):
        return deque(_items(old, new, where), old.maxlen)
    if isinstance(old, tuple) and type(old) is not tuple:
        raise TypeError("only plain tuples and named ones can be read")
    return type(old)(_items(old, new, where))


def _of_numpy(old: Any, new: Any) -> Any:
    import numpy as np

    if isinstance(old, np.generic):
        scalar: Any = type(old)(new)
        if isinstance(old, np.integer | np.bool_) and scalar != new:
            raise ValueError(f"it would become {scalar}")
        return scalar
    if type(old) is not np.ndarray or old.dtype.hasobject:
        raise TypeError("only plain arrays can be read")
    made = np.array(new, dtype=old.dtype)
    if made.ndim != old.ndim:
        raise ValueError(f"it has {old.ndim} dimension(s), not {made.ndim}")
    return made


def _can_be_read(old: Any) -> bool:
    """Whether pydantic reads the type by its own rules: it has a schema for it that is no mere isinstance."""
    return is_model(old) or dataclasses.is_dataclass(old) or type(old).__module__.partition(".")[0] in _STANDARD


_STANDARD = {"builtins", "datetime", "decimal", "pathlib", "uuid", "zoneinfo"}


def _validated(old: Any, new: Any) -> Any:
    from pydantic import TypeAdapter

    # A path's class is its platform's; pydantic knows the common one.
    base = next((one for one in type(old).__mro__ if one.__module__ in ("pathlib", "pathlib._local")
                 and one.__name__ == "Path"), type(old))  # fmt: skip
    return TypeAdapter(base).validate_json(orjson.dumps(new))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[1:3]) if len(lines) > 1 else (lines[0] if lines else type(error).__name__)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
