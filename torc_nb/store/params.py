"""What jobs are given: read with its revision, and changed where nobody else changed it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, func, or_, select

from torc_nb.models import CLAIMED, FINISHED, JobStatus
from torc_nb.store import bulk, events, schema
from torc_nb.store.database import Database
from torc_nb.store.tuples import tuples
from torc_nb.values.kind import TAG

_jobs = schema.jobs
_results = schema.results

#: How many jobs one transaction changes: up to here a change is written whole or not at all.
PIECE = 5000

#: How many ids go into one IN (…).
_CHUNK = 500

#: Ids are read as a range where it holds at most this many times as many.
_SPARSE = 4


#: Jobs as a change of what they are given finds them.
_SEEN: Select[Any] = (
    select(
        _jobs.c.id, _jobs.c.status, _jobs.c.rev, _jobs.c.params, _jobs.c.params_digest, _jobs.c.replaced,
        _results.c.fingerprint,
    )
    .select_from(
        _jobs.outerjoin(_results, (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt))
    )
    .order_by(_jobs.c.id)
)  # fmt: skip


class Change(NamedTuple):
    """What a job is to be given from now on, and the revision on which that was decided."""

    job_id: int
    rev: int
    text: str
    digest: bytes


class Written(NamedTuple):
    """Where a job stood when its parameters were changed; ``is_back``: to what it was given last, so nothing is new."""

    status: JobStatus
    rev: int
    is_back: bool


@dataclass
class Outcome:
    """What became of changes, by job; ``stale`` ones met a newer revision, or no job any more (None)."""

    written: dict[int, Written] = field(default_factory=dict)
    stale: dict[int, Row[Any] | None] = field(default_factory=dict)


def of_jobs(database: Database, map_id: int, job_ids: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Yield (id, key, status, params, rev) of jobs of a map, by ids in ascending order."""
    statement = select(_jobs.c.id, _jobs.c.key, _jobs.c.status, _jobs.c.params, _jobs.c.rev)
    statement = statement.where(_jobs.c.map_id == map_id).order_by(_jobs.c.id)
    span = job_ids[-1] - job_ids[0] + 1 if job_ids else 0
    with database.stream() as connection:
        if span <= _SPARSE * len(job_ids):
            wanted = set(job_ids)
            found = connection.execute(statement.where(_jobs.c.id.between(job_ids[0], job_ids[-1]))) if wanted else ()
            yield from [row for row in found if row.id in wanted]
            return
        for start in range(0, len(job_ids), _CHUNK):
            yield from connection.execute(statement.where(_jobs.c.id.in_(job_ids[start : start + _CHUNK]))).all()


def of_map(database: Database, workflow_id: int, map_id: int) -> Iterator[Sequence[Any]]:
    """Yield (job id, key, status, params, rev) of a map's jobs in the order of their ids."""
    statement = (
        select(_jobs.c.id, _jobs.c.key, _jobs.c.status, _jobs.c.params, _jobs.c.rev)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
        .order_by(_jobs.c.id)
    )
    with database.stream() as connection, connection.execution_options(yield_per=PIECE).execute(statement) as found:
        yield from tuples(found, PIECE)


def having(
    database: Database, workflow_id: int, map_id: int, fragments: Sequence[Sequence[str]]
) -> Iterator[tuple[int, str]]:
    """Yield (job id, params) of a map's jobs whose parameters may be those asked for, in the order of their ids.

    Of each group of fragments the text has to hold one; a text with a tag is given in any case.
    """
    statement = select(_jobs.c.id, _jobs.c.params).order_by(_jobs.c.id)
    statement = statement.where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
    # Not read as JSON: PostgreSQL refuses some of it, and SQLite reads large numbers as others.
    position = func.instr if database.is_sqlite else func.strpos
    for alternatives in fragments:
        statement = statement.where(or_(*(position(_jobs.c.params, one) > 0 for one in (*alternatives, TAG))))
    with database.stream() as connection, connection.execution_options(yield_per=PIECE).execute(statement) as found:
        yield from tuples(found, PIECE)


def digests(database: Database, workflow_id: int, map_id: int) -> Iterator[tuple[int, bytes]]:
    """Yield (job id, digest of its parameters) of a map's jobs."""
    statement = select(_jobs.c.id, _jobs.c.params_digest)
    statement = statement.where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
    with database.stream() as connection, connection.execution_options(yield_per=PIECE).execute(statement) as found:
        for job_id, digest in found:
            yield job_id, bytes(digest)


