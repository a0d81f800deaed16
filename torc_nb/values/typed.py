"""Values as text that can be typed: how a cell of a table shows one, and what is typed in its place read again."""

from __future__ import annotations

import datetime as dt
import enum
import json
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from torc_nb.errors import InvalidRequest
from torc_nb.values.opaque import Opaque
from torc_nb.values.pickles import type_name
from torc_nb.values.recast import recast

_WHOLE = re.compile(r"[+-]?\d+")
_BOOLS = {"true": True, "false": False}


def text_of(value: Any) -> str | None:
    """Return the text of a value as ``shown`` gives it, which ``typed`` reads again; None: there is none.

    A string is itself, anything nested is JSON.
    """
    if isinstance(value, str):
        return str(value.name) if isinstance(value, enum.Enum) else str(value)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain) if _is_nested(value) else str(_plain(value))
    except (TypeError, ValueError):
        return None


def typed(text: str, alike: Sequence[Any], where: str) -> Any:
    """Read what was typed as the first of some values whose type it fits.

    Parameters
    ----------
    text
        As it was typed, or pasted.
    alike
        The value in whose place it was typed, and further ones that stand there in other rows.
    where
        What to call it in an error.

    Raises
    ------
    InvalidRequest
        It can be none of them; it is said why it is no value as the first.
    """
    known = [value for value in alike if value is not None]
    if text == "None" and not (known and type(known[0]) is str):
        return None
    if not known:
        return _guessed(text)
    refusal: InvalidRequest | None = None
    for old in known:
        try:
            return _read(text, old, where)
        except InvalidRequest as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _guessed(text: str) -> Any:
    """Nothing tells what it is to be: JSON, where it is that, else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(text: str, old: Any, where: str) -> Any:
    kind = type(old)
    if kind is str:
        return text
    if kind is bool:
        return _bool(text, where)
    if kind is int or kind is float:
        return _number(text, kind, where)
    if kind.__module__ == "numpy" and isinstance(old.tolist(), bool):
        return kind(_bool(text, where))
    if kind is dict or kind is list:
        return _nested(text, old, where)
    return _object(text, old, where)


def _bool(text: str, where: str) -> bool:
    found = _BOOLS.get(text.strip().lower())
    if found is None:
        raise InvalidRequest(f"{where} is a bool, and {_short(text)} is none: type True or False.")
    return found


def _number(text: str, kind: type, where: str) -> int | float:
    stripped = text.strip()
    try:
        number = int(stripped) if _WHOLE.fullmatch(stripped) else float(stripped)
        if kind is float:
            return float(number)
        if isinstance(number, int) or number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    article, example = ("an int", "12") if kind is int else ("a float", "0.05, 1e-3 or nan")
    raise InvalidRequest(f"{where} is {article}, and {_short(text)} is none: type a number as in {example}.")


def _nested(text: str, old: Any, where: str) -> Any:
    kind, example = ("dict", '{"a": 1}') if type(old) is dict else ("list", "[1, 2]")
    try:
        new = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"{where} is a {kind}, typed as JSON ({example}): {error}.") from None
    if type(new) is not type(old):
        raise InvalidRequest(f"{where} is a {kind}, and {_short(text)} is none: type it as JSON, as in {example}.")
    if type(old) is dict:  # JSON has strings alone for names
        names = {str(name): name for name in old}
        new = {names.get(name, name): item for name, item in new.items()}
    return recast(old, new, where)


def _object(text: str, old: Any, where: str) -> Any:
    """Read it by the type's own rules: as a text where it has a form as such, else as JSON."""
    given: list[Any] = [text]
    try:
        given.insert(0 if _is_of_numpy(old) else 1, json.loads(text))
    except ValueError:
        pass
    refusal: InvalidRequest | None = None
    for new in given:
        try:
            made = recast(old, new, where)
        except InvalidRequest as error:
            refusal = refusal or error
            continue
        if type(made) is type(old):
            return made
    raise refusal or InvalidRequest(f"{where} is a {type_name(old)}, and {_short(text)} is none.")


def _is_of_numpy(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "numpy"


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list | tuple | set | frozenset) and not isinstance(value, Opaque)


def _plain(value: Any) -> Any:
    """What stands for an object in JSON, where it is one that is typed as text."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dt.timedelta | PurePath) or type(value).__module__ in ("decimal", "uuid", "fractions"):
        return str(value)
    if _is_of_numpy(value) and hasattr(value, "tolist"):
        plain = value.tolist()
        return plain if not isinstance(plain, dt.date | dt.timedelta) else str(value)
    raise TypeError(f"a {type_name(value)} has no form to type in")


def _short(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:37]!r}…"
