"""Who waits for whom, and what becomes of them when those they wait for have finished."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, insert, or_, select, update

from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import blockers, counts, events, schema, shortfall, sources, watch
from torc_nb.store.database import Database

_jobs = schema.jobs
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies

#: How many ids go into one IN (…).
_CHUNK = 500


def after_jobs(connection: Connection, job_id: int, blocked_by: Sequence[int]) -> None:
    """Let a job wait for other jobs."""
    if blocked_by:
        connection.execute(insert(_of_jobs), [{"job_id": job_id, "blocked_by": other} for other in blocked_by])


def after_map(
    connection: Connection, blocked_by_map_id: int, *, job_id: int | None = None, map_id: int | None = None
) -> None:
    """Let a job, or all jobs of a map, wait for a whole map: one row, however many jobs it has."""
    connection.execute(insert(_of_maps).values(job_id=job_id, map_id=map_id, blocked_by_map_id=blocked_by_map_id))


def waits(connection: Connection, job: Row[Any]) -> bool:
    """Whether a job waits for others, by itself or with its map; one that takes another's result alone does not count.

    What such a one is given tells by which attempt it was made.
    """
    of_map = _of_maps.c.map_id == job.map_id
    questions = [
        select(_of_jobs.c.job_id).where(_of_jobs.c.job_id == job.id),
        select(_of_maps.c.id).where((_of_maps.c.job_id == job.id) | (of_map & _of_maps.c.each.is_(False))),
        blockers.of_map(job.map_id),
    ]
    return any(connection.scalar(question.limit(1)) is not None for question in questions)


class _Waiting(NamedTuple):
    """What may wait no longer: jobs, whole maps, and whether there are jobs that take the results of single ones."""

    jobs: set[int]
    maps: set[int]
    takers: bool


def release(database: Database, workflow_id: int, map_ids: Collection[int], job_ids: Sequence[int]) -> bool:
    """Look whether jobs wait for these finished ones, and release or cancel those that need wait no longer.

    Called after the completing transaction has been committed: of two workers that finish a map's last two jobs at the
    same moment, the later one then sees both. Returns whether any waited, so that there may be work now.
    """
    with database.read() as connection:
        waiting = _waiting(connection, workflow_id, map_ids, job_ids)
    if waiting.takers:
        _release_after(database, workflow_id, sources.settle(database, workflow_id, job_ids))
    if waiting.jobs or waiting.maps:
        with database.write() as connection:
            tally = counts.Tally(workflow_id)
            for job_id in sorted(waiting.jobs):
                _settle_job(database, connection, job_id, tally)
            for map_id in sorted(waiting.maps):
                _settle_map(database, connection, workflow_id, map_id)
            tally.write(connection)
            watch.announce(connection, workflow_id)
    return any(waiting)


def _release_after(database: Database, workflow_id: int, canceled: sources.Canceled) -> None:
    """Look whether anything waits for jobs that were canceled because their source failed."""
    if canceled.job_ids:
        release(database, workflow_id, canceled.map_ids, canceled.job_ids)


def release_all(database: Database, workflow_id: int, *, thorough: bool = True) -> None:
    """Release whatever waits for nothing any more, should a worker have died between completing and releasing.

    ``thorough``: look at every job that takes another's result, not only where the counts show that one is overlooked.
    """
    with database.read() as connection:
        awaited = connection.scalars(
            select(_of_maps.c.blocked_by_map_id)
            .join(schema.maps, schema.maps.c.id == _of_maps.c.blocked_by_map_id)
            .where(schema.maps.c.workflow_id == workflow_id, _of_maps.c.each.is_(False))
            .distinct()
        ).all()
        blocked = [*_blocking(connection, workflow_id), *blockers.of_held_maps(connection, workflow_id)]
    _release_after(database, workflow_id, sources.settle_all(database, workflow_id, thorough=thorough))
    release(database, workflow_id, awaited, blocked)


def _blocking(connection: Connection, workflow_id: int) -> Sequence[int]:
    """Return the jobs that blocked ones wait for by name."""
    if not counts.total(connection, workflow_id).get(JobStatus.BLOCKED):
        return []  # else all jobs of the workflow might be looked through for one that is
    return connection.scalars(
        select(_of_jobs.c.blocked_by)
        .join(_jobs, _jobs.c.id == _of_jobs.c.job_id)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.status == int(JobStatus.BLOCKED))
        .distinct()
    ).all()


def _waiting(connection: Connection, workflow_id: int, map_ids: Collection[int], job_ids: Sequence[int]) -> _Waiting:
    """Find what waits for one of these jobs, or for one of these maps that has nothing left to do."""
    # One query, whether anything waits or not: it is asked with every exchange.
    found = connection.execute(_BEHIND_MAPS, {"workflow": workflow_id, "maps": sorted(map_ids)}).all()
    done = [edge for edge in found if not edge.each]
    jobs = {edge.job_id for edge in done if edge.job_id is not None}
    maps = {edge.map_id for edge in done if edge.map_id is not None}
    if connection.scalar(_ANY_OF_JOBS) is not None:
        for start in range(0, len(job_ids), _CHUNK):
            part = job_ids[start : start + _CHUNK]
            jobs |= set(connection.scalars(select(_of_jobs.c.job_id).where(_of_jobs.c.blocked_by.in_(part))))
    return _Waiting(jobs, maps | set(blockers.behind(connection, job_ids)), len(done) < len(found))


_BEHIND_MAPS = select(_of_maps.c.job_id, _of_maps.c.map_id, _of_maps.c.each).where(
    _of_maps.c.blocked_by_map_id.in_(bindparam("maps", expanding=True)),
    or_(_of_maps.c.each, counts.left_of(bindparam("workflow"), _of_maps.c.blocked_by_map_id) == 0),
)
_ANY_OF_JOBS = select(_of_jobs.c.job_id).limit(1)


def _settle_job(database: Database, connection: Connection, job_id: int, tally: counts.Tally) -> None:
    job = connection.execute(select(_jobs).where(_jobs.c.id == job_id).with_for_update()).first()
    if job is None or job.status != JobStatus.BLOCKED or job.result_attempt is not None:  # or it was set aside
        return
    job_ids = select(_of_jobs.c.blocked_by).where(_of_jobs.c.job_id == job_id)
    map_ids = connection.scalars(select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.job_id == job_id)).all()
    if not _all_finished(connection, job.workflow_id, job_ids, map_ids):
        return
    without = shortfall.of_job(connection, job)
    if without is not None:
        map_ids = [map_id for map_id in map_ids if map_id != job.collects]
    cause = _cause(connection, job.workflow_id, job_ids, map_ids)
    status = JobStatus.READY if cause is None else JobStatus.CANCELED
    connection.execute(update(_jobs).where(_jobs.c.id == job_id).values(status=int(status), note=cause or without))
    tally.move(job.map_id, job.requirement_id, JobStatus.BLOCKED, status)
    if cause is None and without is not None:
        events.add(database, connection, job.workflow_id, "postprocess on a part", job_id=job_id, reason=without)
    if cause is not None:
        events.add(database, connection, job.workflow_id, "job canceled", job_id=job_id, reason=cause)
        for waiting in connection.scalars(select(_of_jobs.c.job_id).where(_of_jobs.c.blocked_by == job_id)).all():
            _settle_job(database, connection, waiting, tally)


def _settle_map(database: Database, connection: Connection, workflow_id: int, map_id: int) -> None:
    """Open a map whose jobs all waited. Its jobs stand as ready already; the map's flag is what held them."""
    maps = schema.maps
    blocked = connection.scalar(select(maps.c.blocked).where(maps.c.id == map_id).with_for_update())
    map_ids = connection.scalars(select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.map_id == map_id)).all()
    job_ids = blockers.of_map(map_id)
    if not blocked or not _all_finished(connection, workflow_id, job_ids, map_ids):
        return
    cause = _cause(connection, workflow_id, job_ids, map_ids)
    if cause is None:
        connection.execute(update(maps).where(maps.c.id == map_id).values(blocked=False))
    elif cause != _last_reason(connection, workflow_id, map_id):
        events.add(database, connection, workflow_id, "map stays blocked", map_id=map_id, reason=cause)


