"""Which rows of a map are wanted: by status, by id, by what their parameters are, and how many of these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, NamedTuple

import orjson

from torc_nb.errors import InvalidRequest
from torc_nb.models import JobStatus
from torc_nb.store import Database, jobs, maps, params

#: Chooses jobs by their parameters: a condition on them, or the values that some of them have.
Where = Callable[[Any], bool] | Mapping[str, Any]

#: How much of a value the database looks for: a long text is compared here.
_LOOKED_FOR = 200


class Wanted(NamedTuple):
    """What is asked for; nothing: all rows."""

    statuses: Sequence[JobStatus] | None = None
    where: Where | None = None
    jobs: Iterable[int] | None = None
    limit: int | None = None
    offset: int = 0

    @property
    def is_all(self) -> bool:
        """Whether all rows are wanted."""
        return self.is_stretch and self.limit is None and not self.offset

    @property
    def is_stretch(self) -> bool:
        """Whether rows are wanted that follow each other in the map."""
        return self.statuses is None and self.where is None and self.jobs is None


class Selection(NamedTuple):
    """Rows of a map.

    Attributes
    ----------
    jobs
        Their jobs, in the map's order; None: all jobs, in the order of their ids.
    order
        The jobs among whose rows they are counted.
    first
        The number of the first of these.
    """

    jobs: Sequence[int] | None
    order: Sequence[int] | None
    first: int = 0


def of_map(database: Database, map_: Any, wanted: Wanted, decode: Callable[[str], Any]) -> Selection:
    """Return which rows of a map are wanted.

    Raises
    ------
    InvalidRequest
        ``limit`` or ``offset`` is negative.
    """
    if (wanted.limit or 0) < 0 or wanted.offset < 0:
        raise InvalidRequest("limit and offset count rows: give 0 or more, as in limit=100, offset=200.")
    order: Sequence[int] | None = maps.order_of(map_)
    if wanted.is_all:
        return Selection(order, order)
    if order is None and wanted.is_stretch:
        found = jobs.chosen(database, map_.workflow_id, map_.id, limit=wanted.limit, offset=wanted.offset)
        return Selection(found, found, wanted.offset)
    if order is None:
        order = jobs.chosen(database, map_.workflow_id, map_.id)
    kept = _kept(database, map_, wanted, decode)
    chosen = order if kept is None else [job_id for job_id in order if job_id in kept]
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return Selection(chosen[wanted.offset : end], order)


def where_of_map(database: Database, map_: Any, where: Where, decode: Callable[[str], Any]) -> Iterator[int]:
    """Yield the jobs of a map whose parameters fulfil a condition, or have some values, in the order of their ids."""
    fragments = [] if callable(where) else list(filter(None, (_fragments(*one) for one in where.items())))
    for job_id, text in params.having(database, map_.workflow_id, map_.id, fragments):
        if _fulfils(decode(text), where):
            yield job_id


def _kept(database: Database, map_: Any, wanted: Wanted, decode: Callable[[str], Any]) -> Collection[int] | None:
    """Return the jobs that pass each filter; None where there is none."""
    sets: list[set[int]] = []
    if wanted.statuses is not None:
        sets.append(set(jobs.chosen(database, map_.workflow_id, map_.id, statuses=wanted.statuses)))
    if wanted.jobs is not None:
        sets.append({index(job_id) for job_id in wanted.jobs})
    if wanted.where is not None:
        sets.append(set(where_of_map(database, map_, wanted.where, decode)))
    return set.intersection(*sets) if sets else None


def _fulfils(row: Any, where: Where) -> bool:
    if callable(where):
        return bool(where(row))
    values = row if isinstance(row, Mapping) else vars(row) if hasattr(row, "__dict__") else {}
    return all(name in values and bool(values[name] == value) for name, value in where.items())


def _fragments(name: str, value: Any) -> list[str]:
    """Return the texts of which one stands in each row that has this value; none where that cannot be told."""
    return [f"{orjson.dumps(name).decode()}:{text[:_LOOKED_FOR]}" for text in _texts(value)]


def _texts(value: Any) -> list[str]:
    """Return a value as rows may have it: a number equals those of other types."""
    if value is None or type(value) is str:
        return [orjson.dumps(value).decode()]
    if type(value) not in (int, float, bool) or not isfinite(value) or abs(value) >= 2**53:
        return []
    same = {str(int(value)), repr(float(value))} if value == int(value) else {orjson.dumps(value).decode()}
    same |= {"0": {"-0.0", "false"}, "1": {"true"}}.get(str(int(value)), set()) if value == int(value) else set()
    return sorted(same)
