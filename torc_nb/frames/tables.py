"""The rows of a map as a table: its parameters, their results, and where these come from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd

from torc_nb.frames import columns, nesting
from torc_nb.frames.columns import Column
from torc_nb.frames.decoding import Decode, decoded
from torc_nb.frames.remembering import remember
from torc_nb.frames.spread import Spread
from torc_nb.models import JobStatus

#: Rows decoded at a time: enough to be quick, few enough to be forgotten soon.
PIECE = 10_000

#: What follows the value in a row with provenance, and the dtypes of what is shown of it.
_ATTEMPT = (
    "run_id", "attempt", "return_code", "function_id", "worker_id", "started", "seconds", "cpu_seconds", "peak_memory",
    "error_type", "error", "host",
)  # fmt: skip
_DTYPES = {
    "run_id": "Int64",
    "attempt": "Int64",
    "return_code": "Int64",
    "code": "string",
    "host": "string",
    "started": "",
    "seconds": "Float64",
    "cpu_seconds": "Float64",
    "peak_memory": "Int64",
    "error_type": "string",
    "error": "string",
}

Labelled = tuple[Hashable, Column]


def results(
    rows: Iterable[Sequence[Any]],
    shape: Mapping[str, Any],
    order: Sequence[int] | None,
    decode: Decode,
    *,
    provenance: bool = False,
    versions: Mapping[int, str] | None = None,
    first: int = 0,
    flat: bool = False,
    shown: Callable[[int], int] = int,
) -> pd.DataFrame:
    """Show parameters and results side by side.

    Parameters
    ----------
    rows
        (job id, key, status, params, value) of jobs, with ``provenance`` followed by what is known of the attempt.
    shape
        What the parameters were when they were mapped; decides the columns of an empty table, and the index.
    order
        The ids of the jobs to show, in order; None: all, in the order of their ids.
    decode
        Reads one stored text.
    provenance
        Add the ``job.*`` columns: times in seconds, ``started`` in UTC, memory in bytes.
    versions
        What to call the code of a function's id.
    first
        The number of the first row, where the rows have no labels of their own.
    flat
        Give each value within dicts a column of its own, as in ``result.fit.slope``.
    shown
        Says as what a status is shown.

    Returns
    -------
    pandas.DataFrame
        Parameters as they are, results as ``result.x`` or ``result``. Jobs that have not completed have NA there. A
        label that is taken already gets a number: ``result.x.1``.
    """
    read = _Reader(decode, flat=flat)
    for piece in _pieces(rows, order):
        read.parameters(piece, shape)
        read.values(piece)
        if provenance:
            read.attempts(piece)
    table = _parameter_columns(read.params, shape) + _result_columns(read.results)
    if provenance:
        table += _provenance_columns(read, versions or {}, shown)
    return _frame(table, _index(read, shape, order, first), read.places(order))


def params(
    rows: Iterable[Sequence[Any]],
    shape: Mapping[str, Any],
    order: Sequence[int] | None,
    decode: Decode,
    *,
    map_id: int | None = None,
    created: float = 0.0,
    flat: bool = False,
) -> pd.DataFrame:
    """Show the parameters alone, with the index that ``results`` has.

    Parameters
    ----------
    rows
        (job id, key, status, params, rev) of jobs.
    map_id, created
        The map whose they are, and when it was made: the table remembers it, its jobs and their revisions, so that it
        can be edited and given back.
    flat
        Give each value within dicts a column of its own.
    """
    read = _Reader(decode, flat=flat)
    revs: list[int] = []
    for piece in _pieces(rows, order):
        read.parameters(piece, shape)
        revs += piece[4]
    places = read.places(order)
    frame = _frame(_parameter_columns(read.params, shape), _index(read, shape, order, 0), places)
    if map_id is not None:
        known = dict(zip(read.ids, revs, strict=True))
        jobs = sorted(known) if order is None else list(order)
        remember(frame, map_id, created, _kind(read.params, shape), jobs, [known.get(job, 0) for job in jobs])
    return frame


def labels(keys: Sequence[str], shape: Mapping[str, Any], decode: Decode) -> pd.Index[Any]:
    """Return the index of rows that have labels of their own, from these as stored."""
    return _labelled(decoded(keys, decode), shape)


def _pieces(rows: Iterable[Sequence[Any]], order: Sequence[int] | None) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows to show, a piece at a time, turned: all ids, all keys, all statuses and so on."""
    if order is not None:
        wanted = set(order)
        rows = (row for row in rows if row[0] in wanted)
    iterator = iter(rows)
    while piece := list(islice(iterator, PIECE)):
        yield list(zip(*piece, strict=True))


