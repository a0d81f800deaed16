"""The rows of a map as a Parquet file, for whoever has no torc_nb; a million take no more memory than some thousands.

They are read twice: what the columns are is known only when all were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from torc_nb.errors import MissingPackage
from torc_nb.frames import columns, nesting
from torc_nb.frames.arrow import Kind, array, as_text, joined, kind_of, provenance_kinds, schema, words
from torc_nb.frames.decoding import Decode, decoded
from torc_nb.models import JobStatus

#: Rows of one row group, and how much text they may have together, in characters.
PIECE, LONGEST = 20_000, 64_000_000

#: A dict's keys are columns up to so many; of more, the values are written whole.
MOST_COLUMNS = 2000

#: What follows the value in a row, as it is called in the file.
_ATTEMPT = (
    "run_id", "attempt", "return_code", "code", "worker", "started", "seconds", "cpu_seconds", "peak_memory",
    "error_type", "error", "host",
)  # fmt: skip

Rows = Iterator[Sequence[Any]]
Piece = dict["Place", list[Any]]


class Place(NamedTuple):
    """Where a value comes from: ``index``, ``params``, ``result`` or ``job``, and its name there; None: all of it."""

    part: str
    name: Hashable

    @property
    def label(self) -> str:
        """What the column is called, as in ``Map.results(flat=True, provenance=True)``."""
        if self.name is None:
            return self.part
        name = str(nesting.label(self.name))
        return name if self.part in ("index", "params") and not isinstance(self.name, int) else f"{self.part}.{name}"


class Written(NamedTuple):
    """A column of a file: its name, what it holds, and its part: ``index``, ``params``, ``result`` or ``job``."""

    name: str
    type: str
    part: str


def write(
    path: Path,
    read: Callable[[], Rows],
    shape: Mapping[str, Any],
    decode: Decode,
    *,
    versions: Mapping[int, str],
    shown: Callable[[int], JobStatus],
) -> list[Written]:
    """Write the rows of a map with their results and where these come from.

    Parameters
    ----------
    path
        Of the file.
    read
        Gives the rows, from the first each time: (job id, key, status, params, value) and what is known of the attempt.
    shape
        What the parameters were when they were mapped.
    decode
        Reads one stored text.
    versions
        What to call the code of a function's id.
    shown
        Says as what a status is shown.

    Returns
    -------
    list of Written
        The columns: a value within dicts has its own. Where values are of several types, or of one that Parquet does
        not have, they are texts, of lists and the like in JSON.

    Raises
    ------
    MissingPackage
        pyarrow is not installed.
    """
    check_installed()
    from pyarrow import Table, parquet

    gather = _Gatherer(shape, decode, versions, shown)
    kinds: dict[Place, Kind] = {Place("job", name): kind for name, kind in provenance_kinds().items()}
    for rows in _pieces(read()):
        for place, values in gather.values(rows).items():
            kinds[place] = joined(kinds.get(place), kind_of(values))
    places = _ordered([place for place in kinds if gather.keeps(place)], shape)
    names = [str(name) for name in columns.distinct(as_text(place.label) for place in places)]
    written = schema(names, [kinds.get(place) for place in places])
    with parquet.ParquetWriter(path, written, compression="zstd") as writer:
        for rows in _pieces(read()):
            piece, length = gather.values(rows) | gather.provenance(rows), len(rows[0])
            arrays = [array(piece.get(place, [None] * length), kinds.get(place)) for place in places]
            writer.write_table(Table.from_arrays(arrays, schema=written), row_group_size=length)
    return [
        Written(name, words(written.field(name).type), place.part) for name, place in zip(names, places, strict=True)
    ]


def check_installed() -> None:
    """Make sure that Parquet can be written.

    Raises
    ------
    MissingPackage
        It cannot; the message says what to type.
    """
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise MissingPackage(
            "pyarrow, which writes Parquet, is not installed: pip install 'torc-nb[parquet]' brings it."
        )


def _pieces(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
    """Yield some rows at a time, turned: all ids, all keys, all statuses and so on."""
    piece: list[Sequence[Any]] = []
    length = 0
    for row in rows:
        piece.append(row)
        length += len(row[3] or "") + len(row[4] or "")
        if len(piece) == PIECE or length > LONGEST:
            yield list(zip(*piece, strict=True))
            piece, length = [], 0
    if piece:
        yield list(zip(*piece, strict=True))


class _Gatherer:
    """Makes columns of rows."""

    def __init__(
        self,
        shape: Mapping[str, Any],
        decode: Decode,
        versions: Mapping[int, str],
        shown: Callable[[int], JobStatus],
    ) -> None:
        self._shape = shape
        self._decode = decode
        self._versions = versions
        self._shown = shown
        self._whole: set[str] = set()
        self._names: dict[str, set[Hashable]] = {"params": set(), "result": set()}

    def values(self, piece: list[tuple[Any, ...]]) -> Piece:
        """Return the labels, parameters and results of rows."""
        keys, statuses, texts, values = piece[1:5]
        found: Piece = {}
        if self._shape.get("labelled"):
            found |= self._index(decoded(keys, self._decode))
        params = decoded([text or "null" for text in texts], self._decode)  # what collects results has none of its own
        if self._shape.get("kind") == "positional":
            params = [dict(enumerate(row)) if isinstance(row, tuple | list) else row for row in params]
        found |= self._spread("params", params)
        done = [status == JobStatus.COMPLETED for status in statuses]
        made = ["null" if text is None or not is_done else text for text, is_done in zip(values, done, strict=True)]
        return found | self._spread("result", decoded(made, self._decode))

    def provenance(self, piece: list[tuple[Any, ...]]) -> Piece:
        """Return where rows stand, and what is known of their attempts."""
        labels = {status: self._shown(status).label for status in set(piece[2])}
        attempt: dict[str, Sequence[Any]] = dict(zip(_ATTEMPT, piece[5:], strict=True))
        attempt |= {"id": piece[0], "status": [labels[status] for status in piece[2]]}
        attempt["code"] = [self._versions.get(id_) for id_ in attempt["code"]]
        attempt["started"] = [_moment(seconds) for seconds in attempt["started"]]
        return {Place("job", name): list(attempt[name]) for name in provenance_kinds()}

    def keeps(self, place: Place) -> bool:
        """Whether a column stays one: not where its part turned out to be of too many."""
        return place.part not in self._whole or place.name is None

    def _index(self, labels: list[Any]) -> Piece:
        names = list(self._shape.get("index") or [None])
        if len(names) == 1:
            return {Place("index", names[0]): labels}
        rows = [tuple(label) if isinstance(label, tuple | list) else (label,) for label in labels]
        return {
            Place("index", f"index.{number}" if name is None else name): [row[number] for row in rows]
            for number, name in enumerate(names)
        }

    def _spread(self, part: str, values: list[Any]) -> Piece:
        """Give each value within dicts a column, and what is no dict one for all."""
        if part in self._whole:
            return {Place(part, None): values}
        rows = [nesting.flattened(value) if type(value) is dict else None for value in values]
        names = dict.fromkeys(chain.from_iterable(row for row in rows if row))
        self._names[part] |= set(names)
        if len(self._names[part]) > MOST_COLUMNS:
            self._whole.add(part)
            return {Place(part, None): values}
        found: Piece = {Place(part, name): [row.get(name) if row else None for row in rows] for name in names}
        rest = [None if type(value) is dict and value else value for value in values]
        if any(value is not None for value in rest):
            found[Place(part, None)] = rest
        return found


def _moment(seconds: float | None) -> datetime | None:
    """Return a time in UTC; one that is none, as a clock gone wrong may give, is missing."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):
        return None


def _ordered(found: list[Place], shape: Mapping[str, Any]) -> list[Place]:
    """Put columns into the order that tables have; of each part there is at least one."""
    by_part: dict[str, list[Place]] = {"index": [], "params": [], "result": [], "job": []}
    for place in found:
        by_part[place.part].append(place)
    known = {name: number for number, name in enumerate(shape.get("columns", ()))}
    by_part["params"].sort(key=lambda place: known.get(nesting.head(place.name), len(known)))
    for part in ("params", "result"):
        by_part[part] = by_part[part] or [Place(part, None)]
    return list(chain.from_iterable(by_part.values()))
