"""Jobs: listed, canceled, made ready again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from torc_nb.errors import NotFound
from torc_nb.models import CLAIMED, FINISHED, JobStatus
from torc_nb.store import counts, events, schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_workflows = schema.workflows

#: How many jobs one transaction of a large change moves.
PIECE = 5000


def get(database: Database, job_id: int) -> Row[Any]:
    """Return a job with its map's name and order.

    Raises
    ------
    NotFound
        No visible job of that id.
    """
    with database.read() as connection:
        row = connection.execute(_listing().where(_jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id}; `%torc jobs list` shows those there are.")
    return row


def listed(
    database: Database,
    workflow_id: int,
    *,
    map_id: int | None = None,
    statuses: Sequence[JobStatus] | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Row[Any]]:
    """Return jobs in the order of their ids, of some statuses as shown only, if asked."""
    statement = _listing().where(_jobs.c.workflow_id == workflow_id).order_by(_jobs.c.id)
    if map_id is not None:
        statement = statement.where(_jobs.c.map_id == map_id)
    if statuses is not None:
        statement = statement.where(_stands_in(statuses))
    if limit is not None:
        statement = statement.limit(limit).offset(offset)
    with database.read() as connection:
        return list(connection.execute(statement))


def _listing() -> Any:
    """Jobs with what is shown of them beside their own columns; those of a map being built stay invisible."""
    return (
        select(
            _jobs,
            _maps.c.name.label("map_name"),
            _maps.c.blocked.label("map_blocked"),
            _workflows.c.state.label("workflow_state"),
        )
        .join(_workflows, _workflows.c.id == _jobs.c.workflow_id)
        .outerjoin(_maps, _maps.c.id == _jobs.c.map_id)
        .where((_jobs.c.map_id == 0) | (_maps.c.state == "ready"))
    )


def _stands_in(statuses: Sequence[JobStatus]) -> Any:
    """The condition that a job is shown in one of these statuses (see ``workflows.shown_status``)."""
    plain = [int(status) for status in statuses]
    waits = _jobs.c.status.in_([int(JobStatus.READY), int(JobStatus.BLOCKED)])
    created = _workflows.c.state == "created"
    held = _maps.c.blocked.is_(True)
    condition = _jobs.c.status.in_(plain) & ~(waits & (created | held))
    if JobStatus.UNINITIALIZED in statuses:
        condition |= waits & created
    if JobStatus.BLOCKED in statuses:
        condition |= waits & ~created & held
    return condition


def cancel(database: Database, workflow_id: int, job_ids: Iterable[int] | None = None) -> int:
    """Cancel jobs, all unfinished ones of the workflow by default; running ones are stopped by their workers.

    Returns how many jobs that were.
    """
    chosen = None if job_ids is None else sorted(set(job_ids))
    waiting = (JobStatus.UNINITIALIZED, JobStatus.BLOCKED, JobStatus.READY, JobStatus.PENDING, JobStatus.RUNNING)
    canceled = 0
    while True:
        with database.write() as connection:
            jobs = _piece(connection, workflow_id, chosen, waiting)
            if not jobs:
                return canceled
            _stop_running(connection, jobs)
            _move(connection, workflow_id, jobs, JobStatus.CANCELED, note="canceled by the user")
            if not canceled:
                events.add(database, connection, workflow_id, "jobs canceled", chosen=chosen is not None)
        canceled += len(jobs)


def _stop_running(connection: Connection, jobs: Sequence[Row[Any]]) -> None:
    running = [
        {"worker_id": job.worker_id, "job_id": job.id, "attempt": job.attempt} for job in jobs if job.status in CLAIMED
    ]
    if running:
        connection.execute(insert(schema.cancellations), running)


def rerun(database: Database, workflow_id: int, statuses: Sequence[JobStatus], job_ids: Iterable[int] | None = None) -> int:
    """Make finished jobs ready again, and what collects their results blocked; returns how many jobs became ready."""
    chosen = None if job_ids is None else sorted(set(job_ids))
    wanted = tuple(status for status in statuses if status in FINISHED)
    n = 0
    maps: set[int] = set()
    with database.write() as connection:
        connection.execute(
            update(_workflows)
            .where(_workflows.c.id == workflow_id)
            .values(run_id=_workflows.c.run_id + 1)
        )
    while True:
        with database.write() as connection:
            jobs = _piece(connection, workflow_id, chosen, wanted, collecting=False)
            if not jobs:
                break
            _move(connection, workflow_id, jobs, JobStatus.READY)
            maps |= {job.map_id for job in jobs}
        n += len(jobs)
    with database.write() as connection:
        n += _block_collectors(connection, workflow_id, maps, chosen, wanted)
        events.add(database, connection, workflow_id, "jobs rerun", count=n)
    return n


def _block_collectors(
    connection: Connection, workflow_id: int, maps: set[int], chosen: list[int] | None, wanted: Sequence[JobStatus]
) -> int:
    """Let postprocess jobs wait again for maps of which jobs run again; one that alone failed becomes ready.

    Returns how many became ready.
    """
    collectors = connection.execute(
        select(_jobs).where(_jobs.c.workflow_id == workflow_id, _jobs.c.collects.is_not(None))
    ).all()
    tally = counts.Tally(workflow_id)
    ready = 0
    for job in collectors:
        if job.status not in FINISHED:
            continue
        asked = job.status in wanted and (chosen is None or job.id in chosen)
        if job.collects not in maps and not asked:
            continue
        done = not any(counts.unfinished(connection, workflow_id, [job.collects]).values())
        alone = asked and done and not _has_failures(connection, workflow_id, job.collects)
        status = JobStatus.READY if alone else JobStatus.BLOCKED
        if status is JobStatus.BLOCKED and job.collects not in maps:
            continue
        ready += status is JobStatus.READY
        connection.execute(
            update(_jobs).where(_jobs.c.id == job.id).values(status=int(status), note=None, interruptions=0)
        )
        tally.move(job.map_id, job.requirement_id, job.status, status)
    tally.write(connection)
    return ready


def _has_failures(connection: Connection, workflow_id: int, map_id: int) -> bool:
    return (
        connection.scalar(
            select(_jobs.c.id)
            .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id, schema.UNSUCCESSFUL)
            .limit(1)
        )
        is not None
    )


def _piece(
    connection: Connection,
    workflow_id: int,
    chosen: list[int] | None,
    statuses: Sequence[JobStatus],
    *,
    collecting: bool = True,
) -> list[Row[Any]]:
    statement = (
        select(_jobs.c.id, _jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status, _jobs.c.worker_id, _jobs.c.attempt)
        .where(
            _jobs.c.workflow_id == workflow_id,
            _jobs.c.status.in_([int(status) for status in statuses]),
            (_jobs.c.map_id == 0) | _jobs.c.map_id.in_(select(_maps.c.id).where(_maps.c.state == "ready")),
        )
        .order_by(_jobs.c.id)
        .limit(PIECE)
        .with_for_update()
    )
    if not collecting:
        statement = statement.where(_jobs.c.collects.is_(None))
    if chosen is None:
        return list(connection.execute(statement))
    rows: list[Row[Any]] = []
    for start in range(0, len(chosen), 500):
        rows += connection.execute(statement.where(_jobs.c.id.in_(chosen[start : start + 500])))
    return rows


def _move(
    connection: Connection, workflow_id: int, jobs: Sequence[Row[Any]], status: JobStatus, note: str | None = None
) -> None:
    tally = counts.Tally(workflow_id)
    for job in jobs:
        tally.move(job.map_id, job.requirement_id, job.status, status)
    ids = [job.id for job in jobs]
    for start in range(0, len(ids), 500):
        connection.execute(
            update(_jobs)
            .where(_jobs.c.id.in_(ids[start : start + 500]))
            .values(status=int(status), note=note, worker_id=None, interruptions=0)
        )
    tally.write(connection)
