"""Jobs that take another job's result: given it when that one has completed, canceled when it never will be there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, or_, select, update

from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import counts, events, requirements, schema, watch
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results
_of_maps = schema.map_dependencies

_taker, _source = schema.jobs.alias("taker"), schema.jobs.alias("source")
_source_map = schema.maps.alias("source_map")

#: How many jobs one transaction settles.
PIECE = 500

#: Takers that wait though their source has ended, or is gone.
_SETTLED = (
    select(
        _taker.c.id,
        _taker.c.map_id,
        _taker.c.requirement_id,
        _taker.c.source_id,
        _source.c.status.label("source_status"),
        _source.c.result_attempt.label("source_attempt"),
        _source.c.row.label("source_row"),
        _source.c.note.label("source_note"),
        _source_map.c.name.label("source_map"),
        _results.c.error_type,
        _results.c.error,
    )
    .select_from(
        _taker.join(_maps, _maps.c.id == _taker.c.map_id)
        .outerjoin(_source, _source.c.id == _taker.c.source_id)
        .outerjoin(_source_map, _source_map.c.id == _source.c.map_id)
        .outerjoin(_results, (_results.c.job_id == _source.c.id) & (_results.c.attempt == _source.c.result_attempt))
    )
    .where(
        _maps.c.state == "ready",
        _taker.c.source_id.is_not(None),
        _taker.c.status == int(JobStatus.BLOCKED),
        _taker.c.result_attempt.is_(None),  # else it was set aside
        or_(_source.c.id.is_(None), _source.c.status.in_([int(status) for status in FINISHED])),
    )
)

_GIVE = (
    update(_jobs)
    .where(_jobs.c.id == bindparam("taker"))
    .values(
        status=int(JobStatus.READY),
        requirement_id=bindparam("requirement"),
        params_digest=bindparam("digest"),
        params=func.coalesce(
            select(_results.c.value)
            .where(_results.c.job_id == bindparam("source"), _results.c.attempt == bindparam("made_by"))
            .scalar_subquery(),
            "null",
        ),
    )
)

_GIVE_UP = (
    update(_jobs).where(_jobs.c.id == bindparam("taker")).values(status=int(JobStatus.CANCELED), note=bindparam("why"))
)


def take_from(connection: Connection, map_id: int, source_map_id: int) -> None:
    """Note, once, that jobs of a map take the results of another's."""
    this = (_of_maps.c.map_id == map_id, _of_maps.c.blocked_by_map_id == source_map_id, _of_maps.c.each)
    if connection.scalar(select(_of_maps.c.id).where(*this)) is None:
        connection.execute(insert(_of_maps).values(map_id=map_id, blocked_by_map_id=source_map_id, each=True))


class Canceled(NamedTuple):
    """Jobs that were canceled, and the maps they are of."""

    map_ids: set[int]
    job_ids: list[int]


def settle(database: Database, workflow_id: int, source_ids: Sequence[int]) -> Canceled:
    """Settle those who take the results of these jobs; returns those of them that were canceled."""
    parts = (source_ids[start : start + PIECE] for start in range(0, len(source_ids), PIECE))
    return _settled(database, workflow_id, (_taker.c.source_id.in_(part) for part in parts))


def settle_all(database: Database, workflow_id: int, *, thorough: bool = True) -> Canceled:
    """Settle all that wait for nothing any more; returns those of them that were canceled.

    ``thorough``: look at every job that waits, not only where more of a map wait than have a source that is under way.
    """
    with database.read() as connection:
        takers = _takers(connection, workflow_id, thorough=thorough)
    return _settled(database, workflow_id, _stretches(database, workflow_id, takers))


