"""Failed jobs grouped by what went wrong and where, and samples of what they and the completed ones were given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, literal_column, select

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_workers = schema.workers

#: Of so many groups, the largest, several jobs are named and what they share is looked for.
DETAILED = 20
#: How many jobs of a group are named.
NAMED = 5
#: At most so many jobs of a kind are looked at for what they share.
SAMPLE = 2000
#: So many characters of a message a cause tells.
BEGIN = 300
#: Parameters of more characters than this are not looked at.
LONGEST = 65_536

# Multiples of the golden ratio, modulo a prime: the ids below a bound are spread evenly and fall into step with no
# pattern in the rows, as every n-th row of a grid of parameters would.
_PRIME, _GOLDEN = 2_147_483_647, 1_327_217_885

_effective = (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)
_with_results = _jobs.outerjoin(_results, _effective)

# Written out: PostgreSQL takes two equal bound parameters for different expressions.
_exception = func.coalesce(_results.c.error_type, _jobs.c.note, literal_column("'unknown'"))
_place = func.coalesce(_results.c.error_place, literal_column("''"))


class Failure(NamedTuple):
    """Failed jobs that ended with one kind of exception in one place, with one of them as an example.

    ``group`` is the same wherever and whenever the same goes wrong; ``place`` is the innermost line of the user's own
    code, "" where there is none; ``shared`` is what the jobs have in common and those that completed have not.
    """

    group: str
    exception: str
    place: str
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody misses
    message: str
    job_id: int
    traceback: str | None
    job_ids: tuple[int, ...] = ()
    shared: tuple[str, ...] = ()


class Cause(NamedTuple):
    """The kind of exception and the place that so many jobs failed with, and one of them with its message."""

    exception: str
    place: str
    count: int  # type: ignore[assignment]
    job_id: int
    message: str


class Sample(NamedTuple):
    """Some jobs of a kind, or all: (params, host, function id) of each, and how many there are."""

    rows: Sequence[Any]
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether all there are were looked at."""
        return self.total <= SAMPLE


def grouped(database: Database, workflow_id: int, map_id: int | None = None) -> list[Failure]:
    """Return the failed jobs grouped by exception and place, the largest group first."""
    with database.read() as connection:
        found = connection.execute(_groups(workflow_id, map_id)).all()
        return [
            _with_example(connection, group, _named(connection, workflow_id, map_id, group, number))
            for number, group in enumerate(found)
        ]


def causes(database: Database, workflow_id: int, limit: int, map_id: int | None = None) -> list[Cause]:
    """Return the kinds of exceptions that most jobs failed with, and where; cheaper than ``grouped``."""
    with database.read() as connection:
        found = connection.execute(_groups(workflow_id, map_id).limit(limit)).all()
        return [Cause(one.exception, one.place, one.n, one.example, _message(connection, one.example)) for one in found]


def jobs_of(database: Database, workflow_id: int, group: str) -> list[int]:
    """Return the failed jobs of a group.

    Raises
    ------
    NotFound
        No job of the workflow failed so; the message lists the groups there are.
    """
    known = (
        select(_exception.label("exception"), _place.label("place"))
        .select_from(_with_results)
        .where(*_failed(workflow_id, None))
        .distinct()
    )
    with database.read() as connection:
        by_key = {key_of(row.exception, row.place): row for row in connection.execute(known)}
        if group not in by_key:
            there = ", ".join(f"{key} ({row.exception})" for key, row in list(by_key.items())[:DETAILED]) or "none"
            raise NotFound(f"There is no group {group!r} of failures; there are: {there}.")
        return list(connection.scalars(_of_group(workflow_id, None, by_key[group]).order_by(_jobs.c.id)))


def sample_of_failed(database: Database, workflow_id: int, map_id: int | None, failure: Failure) -> Sample:
    """Return what jobs of a group were given, and where they ran."""
    chosen = [*_failed(workflow_id, map_id), _exception == failure.exception, _place == failure.place]
    return _sample(database, chosen, failure.count)


