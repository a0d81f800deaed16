"""Which job of a map takes which row of a call: by key, else by value, equal ones in order."""

from __future__ import annotations

from array import array
from collections import deque
from typing import NamedTuple

from sqlalchemy import select

from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs

#: Stands in the order for a row whose job is not written yet; job ids begin at 1.
_UNWRITTEN = 0


class Parameters(NamedTuple):
    """One row to map over, encoded: the text, its digest, and the digest and text of its key where it has one.

    ``source``: the job whose result is the row; the text then stands for what is not known yet.
    """

    text: str
    digest: bytes
    key_digest: bytes | None = None
    key: str | None = None
    source: int | None = None


class Matcher:
    """Pairs the rows of a call with the jobs that the map already has.

    Attributes
    ----------
    order : array of int64
        The job of each row, in the order of the call.
    changed : list
        Jobs whose row has another value than the one declared before.
    keyed : list
        Jobs declared without a key, which this call gives one.
    next_row : int
        The number of the next row that the map does not know.
    """

    def __init__(self, database: Database, workflow_id: int, map_id: int | None, first_row: int = 0) -> None:
        self.order = array("q")
        self.changed: list[tuple[int, Parameters]] = []
        self.keyed: list[tuple[int, Parameters]] = []
        self.next_row = first_row
        self._unwritten = array("q")
        self._by_key = _Pool()
        self._by_value = _Pool()
        self._by_source: dict[int, int] = {}
        self._declared: dict[int, bytes] = {}
        self._of_map = (database, workflow_id, map_id)
        self._is_loaded = map_id is None

    def match(self, row: Parameters) -> bool:
        """Whether a job of the map takes this row; if none does, its place is kept for the job that is written."""
        if not self._is_loaded:
            self._load(by_key=row.key_digest is not None)
        job_id = self._take(row)
        if job_id is None:
            self._unwritten.append(len(self.order))
        self.order.append(job_id or _UNWRITTEN)
        return job_id is not None

    def written(self, job_ids: range) -> None:
        """Put the jobs of a written piece at the places of its rows."""
        for place, job_id in zip(self._unwritten, job_ids, strict=False):
            self.order[place] = job_id
        del self._unwritten[: len(job_ids)]
        self.next_row += len(job_ids)

    def absent(self) -> list[int]:
        """Return the jobs that no row of the call took."""
        if not self._is_loaded:
            self._load(by_key=False)
        return sorted([*self._by_key.left(), *self._by_value.left(), *self._by_source.values()])

    def is_in_order_of_ids(self) -> bool:
        """Whether the rows of the call stand in the order of their jobs' ids."""
        previous = 0
        for job_id in self.order:
            if job_id <= previous:
                return False
            previous = job_id
        return True

    def _load(self, *, by_key: bool) -> None:
        """Read the map's jobs when the first row tells whether the call matches by key."""
        database, workflow_id, map_id = self._of_map
        statement = (
            select(_jobs.c.id, _jobs.c.row, _jobs.c.declared_digest, _jobs.c.key_digest, _jobs.c.source_id)
            .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
            .order_by(_jobs.c.id)
            .execution_options(yield_per=10_000)
        )
        with database.read() as connection:
            for job_id, row, declared, key, source in connection.execute(statement):
                if source is not None:
                    self._by_source[source] = job_id
                elif by_key and key is not None:
                    self._by_key.put(bytes(key), job_id)
                    self._declared[job_id] = bytes(declared)
                else:
                    self._by_value.put(bytes(declared), job_id)
                self.next_row = max(self.next_row, row + 1)
        self._is_loaded = True

    def _take(self, row: Parameters) -> int | None:
        if row.source is not None:
            return self._by_source.pop(row.source, None)
        if row.key_digest is None:
            return self._by_value.take(row.digest)
        job_id = self._by_key.take(row.key_digest)
        if job_id is not None:
            if self._declared[job_id] != row.digest:
                self.changed.append((job_id, row))
            return job_id
        job_id = self._by_value.take(row.digest)
        if job_id is not None:
            self.keyed.append((job_id, row))
        return job_id


class _Pool:
    """Jobs by digest, first in first out; made for a million digests that seldom repeat."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._further: dict[bytes, deque[int]] = {}

    def put(self, digest: bytes, job_id: int) -> None:
        if self._first.setdefault(digest, job_id) != job_id:
            self._further.setdefault(digest, deque()).append(job_id)

    def take(self, digest: bytes) -> int | None:
        job_id = self._first.pop(digest, None)
        if job_id is not None and (further := self._further.get(digest)):
            self._first[digest] = further.popleft()
        return job_id

    def left(self) -> list[int]:
        return [*self._first.values(), *(job_id for further in self._further.values() for job_id in further)]
