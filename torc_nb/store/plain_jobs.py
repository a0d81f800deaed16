"""Single jobs, deleted with all that is known of them."""

from __future__ import annotations

from array import array

from sqlalchemy import Connection, Row, delete, literal, select, update

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import counts, dependencies, events, schema, workflows
from torc_nb.store.database import Database
from torc_nb.store.maps import job_total

_jobs = schema.jobs
_maps = schema.maps

#: How many waiting jobs a message names.
_NAMED = 5


def remove(database: Database, job_id: int) -> None:
    """Delete a job with its results; a map that was made for it alone goes with it.

    Raises
    ------
    Conflict
        A worker has it, or others wait for it.
    NotFound
        There is none of this id.
    """
    with database.write() as connection:
        job = connection.execute(select(_jobs).where(_jobs.c.id == job_id).with_for_update()).first()
        if job is None:
            raise NotFound(f"There is no job {job_id}; `%torc jobs list` shows those there are.")
        _check(connection, job)
        tally = counts.Tally(job.workflow_id)
        tally.add(job.map_id, job.requirement_id, job.status, -1)
        workflows.delete_jobs(connection, [job_id])
        if job.map_id:
            _leave_map(connection, job)
        if job.collects is not None:
            connection.execute(update(_maps).where(_maps.c.postprocess_id == job_id).values(postprocess_id=None))
        events.add(database, connection, job.workflow_id, "job deleted", job_id=job_id)
        tally.write(connection)
    dependencies.release(database, job.workflow_id, {job.map_id}, [])


def _check(connection: Connection, job: Row[tuple[object, ...]]) -> None:
    if job.status in CLAIMED:
        raise Conflict(
            f"Job {job.id} is {JobStatus(job.status).label}; `%torc jobs cancel {job.id}` stops it, then it can go."
        )
    by_job, by_map, after = schema.job_dependencies, schema.map_blockers, schema.map_dependencies
    waiting = connection.scalars(
        select(by_job.c.job_id).where(by_job.c.blocked_by == job.id).order_by(by_job.c.job_id).limit(_NAMED)
    ).all()
    waiting = [*waiting, *connection.scalars(select(_jobs.c.id).where(_jobs.c.source_id == job.id).limit(_NAMED))]
    of_one = literal(bool(job.map_id) and job_total(connection, job.workflow_id, job.map_id) == 1)
    behind = [
        select(_maps.c.name).join(by_map, by_map.c.map_id == _maps.c.id).where(by_map.c.blocked_by == job.id),
        # Whoever waits for a map of several jobs can do without one of them.
        select(_maps.c.name)
        .join(after, after.c.map_id == _maps.c.id)
        .where(after.c.blocked_by_map_id == job.map_id, of_one),
    ]
    held = [name for names in behind for name in connection.scalars(names.order_by(_maps.c.id).limit(_NAMED))]
    if found := [*(f"job {id_}" for id_ in waiting), *(repr(name) for name in held)]:
        raise Conflict(f"Job {job.id} cannot go: {', '.join(found)} waits for it.")


def _leave_map(connection: Connection, job: Row[tuple[object, ...]]) -> None:
    """Take a job out of the order of its map; a map that was one job's goes."""
    map_ = connection.execute(select(_maps).where(_maps.c.id == job.map_id).with_for_update()).one()
    if map_.shape.get("of_job"):
        after = schema.map_dependencies
        connection.execute(delete(after).where(after.c.map_id == map_.id))
        connection.execute(delete(schema.map_blockers).where(schema.map_blockers.c.map_id == map_.id))
        connection.execute(delete(_maps).where(_maps.c.id == map_.id))
    elif map_.order is not None:
        ids = array("q")
        ids.frombytes(map_.order)
        left = array("q", [id_ for id_ in ids if id_ != job.id])
        connection.execute(update(_maps).where(_maps.c.id == map_.id).values(order=left.tobytes()))