def replace(database: Database, workflow_id: int, changes: Sequence[Change]) -> Outcome:
    """Give jobs other parameters, in short transactions.

    Where any job was changed since its change was decided, nothing is written. Of more than ``PIECE`` changes that is
    looked at before the first is written; a job that somebody changes in the moments after that is left as it then is,
    and is among the stale ones although the others are written.
    """
    ordered = sorted(changes)
    pieces = [ordered[start : start + PIECE] for start in range(0, len(ordered), PIECE)]
    outcome = Outcome()
    if len(pieces) > 1:
        for piece in pieces:
            with database.read() as connection:
                outcome.stale |= _stale(_current(connection, workflow_id, piece, lock=False), piece)
        if outcome.stale:
            return outcome
    for piece in pieces:
        with database.write() as connection:
            found = _current(connection, workflow_id, piece, lock=True)
            stale = _stale(found, piece)
            outcome.stale |= stale
            if stale and len(pieces) == 1:
                return outcome
            outcome.written |= _write(connection, found, [one for one in piece if one.job_id not in stale])
            events.add(database, connection, workflow_id, "user data modified", jobs=len(piece) - len(stale))
    return outcome


def foreseen(database: Database, workflow_id: int, changes: Sequence[Change]) -> dict[int, Written]:
    """Return where jobs would stand once they were given other parameters; nothing is written."""
    found: dict[int, Written] = {}
    for start in range(0, len(changes), PIECE):
        piece = changes[start : start + PIECE]
        with database.read() as connection:
            jobs = _current(connection, workflow_id, piece, lock=False)
        found |= {one.job_id: _effect(jobs[one.job_id], one)[0] for one in piece if one.job_id in jobs}
    return found


def current(connection: Connection, job_id: int) -> Row[Any]:
    """Return a job that the caller has locked, with the fingerprint of its result."""
    return connection.execute(_SEEN.where(_jobs.c.id == job_id)).one()


def _current(connection: Connection, workflow_id: int, changes: Sequence[Change], *, lock: bool) -> dict[int, Row[Any]]:
    """The jobs as they now are; locked in the order of their ids, so that no claim and no completion comes between."""
    statement = _SEEN.with_for_update(of=_jobs) if lock else _SEEN
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(changes), _CHUNK):
        ids = [change.job_id for change in changes[start : start + _CHUNK]]
        rows = connection.execute(statement.where(_jobs.c.workflow_id == workflow_id, _jobs.c.id.in_(ids)))
        found |= {row.id: row for row in rows}
    return found


def _stale(found: dict[int, Row[Any]], changes: Sequence[Change]) -> dict[int, Row[Any] | None]:
    """Those that somebody else changed; one that was given the very same value meanwhile is as it should be."""
    stale: dict[int, Row[Any] | None] = {}
    for change in changes:
        row = found.get(change.job_id)
        if row is None or (row.rev != change.rev and bytes(row.params_digest) != change.digest):
            stale[change.job_id] = row
    return stale


def _write(connection: Connection, found: dict[int, Row[Any]], changes: Sequence[Change]) -> dict[int, Written]:
    written, rows = {}, []
    for change in changes:
        job = found[change.job_id]
        written[change.job_id], replaced = _effect(job, change)
        if bytes(job.params_digest) != change.digest:
            rows.append((change.text, change.digest, job.rev + 1, replaced, change.job_id))
    bulk.update_rows(connection, _jobs, ("id",), ("params", "params_digest", "rev", "replaced"), rows)
    return written


def _effect(job: Row[Any], change: Change) -> tuple[Written, str | None]:
    """Where a job stands once it is changed, and what its newest attempt was given instead."""
    if bytes(job.params_digest) == change.digest:
        return Written(JobStatus(job.status), job.rev, job.replaced is None), job.replaced
    replaced = replaced_by(job, change.text, change.digest)
    return Written(JobStatus(job.status), job.rev + 1, job.replaced is not None and replaced is None), replaced


def replaced_by(job: Row[Any], text: str, digest: bytes) -> str | None:
    """Return what a job's newest attempt was given, where that is something else than it is to be given now."""
    status = JobStatus(job.status)
    if status not in CLAIMED and status not in FINISHED:
        return None
    used: str = job.params if job.replaced is None else job.replaced
    has_result = status in FINISHED and job.fingerprint is not None
    is_back = text == used or (has_result and bytes(job.fingerprint[: len(digest)]) == digest)
    return None if is_back else used