def _last_reason(connection: Connection, workflow_id: int, map_id: int) -> str | None:
    """Why a map stayed blocked when last looked at: workers look every few seconds, and it is worth one event."""
    table = schema.events
    told = connection.scalars(
        select(table.c.data)
        .where(table.c.workflow_id == workflow_id, table.c.kind == "map stays blocked")
        .order_by(table.c.id.desc())
    )
    return next((str(data["reason"]) for data in told if data["map_id"] == map_id), None)


def _all_finished(connection: Connection, workflow_id: int, job_ids: Select[Any], map_ids: Sequence[int]) -> bool:
    finished = [int(status) for status in FINISHED]
    left = counts.unfinished(connection, workflow_id, list(map_ids))
    if any(left.values()):
        return False
    pending = select(_jobs.c.id).where(_jobs.c.id.in_(job_ids), _jobs.c.status.not_in(finished)).limit(1)
    return connection.scalar(pending) is None


def _cause(connection: Connection, workflow_id: int, job_ids: Select[Any], map_ids: Sequence[int]) -> str | None:
    """Say which job's failure keeps the waiting ones from running; None where all completed."""
    error = (schema.results.c.error_type, schema.results.c.error)
    chosen = select(_jobs, schema.maps.c.name.label("map_name"), *error).select_from(
        _jobs.outerjoin(schema.maps, schema.maps.c.id == _jobs.c.map_id).outerjoin(
            schema.results,
            (schema.results.c.job_id == _jobs.c.id) & (schema.results.c.attempt == _jobs.c.result_attempt),
        )
    )
    among = _jobs.c.id.in_(job_ids) if not map_ids else _jobs.c.map_id.in_(map_ids) | _jobs.c.id.in_(job_ids)
    first = connection.execute(
        chosen.where(_jobs.c.workflow_id == workflow_id, among, schema.UNSUCCESSFUL).order_by(_jobs.c.id).limit(1)
    ).first()
    if first is None:
        return None
    n = connection.execute(
        select(_jobs.c.id).where(_jobs.c.workflow_id == workflow_id, among, schema.UNSUCCESSFUL).limit(1000)
    ).all()
    others = f" (and {len(n) - 1:,} more)" if len(n) > 1 else ""
    where = f"job {first.id}" + (f", row {first.row} of {first.map_name}," if first.map_name else "")
    why = f": {first.error_type}: {first.error}" if first.error_type else f": {first.note}" if first.note else ""
    return f"{where} {JobStatus(first.status).label}{why}{others}"
