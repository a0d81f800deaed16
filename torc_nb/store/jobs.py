"""Jobs: listed, canceled, made ready again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import index  # a DataFrame's labels are numpy's, of which a driver would make blobs
from typing import Any

from sqlalchemy import Connection, Row, select, update

from torc_nb.errors import NotFound
from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import cancellations, counts, dependencies, events, requirements, schema, watch
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_workflows = schema.workflows

#: How many jobs one transaction of a large change moves.
PIECE = 5000

#: How many ids go into one IN (…).
_CHUNK = 500


def get(database: Database, job_id: int) -> Row[Any]:
    """Return a job with its map's name and order.

    Raises
    ------
    NotFound
        No visible job of that id.
    """
    with database.read() as connection:
        row = connection.execute(_listing().where(_jobs.c.id == index(job_id))).first()
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
    waiting = [status for status in JobStatus if status not in FINISHED]
    canceled = 0
    pieces = _Pieces(workflow_id, job_ids, waiting)
    while not pieces.is_over:
        with database.write() as connection:
            jobs = pieces.next(connection)
            cancellations.ask(connection, jobs)
            _move(connection, workflow_id, jobs, JobStatus.CANCELED, note="canceled by the user")
            if jobs and not canceled:
                events.add(database, connection, workflow_id, "jobs canceled", chosen=job_ids is not None)
        canceled += len(jobs)
        if jobs:
            maps = {job.map_id for job in jobs if job.map_id}
            dependencies.release(database, workflow_id, maps, [job.id for job in jobs])
    return canceled


def rerun(
    database: Database, workflow_id: int, statuses: Sequence[JobStatus], job_ids: Iterable[int] | None = None
) -> int:
    """Make finished jobs ready again, and what collects their results blocked; returns how many jobs became ready.

    They ask what their map asks by now. Their earlier attempts stay, but none of them is the job's result any more.
    """
    chosen = None if job_ids is None else frozenset(index(job_id) for job_id in job_ids)
    wanted = [status for status in statuses if status in FINISHED]
    n = 0
    maps: set[int] = set()
    pieces = _Pieces(workflow_id, chosen, wanted, collecting=False)
    while not pieces.is_over:
        with database.write() as connection:
            jobs = pieces.next(connection)
            if jobs and not n:
                _next_run(connection, workflow_id)
            _move(connection, workflow_id, jobs, JobStatus.READY)
            watch.announce(connection, workflow_id)
        maps |= {job.map_id for job in jobs}
        n += len(jobs)
    with database.write() as connection:
        collecting = _rerun_collectors(connection, workflow_id, maps, chosen, wanted)
        if collecting and not n:
            _next_run(connection, workflow_id)
        n += collecting
        events.add(database, connection, workflow_id, "jobs rerun", count=n)
        watch.announce(connection, workflow_id)
    return n


def _next_run(connection: Connection, workflow_id: int) -> None:
    connection.execute(update(_workflows).where(_workflows.c.id == workflow_id).values(run_id=_workflows.c.run_id + 1))


def _rerun_collectors(
    connection: Connection,
    workflow_id: int,
    maps: set[int],
    chosen: Collection[int] | None,
    wanted: Sequence[JobStatus],
) -> int:
    """Let postprocess jobs wait again for maps of which jobs run again; those that were asked for alone become ready.

    Returns how many became ready.
    """
    collectors = connection.execute(
        select(_jobs)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == 0, _jobs.c.collects.is_not(None))
        .order_by(_jobs.c.id)
        .with_for_update()
    ).all()
    waiting = [job for job in collectors if job.collects in maps]
    cancellations.ask(connection, waiting)
    _move(connection, workflow_id, [job for job in waiting if job.status != JobStatus.BLOCKED], JobStatus.BLOCKED)
    alone = [
        job
        for job in collectors
        if job.collects not in maps
        and job.status in wanted
        and (chosen is None or job.id in chosen)
        and _all_completed(connection, workflow_id, job.collects)
    ]
    _move(connection, workflow_id, alone, JobStatus.READY)
    return len(alone)


def _all_completed(connection: Connection, workflow_id: int, map_id: int) -> bool:
    return set(counts.by_map(connection, workflow_id).get(map_id, {})) <= {JobStatus.COMPLETED, JobStatus.DISABLED}


class _Pieces:
    """Jobs of some statuses, a piece a transaction; by their ids, so that none looks at what earlier ones moved."""

    def __init__(
        self, workflow_id: int, job_ids: Iterable[int] | None, statuses: Sequence[JobStatus], *, collecting: bool = True
    ) -> None:
        conditions = [
            _jobs.c.workflow_id == workflow_id,
            _jobs.c.status.in_([int(status) for status in statuses]),
            (_jobs.c.map_id == 0) | _jobs.c.map_id.in_(select(_maps.c.id).where(_maps.c.state == "ready")),
        ]
        if not collecting:
            conditions.append(_jobs.c.collects.is_(None))
        self._statement = (
            select(
                _jobs.c.id, _jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status, _jobs.c.worker_id, _jobs.c.attempt
            )
            .where(*conditions)
            .order_by(_jobs.c.id)
            .with_for_update()
        )
        self._chosen = None if job_ids is None else sorted({index(job_id) for job_id in job_ids})
        self._last = 0
        self.is_over = self._chosen == []

    def next(self, connection: Connection) -> list[Any]:
        """Lock the next jobs, and return them; an empty piece is not yet the end where jobs were chosen by id."""
        if self._chosen is None:
            found = connection.execute(self._statement.where(_jobs.c.id > self._last).limit(PIECE)).all()
            self._last = found[-1].id if found else self._last
            self.is_over = len(found) < PIECE
        else:
            part, self._chosen = self._chosen[:_CHUNK], self._chosen[_CHUNK:]
            found = connection.execute(self._statement.where(_jobs.c.id.in_(part))).all()
            self.is_over = not self._chosen
        return list(found)


def _move(
    connection: Connection, workflow_id: int, jobs: Sequence[Row[Any]], status: JobStatus, note: str | None = None
) -> None:
    """Move jobs to a status as if they had never been claimed; ready ones ask what their map asks by now."""
    asked_now = requirements.of_maps(connection, workflow_id) if status is JobStatus.READY else {}
    tally = counts.Tally(workflow_id)
    alike: dict[int, list[int]] = {}
    for job in jobs:
        requirement_id = asked_now.get(job.map_id, job.requirement_id)
        tally.add(job.map_id, job.requirement_id, job.status, -1)
        tally.add(job.map_id, requirement_id, status)
        alike.setdefault(requirement_id, []).append(job.id)
    values = {"status": int(status), "note": note, "worker_id": None, "interruptions": 0, "result_attempt": None}
    for requirement_id, ids in alike.items():
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            connection.execute(
                update(_jobs).where(_jobs.c.id.in_(part)).values(values | {"requirement_id": requirement_id})
            )
    tally.write(connection)