def _takers(connection: Connection, workflow_id: int, *, thorough: bool) -> list[int]:
    """The maps whose jobs take others' results, and some of which may wait for nothing."""
    edges = connection.execute(
        select(_of_maps.c.map_id, _of_maps.c.blocked_by_map_id)
        .join(_maps, _maps.c.id == _of_maps.c.map_id)
        .where(_maps.c.workflow_id == workflow_id, _of_maps.c.each)
    ).all()
    if not edges:
        return []
    by_map = counts.by_map(connection, workflow_id)
    under_way: dict[int, int] = {}
    left = counts.unfinished(connection, workflow_id, [edge.blocked_by_map_id for edge in edges])
    for edge in edges:
        under_way[edge.map_id] = under_way.get(edge.map_id, 0) + left[edge.blocked_by_map_id]
    return sorted(
        map_id
        for map_id, n in under_way.items()
        if by_map.get(map_id, {}).get(JobStatus.BLOCKED, 0) > (0 if thorough else n)
    )


def _stretches(database: Database, workflow_id: int, map_ids: Sequence[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold all jobs of maps that can be settled, each a piece of them."""
    for map_id in map_ids:
        of_map = (_taker.c.workflow_id == workflow_id) & (_taker.c.map_id == map_id)
        last = 0
        while True:
            page = _SETTLED.with_only_columns(_taker.c.id).where(of_map, _taker.c.id > last)
            with database.read() as connection:
                ids = connection.scalars(page.order_by(_taker.c.id).limit(PIECE)).all()
            if not ids:
                break
            yield _taker.c.id.in_(ids)
            last = ids[-1]


def _settled(database: Database, workflow_id: int, conditions: Iterator[ColumnElement[bool]]) -> Canceled:
    canceled = Canceled(set(), [])
    for condition in conditions:
        with database.write() as connection:
            rows = connection.execute(_locked(_SETTLED.where(condition))).all()
            if not rows:
                continue
            tally = counts.Tally(workflow_id)
            _give(connection, [row for row in rows if row.source_status == JobStatus.COMPLETED], tally)
            lost = [row for row in rows if row.source_status != JobStatus.COMPLETED]
            _give_up(database, connection, lost, tally)
            tally.write(connection)
            watch.announce(connection, workflow_id)
        canceled.map_ids.update(row.map_id for row in lost)
        canceled.job_ids.extend(row.id for row in lost)
    return canceled


def _locked(statement: Select[Any]) -> Select[Any]:
    return statement.order_by(_taker.c.id).with_for_update(of=_taker)


def _give(connection: Connection, rows: Sequence[Row[Any]], tally: counts.Tally) -> None:
    """Make jobs ready, with what their sources returned; what they ask is what their map asks by now."""
    if not rows:
        return
    asked_now = requirements.AskedNow(connection, tally.workflow_id)
    given = []
    for row in rows:
        requirement_id = asked_now.of(row)
        tally.add(row.map_id, row.requirement_id, JobStatus.BLOCKED, -1)
        tally.add(row.map_id, requirement_id, JobStatus.READY)
        given.append(
            {"taker": row.id, "requirement": requirement_id, "digest": _digest(row), "source": row.source_id,
             "made_by": row.source_attempt}
        )  # fmt: skip
    connection.execute(_GIVE, given)


def _digest(row: Row[Any]) -> bytes:
    """What a job is given is told by which attempt made it: a result is not read to be passed on."""
    return hashlib.blake2b(b"%d %d" % (row.source_id, row.source_attempt), digest_size=16).digest()


def _give_up(database: Database, connection: Connection, rows: Sequence[Row[Any]], tally: counts.Tally) -> None:
    if not rows:
        return
    for row in rows:
        tally.move(row.map_id, row.requirement_id, JobStatus.BLOCKED, JobStatus.CANCELED)
    connection.execute(_GIVE_UP, [{"taker": row.id, "why": _cause(row)} for row in rows])
    events.add(
        database, connection, tally.workflow_id, "jobs canceled", count=len(rows), first=rows[0].id,
        reason=_cause(rows[0]),
    )  # fmt: skip


def _cause(row: Row[Any]) -> str:
    """Why a job's source gives it nothing."""
    if row.source_status is None:
        return f"job {row.source_id}, whose result it takes, was removed"
    where = f"job {row.source_id}" + (f", row {row.source_row} of {row.source_map}," if row.source_map else "")
    why = f": {row.error_type}: {row.error}" if row.error_type else f": {row.source_note}" if row.source_note else ""
    return f"{where} {JobStatus(row.source_status).label}{why}"