class _Reader:
    """What was read of the rows, piece by piece."""

    def __init__(self, decode: Decode, *, flat: bool = False) -> None:
        self.params = Spread(flat=flat)
        self.results = Spread(flat=flat)
        self.ids: list[int] = []
        self.keys: list[Any] = []
        self.statuses: list[int] = []
        self.attempt: dict[str, list[Any]] = {name: [] for name in _ATTEMPT}
        self._decode = decode

    def parameters(self, piece: list[tuple[Any, ...]], shape: Mapping[str, Any]) -> None:
        """Take ids, keys and parameters of a piece."""
        ids, keys, statuses, texts = piece[:4]
        self.ids += ids
        self.statuses += statuses
        if shape.get("labelled"):
            self.keys += decoded(keys, self._decode)
        rows = decoded(texts, self._decode)
        if shape.get("kind") == "positional":
            rows = [dict(enumerate(row)) if isinstance(row, tuple | list) else row for row in rows]
        self.params.extend(rows)

    def values(self, piece: list[tuple[Any, ...]]) -> None:
        """Take the results of a piece; one of a job that is to run again counts no more."""
        completed = [status == JobStatus.COMPLETED for status in piece[2]]
        # A function that returned None has no text either.
        done = [
            ("null" if text is None else text) if is_done else None
            for is_done, text in zip(completed, piece[4], strict=True)
        ]
        self.results.extend(decoded(done, self._decode))

    def attempts(self, piece: list[tuple[Any, ...]]) -> None:
        """Take what is known of the attempts of a piece."""
        for name, values in zip(_ATTEMPT, piece[5:], strict=True):
            self.attempt[name] += values

    def places(self, order: Sequence[int] | None) -> np.ndarray[Any, Any]:
        """Return where, among the rows read, each row to show stands."""
        ids = np.array(self.ids, dtype=np.int64)
        if order is None:
            return np.argsort(ids, kind="stable")
        places = pd.Index(ids).get_indexer(pd.Index(np.array(order, dtype=np.int64)))
        return np.asarray(places[places >= 0])


def _kind(spread: Spread, shape: Mapping[str, Any]) -> str:
    """Tell what the columns of the parameters are: ``names`` of a dict, ``positions`` of a tuple, or the ``whole``."""
    found = spread.columns()
    if found is None or (not found and shape.get("kind") == "values"):
        return "whole"
    return "positions" if shape.get("kind") == "positional" else "names"


def _parameter_columns(spread: Spread, shape: Mapping[str, Any]) -> list[Labelled]:
    found = spread.columns()
    kind = _kind(spread, shape)
    if found is None or kind == "whole":
        return [("params", spread.whole())]
    if kind == "positions":
        return [(f"params.{nesting.label(number)}", column) for number, column in found.items()]
    # A DataFrame's columns in its order; `modify` may have added some and taken others away.
    within: dict[Hashable, list[Hashable]] = {name: [] for name in shape.get("columns", ())}
    for name in found:
        within.setdefault(nesting.head(name), []).append(name)
    names = chain.from_iterable(inner or [name] for name, inner in within.items())
    missing = columns.objects([pd.NA] * len(spread))
    return [(nesting.label(name), found.get(name, missing)) for name in names]


def _result_columns(spread: Spread) -> list[Labelled]:
    found = spread.columns()
    if not found:
        return [("result", spread.whole())]
    return [(f"result.{nesting.label(name)}", column) for name, column in found.items()]


def _provenance_columns(read: _Reader, versions: Mapping[int, str], shown: Callable[[int], int]) -> list[Labelled]:
    attempt = read.attempt | {"code": [versions.get(id_) for id_ in read.attempt["function_id"]]}
    table: list[Labelled] = [
        ("job.id", np.array(read.ids, dtype=np.int64)),
        ("job.status", columns.labels(map(shown, read.statuses))),
    ]
    for name, dtype in _DTYPES.items():
        values = attempt[name]
        column = pd.array(columns.natural(values), dtype=dtype) if dtype else columns.times(values)
        table.append((f"job.{name}", column))
    return table


def _index(read: _Reader, shape: Mapping[str, Any], order: Sequence[int] | None, first: int) -> pd.Index[Any]:
    """Return the index of the rows to show: the labels they were mapped with, else their places in the map."""
    if shape.get("labelled"):
        return _labelled([read.keys[place] for place in read.places(order)], shape)
    if order is None or len(read.ids) == len(order):
        return pd.RangeIndex(first, first + len(read.ids))
    present = set(read.ids)
    return pd.Index([first + number for number, id_ in enumerate(order) if id_ in present], dtype=np.int64)


def _labelled(found: list[Any], shape: Mapping[str, Any]) -> pd.Index[Any]:
    names = list(shape.get("index") or [None])
    if len(names) > 1:
        return _multi_index(found, names)
    flat: pd.Index[Any] = pd.Index(found, name=names[0], tupleize_cols=False)
    return flat


def _multi_index(labels: list[Any], names: list[Any]) -> pd.MultiIndex:
    if not labels:
        return pd.MultiIndex.from_arrays([[] for _ in names], names=names)
    return pd.MultiIndex.from_tuples(labels, names=names)


def _frame(table: list[Labelled], index: pd.Index[Any], places: np.ndarray[Any, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(dict(enumerate(column for _, column in table)), index=range(len(places)), copy=False)
    if not np.array_equal(places, np.arange(len(places))):
        frame = frame.take(places)
    frame.index = index
    frame.columns = pd.Index(columns.distinct([label for label, _ in table]), tupleize_cols=False)
    return frame
