"""What holds back a job or a map: the maps and jobs that it waits for, as they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import blockers, counts, limits, schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies


class Hold(NamedTuple):
    """A map, or single jobs (``map_id`` 0), that something waits for: how many stand where, and one of the jobs.

    What completed, or was set aside, is told of maps only: nothing waits for it.
    """

    map_id: int
    name: str
    statuses: Mapping[JobStatus, int]
    job_id: int | None = None
    stopped_at: int | None = None  # at so many failures; None: it is not stopped

    @property
    def has_finished(self) -> bool:
        """Whether nothing of it will move by itself."""
        return all(status in FINISHED for status in self.statuses)

    @property
    def unsuccessful(self) -> int:
        """How many of its jobs failed, or will not run."""
        return sum(self.statuses.get(one, 0) for one in (JobStatus.FAILED, JobStatus.TERMINATED, JobStatus.CANCELED))


def of_job(database: Database, job: Any) -> list[Hold]:
    """Return what a job waits for, by itself or with its map; nothing where it need not wait."""
    by_itself = select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.job_id == job.id)
    with database.read() as connection:
        found = [_of_map(connection, job.workflow_id, id_) for id_ in connection.scalars(by_itself).all()]
        found += _of_singles(connection, select(_of_jobs.c.blocked_by).where(_of_jobs.c.job_id == job.id))
        if job.source_id is not None:
            found += _of_singles(connection, select(_jobs.c.id).where(_jobs.c.id == job.source_id))
        if job.map_blocked:
            found += _of_held(connection, job.workflow_id, job.map_id)
    return _open(found)


def of_map(database: Database, workflow_id: int, map_id: int) -> list[Hold]:
    """Return what a whole map waits for."""
    with database.read() as connection:
        return _open(_of_held(connection, workflow_id, map_id))


def first_blocked(database: Database, workflow_id: int) -> int | None:
    """Return a job that waits for others: of a map that is held, else any."""
    with database.read() as connection:
        held = connection.scalar(
            select(func.min(_maps.c.id)).where(
                _maps.c.workflow_id == workflow_id, _maps.c.blocked, _maps.c.state == "ready"
            )
        )
        first = select(func.min(_jobs.c.id)).where(_jobs.c.workflow_id == workflow_id)
        if held is not None and (found := connection.scalar(first.where(_jobs.c.map_id == held))) is not None:
            return int(found)
        for map_id, statuses in sorted(counts.by_map(connection, workflow_id).items()):
            if statuses.get(JobStatus.BLOCKED):
                blocked = first.where(_jobs.c.map_id == map_id, _jobs.c.status == int(JobStatus.BLOCKED))
                return int(connection.scalar(blocked) or 0) or None
    return None


def _of_held(connection: Connection, workflow_id: int, map_id: int) -> list[Hold]:
    """Return what a map waits for as a whole; that its jobs take another's results one by one is no such thing."""
    whole = select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.map_id == map_id, _of_maps.c.each.is_(False))
    found = [_of_map(connection, workflow_id, id_) for id_ in connection.scalars(whole).all()]
    return found + _of_singles(connection, blockers.of_map(map_id))


def _of_map(connection: Connection, workflow_id: int, map_id: int) -> Hold:
    map_ = connection.execute(select(_maps).where(_maps.c.id == map_id)).one()
    table = schema.job_counts
    rows = connection.execute(
        select(table.c.status, func.sum(table.c.n))
        .where(table.c.workflow_id == workflow_id, table.c.map_id == map_id)
        .group_by(table.c.status)
    )
    statuses: Counter[JobStatus] = Counter()
    for status, n in rows:
        if n:
            shown = JobStatus.BLOCKED if map_.blocked and status == JobStatus.READY else JobStatus(status)
            statuses[shown] += int(n)
    is_stopped = bool(limits.of([map_], {map_id: statuses}))
    return Hold(map_id, map_.name, statuses, stopped_at=map_.max_failures if is_stopped else None)


def _of_singles(connection: Connection, job_ids: Select[Any]) -> list[Hold]:
    """Put single jobs together; the one that is named is of those that will not complete, else the first."""
    over = [int(JobStatus.COMPLETED), int(JobStatus.DISABLED)]
    rows = connection.execute(
        select(_jobs.c.status, func.count(), func.min(_jobs.c.id))
        .where(_jobs.c.id.in_(job_ids), _jobs.c.status.not_in(over))
        .group_by(_jobs.c.status)
        .order_by(_jobs.c.status.desc())
    ).all()
    if not rows:
        return []
    return [Hold(0, "", {JobStatus(status): n for status, n, _ in rows}, rows[0][2])]


def _open(found: list[Hold]) -> list[Hold]:
    """Leave out what has completed, and put first what will not."""
    over = {JobStatus.COMPLETED, JobStatus.DISABLED}
    return sorted(
        (one for one in found if not over.issuperset(one.statuses)), key=lambda one: (not one.unsuccessful, one.map_id)
    )