def sample_of_completed(database: Database, workflow_id: int, map_ids: Sequence[int], total: int) -> Sample:
    """Return what completed jobs of some maps were given, and where they ran; ``total``: how many there are."""
    chosen = [
        _jobs.c.workflow_id == workflow_id,
        _jobs.c.map_id.in_(map_ids),
        _jobs.c.status == int(JobStatus.COMPLETED),
    ]
    return _sample(database, chosen, total)


def maps_of(database: Database, workflow_id: int, map_id: int | None, failure: Failure) -> list[int]:
    """Return the maps whose jobs a group has."""
    if map_id is not None:
        return [map_id]
    of_group = _of_group(workflow_id, None, failure).with_only_columns(_jobs.c.map_id).distinct()
    with database.read() as connection:
        return sorted(connection.scalars(of_group))


def key_of(exception: str, place: str) -> str:
    """Return the short name of a group: the same for the same exception in the same place."""
    return hashlib.blake2b(f"{exception}\0{place}".encode(), digest_size=4).hexdigest()


def _groups(workflow_id: int, map_id: int | None) -> Any:
    first = func.min(_jobs.c.id)
    return (
        select(_exception.label("exception"), _place.label("place"), func.count().label("n"), first.label("example"))
        .select_from(_with_results)
        .where(*_failed(workflow_id, map_id))
        .group_by(_exception, _place)
        .order_by(func.count().desc(), first)
    )


def _message(connection: Connection, job_id: int) -> str:
    """Return the beginning of what a job's exception said, or of what is noted of it."""
    said = func.coalesce(_results.c.error, _jobs.c.note, "")
    begin = connection.scalar(
        select(func.substr(said, 1, BEGIN)).select_from(_with_results).where(_jobs.c.id == job_id)
    )
    return begin or ""


def _failed(workflow_id: int, map_id: int | None) -> list[ColumnElement[bool]]:
    failed = [
        _jobs.c.workflow_id == workflow_id,
        schema.UNSUCCESSFUL,
        _jobs.c.status != int(JobStatus.CANCELED),
    ]
    return failed if map_id is None else [*failed, _jobs.c.map_id == map_id]


def _of_group(workflow_id: int, map_id: int | None, group: Any) -> Select[Any]:
    alike = (_exception == group.exception, _place == group.place)
    return select(_jobs.c.id).select_from(_with_results).where(*_failed(workflow_id, map_id), *alike)


def _named(
    connection: Connection, workflow_id: int, map_id: int | None, group: Row[Any], number: int
) -> tuple[int, ...]:
    if number >= DETAILED or group.n == 1:
        return (group.example,)
    return tuple(connection.scalars(_of_group(workflow_id, map_id, group).order_by(_jobs.c.id).limit(NAMED)))


def _with_example(connection: Connection, group: Row[Any], job_ids: tuple[int, ...]) -> Failure:
    example = connection.execute(
        select(_results.c.error, _results.c.traceback, _jobs.c.note)
        .select_from(_with_results)
        .where(_jobs.c.id == group.example)
    ).one()
    return Failure(
        key_of(group.exception, group.place),
        group.exception,
        group.place,
        group.n,
        example.error or example.note or "",
        group.example,
        example.traceback,
        job_ids,
    )


def _sample(database: Database, chosen: list[ColumnElement[bool]], total: int) -> Sample:
    if total > SAMPLE:
        chosen = [(_jobs.c.id * literal_column(str(_GOLDEN))) % _PRIME < _PRIME * SAMPLE // total, *chosen]
    # Of another attempt than the newest, a changed row has what that one was given aside.
    used = func.coalesce(_jobs.c.replaced, _jobs.c.params)
    short = case((func.length(used) <= LONGEST, used)).label("params")
    rows = (
        select(short, _workers.c.host, _results.c.function_id)
        .select_from(_with_results.outerjoin(_workers, _workers.c.id == _results.c.worker_id))
        .where(*chosen)
        .limit(2 * SAMPLE)
    )
    with database.read() as connection:
        return Sample(connection.execute(rows).all(), total)
