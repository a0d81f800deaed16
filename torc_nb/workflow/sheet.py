"""The rows of a map as they are stored, read page by page, and what others changed in those that were shown."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torc_nb.api import Api
from torc_nb.errors import CannotLoad, NotFound, NotTrusted, TorcError
from torc_nb.frames.edits import Cell, parts, whole
from torc_nb.values import Opaque, encode, shown, text_of
from torc_nb.workflow.draft import Place

#: From so many rows it is learned what the columns are; further ones may add to them.
_FIRST = 1000

#: So many rows that were shown are remembered, to tell what others change in them.
_REMEMBERED = 20_000

#: So many rows that lie in files are kept as they are shown.
_LARGE = 1000

#: A text of more characters is shown cut, and is not edited in a cell.
LONGEST = 2000

#: What takes more characters to store, in a row that lies in a file, is shown as its type and size.
LARGEST = 100_000

#: How much of such a text is shown.
CUT = 200


class Stored(NamedTuple):
    """A row as it is stored."""

    job_id: int
    key: str | None
    status: int
    text: str
    rev: int


class Sheet:
    """The rows of a map, by their jobs.

    Attributes
    ----------
    columns
        The names of the parameters; numbers, where the rows are tuples.
    labels
        How the columns are called.
    """

    def __init__(self, api: Api, workflow_id: int, map_: Any) -> None:
        self._api = api
        self._map = map_
        self._read_key = api.label_decoder(workflow_id)
        self._decode = api.map_decoder(map_.id)
        self._status_of = api.map_statuses(map_.id)
        self._remembered: dict[int, Stored] = {}
        self._of_files: dict[tuple[int, int], dict[str, Any]] = {}
        self.changed_by_others: dict[Place, str] = {}
        self.jobs: Sequence[int] = self._order()
        self.kind, self.columns = self._columns()

    @property
    def labels(self) -> list[str]:
        """How the columns are called."""
        return [f"params.{name}" if self.kind == "positions" else str(name) for name in self.columns]

    @property
    def index_names(self) -> str:
        """How the index is called; "" where it has no name."""
        return ", ".join(str(name) for name in self._map.shape.get("index") or () if name is not None)

    def _order(self) -> Sequence[int]:
        order = self._api.map_order(self._map.id)
        return order if order is not None else self._api.map_job_ids(self._map.id)

    def look_for_rows(self) -> None:
        """Take in rows that came or went since."""
        self.jobs = self._order()

    def _columns(self) -> tuple[str, list[Hashable]]:
        """What the columns are: as ``params()`` has them."""
        from torc_nb import frames

        first = sorted(self.jobs[:_FIRST])
        try:
            frame = frames.params(
                self._api.map_inputs(self._map.id, first), self._map.shape, first, self._decode, map_id=self._map.id
            )
        except (CannotLoad, NotTrusted):  # to look at, it is enough to know that they cannot be spread
            return "whole", ["params"]
        seen = frames.remembered(frame)
        return seen.kind, list(range(len(seen.columns))) if seen.kind == "positions" else seen.columns

    # Reading.

    def read(self, job_ids: Iterable[int]) -> dict[int, Stored]:
        """Read rows; one that is gone is not there."""
        wanted = sorted(set(job_ids))
        return {row[0]: Stored(*row) for row in self._api.map_inputs(self._map.id, wanted)} if wanted else {}

    def show(self, job_ids: Sequence[int]) -> dict[int, Stored]:
        """Read rows to be shown, and note what others changed in them since they were shown last."""
        rows = self.read(job_ids)
        for row in rows.values():
            self._take_in(row)
            before = self._remembered.pop(row.job_id, None)
            if before is not None and before.rev != row.rev:
                self._note(before, row)
            self._remembered[row.job_id] = row
        for job_id in list(self._remembered)[: max(0, len(self._remembered) - _REMEMBERED)]:
            del self._remembered[job_id]
        return rows

    def _take_in(self, row: Stored) -> None:
        """Make columns of parameters that no row before had."""
        if self.kind == "names":
            known = set(map(str, self.columns))
            self.columns += [name for name in self.cells(row) if name not in known]

    def forget(self, job_ids: Iterable[int]) -> None:
        """Take rows for as new, since it was the user who changed them."""
        for job_id in job_ids:
            self._remembered.pop(job_id, None)
            for column in self.columns:
                self.changed_by_others.pop((job_id, column), None)

    def _note(self, before: Stored, now: Stored) -> None:
        old, new = self.cells(before), self.cells(now)
        for column in self.columns:
            if repr(old.get(str(column))) != repr(new.get(str(column))):
                self.changed_by_others[now.job_id, column] = short(old.get(str(column), ABSENT))

    # What stands in a row.

    def cells(self, row: Stored) -> dict[str, Any]:
        """Return what is shown in a row, by the names of the columns; no value is unpickled."""
        found = shown(row.text)
        if isinstance(found, Opaque) and self.kind != "whole":
            return self._large(row, found)
        return {str(name): value for name, value in parts(found, self.kind).items()}

    def _large(self, row: Stored, whole_row: Opaque) -> dict[str, Any]:
        """What is shown of a row that lies in a file: its small parts, read once."""
        key = (row.job_id, row.rev)
        if key not in self._of_files:
            try:
                found = parts(self.values(row), self.kind)
            except TorcError:
                found = dict.fromkeys(self.columns, whole_row)
            if len(self._of_files) >= _LARGE:
                self._of_files.clear()
            self._of_files[key] = {str(name): _small(value) for name, value in found.items()}
        return self._of_files[key]

    def values(self, row: Stored) -> Any:
        """Return the parameters of a row as the objects that they are.

        Raises
        ------
        CannotLoad, NotTrusted
            They cannot be had here.
        """
        return self._decode(row.text)

    def parts(self, value: Any) -> Mapping[Hashable, Any]:
        """Return the parameters of a row by their columns."""
        return parts(value, self.kind)

    def whole(self, value: Any, cells: Mapping[Hashable, Any]) -> Any:
        """Put a row together again, with other values in some cells."""
        return whole(value, self.kind, [Cell(column, None, new) for column, new in cells.items()])

    def label(self, row: Stored, place: int) -> str:
        """Return what stands in the index for a row."""
        if not self._map.shape.get("labelled") or row.key is None:
            return str(place)
        try:
            found = self._read_key(row.key)
        except (CannotLoad, NotTrusted):
            return row.key
        return ", ".join(map(str, found)) if isinstance(found, tuple) else str(found)

    def status(self, row: Stored) -> str:
        """Return as what the status of a row's job is shown."""
        return self._status_of(row.status).label

    def renew_statuses(self) -> None:
        """Learn whether the workflow was started meanwhile."""
        try:
            self._status_of = self._api.map_statuses(self._map.id)
        except NotFound:
            pass


def _small(value: Any) -> Any:
    """A part of a row as it is shown; of a large one its type and size."""
    text = encode(value).text
    return Opaque(type(value).__name__, len(text)) if len(text) > LARGEST else shown(text)


class _Absent:
    """The row has no such parameter."""

    def __repr__(self) -> str:
        return "(absent)"


#: Stands in a cell whose row has no such parameter.
ABSENT = _Absent()


def short(value: Any) -> str:
    """Return the text of a cell, cut where it is long."""
    if value is ABSENT:
        return ""
    text = text_of(value)
    text = repr(value) if text is None else text
    return text if len(text) <= LONGEST else f"{text[:CUT]}…"
