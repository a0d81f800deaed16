"""The parameters of a map: an iterable, several in step, or a DataFrame, read as rows and encoded one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from torc_nb.errors import InvalidRequest
from torc_nb.functions import Function
from torc_nb.store.maps import Parameters
from torc_nb.values import Spill, encode

#: Rows that are read before the function is captured: their classes travel with it.
PEEKED = 1000


@dataclass
class Rows:
    """Rows to map over, read once.

    Attributes
    ----------
    rows : iterator
        The values, one a row.
    labels : iterator or None
        The index labels of a DataFrame with a non-default index.
    shape : dict
        How to show results again: ``{"kind": "frame", "columns": […], "index": […]}``.
    classes : set
        The notebook's classes among the first rows.
    first : object
        The first row.
    unstable : int or None
        The number of the first row that may look changed although it is not.
    """

    rows: Iterator[Any]
    labels: Iterator[Any] | None = None
    shape: dict[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    classes: set[type] = field(default_factory=set)
    first: Any = None
    unstable: int | None = None
    _peeked: list[Parameters] = field(default_factory=list)
    _rest: Iterator[Parameters] = field(default_factory=lambda: iter(()))

    @classmethod
    def read(cls, iterables: Sequence[Iterable[Any]], key: str | Sequence[str] | None, spill: Spill) -> Rows:
        """Take what ``map`` was given, and encode the first rows.

        Raises
        ------
        CannotStore
            One of them cannot be kept; the message has its index.
        InvalidRequest
            No iterable, or a string, or a key column that there is not.
        """
        key_columns = (key,) if isinstance(key, str) else tuple(key or ())
        if not iterables:
            raise InvalidRequest("map needs parameters after the function: a list, a DataFrame, any iterable.")
        for iterable in iterables:
            if isinstance(iterable, str | bytes | Mapping) or not isinstance(iterable, Iterable):
                raise InvalidRequest(
                    f"map takes an iterable of parameters, not a {type(iterable).__name__}; write [{iterable!r:.40}]."
                )
        rows = _of_frame(iterables[0], key_columns) if _is_frame(iterables[0]) else _of_iterables(iterables)
        rows.key = key_columns
        rows.shape["key"] = list(key_columns)
        rows._rest = rows._encoded(spill)
        # Encoded at once, not only looked at: a generator may yield one dict again and again, changed in between.
        rows._peeked = list(islice(rows._rest, PEEKED))
        return rows

    def encoded(self) -> Iterator[Parameters]:
        """Yield the rows, encoded.

        Raises
        ------
        CannotStore
            A row cannot be kept; the message has its index.
        InvalidRequest
            A row lacks a key column, or two rows have one key, or a class comes too late to travel.
        """
        known = len(self.classes)
        yield from self._peeked
        for number, row in enumerate(self._rest, start=len(self._peeked)):
            if len(self.classes) > known:
                raise InvalidRequest(
                    f"params[{number}] is the first row with a class of the notebook; put one such row among the "
                    f"first {PEEKED:,}, so that the class travels with the function."
                )
            yield row

    def how_to_call(self, function: Function, unpack: bool | None) -> str:
        """Decide whether a row is the function's one ``argument``, its ``keywords``, or ``positional`` arguments.

        Raises
        ------
        InvalidRequest
            It cannot be called so, or both could be meant.
        """
        row = self.first
        positional = self.shape["kind"] == "positional"
        is_mapping = isinstance(row, Mapping) and all(isinstance(name, str) for name in row)
        if positional or (unpack and isinstance(row, list | tuple)):
            call = "positional"
        elif unpack:
            call = "keywords"
        elif unpack is False or not is_mapping or function.signature is None:
            call = "argument"
        else:
            return _guessed(function, list(row))
        check_call(function, call, row)
        return call

    def _encoded(self, spill: Spill) -> Iterator[Parameters]:
        seen: set[bytes] = set()
        for number, row in enumerate(self.rows):
            if number == 0:
                self.first = row
            text, digest, stable = encode(row, spill=spill, classes=self.classes, name=f"params[{number}]")
            if not stable and self.unstable is None:
                self.unstable = number
            key = self._key_of(number, row)
            if key is None:
                yield Parameters(text, digest)
                continue
            key_text, key_digest, _ = encode(key, name=f"the key of params[{number}]")
            if key_digest in seen:
                raise InvalidRequest(f"params[{number}] has the key {key!r}, as an earlier row has; keys must differ.")
            seen.add(key_digest)
            yield Parameters(text, digest, key_digest, key_text)

    def _key_of(self, number: int, row: Any) -> Any:
        if not self.key:
            return None if self.labels is None else next(self.labels)
        try:
            found = [row[name] if isinstance(row, Mapping) else getattr(row, name) for name in self.key]
        except (KeyError, AttributeError):
            raise InvalidRequest(f"params[{number}] has no {', '.join(self.key)}, by which rows are keyed.") from None
        return found[0] if len(found) == 1 else found


def _is_frame(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _of_iterables(iterables: Sequence[Iterable[Any]]) -> Rows:
    if len(iterables) == 1:
        return Rows(iter(iterables[0]), shape={"kind": "values"})
    return Rows(zip(*iterables, strict=False), shape={"kind": "positional"})


def _of_frame(frame: Any, key: tuple[str, ...]) -> Rows:
    missing = [name for name in key if name not in frame.columns]
    if missing:
        raise InvalidRequest(
            f"The DataFrame has no column {', '.join(missing)} to key by; it has {list(frame.columns)}."
        )
    if not frame.columns.is_unique or not all(isinstance(name, str) for name in frame.columns):
        raise InvalidRequest("The DataFrame's columns become the names of parameters: they must be different strings.")
    columns = [str(name) for name in frame.columns]
    # tolist gives Python's own numbers; a row of numpy scalars would be slower and look the same.
    lists = [frame[name].tolist() for name in columns]
    rows = (
        (dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True))
        if columns
        else iter([{}] * len(frame))
    )
    shape: dict[str, Any] = {"kind": "frame", "columns": columns, "index": list(frame.index.names)}
    pandas = sys.modules["pandas"]
    index = frame.index
    is_default = isinstance(index, pandas.RangeIndex) and index.name is None and (index.start, index.step) == (0, 1)
    if is_default or key:
        return Rows(rows, shape=shape)
    if not frame.index.is_unique:
        raise InvalidRequest("The DataFrame's index has equal labels, by which rows are matched; reset_index() it.")
    shape["labelled"] = True
    return Rows(rows, labels=iter(frame.index.tolist()), shape=shape)


def _guessed(function: Function, names: list[str]) -> str:
    assert function.signature is not None
    signature = function.signature
    as_keywords = signature.accepts_keywords(names)
    # A function of several parameters that bear the row's names wants them; its defaults stay for the others.
    has_one = len(signature.positional) + len(signature.keyword_only) <= 1
    as_argument = signature.accepts_positional(1) and (has_one or not as_keywords)
    if as_argument and as_keywords:
        raise InvalidRequest(
            f"{function.name} could take a row as its one argument or as the keywords {', '.join(names)}: "
            "say unpack=False (one argument) or unpack=True (keywords)."
        )
    if not as_argument and not as_keywords:
        parameters = ", ".join([*signature.positional, *signature.keyword_only])
        raise InvalidRequest(
            f"{function.name}({parameters}) can take a row neither as one argument "
            f"nor as the keywords {', '.join(names)}."
        )
    return "argument" if as_argument else "keywords"


def check_call(function: Function, call: str, row: Any) -> None:
    """Make sure that a function can be called with a row in this way.

    Raises
    ------
    InvalidRequest
        It cannot.
    """
    signature = function.signature
    if signature is None or row is None:
        return
    if call == "argument" and not signature.accepts_positional(1):
        raise InvalidRequest(f"{function.name} cannot be called with a row as its one argument.")
    if call == "positional" and not signature.accepts_positional(len(row)):
        raise InvalidRequest(f"{function.name} cannot be called with {len(row)} positional arguments.")
    if call == "keywords" and not (isinstance(row, Mapping) and signature.accepts_keywords(list(row))):
        raise InvalidRequest(f"{function.name} cannot be called with the row {row!r:.80} as keywords.")
