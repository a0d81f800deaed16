"""What a postprocess goes without that is given what there is, where not all jobs of its map completed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from torc_nb.models import UNSUCCESSFUL, JobStatus
from torc_nb.store import counts, schema
from torc_nb.store.database import Database

_maps = schema.maps


def of_job(connection: Connection, job: Any) -> str | None:
    """Say what a job goes without that collects a map; None where it has all, nothing, or wants all or nothing."""
    if job.collects is None:
        return None
    is_partial = select(_maps.c.postprocess_partial).where(_maps.c.id == job.collects)
    return _of_map(connection, job.workflow_id, job.collects) if connection.scalar(is_partial) else None


def told(database: Database, workflow_id: int, map_id: int) -> str | None:
    """Say what the postprocess of a map went without; None where it had all, or has not come to run."""
    with database.read() as connection:
        job = connection.execute(
            select(schema.jobs)
            .join(_maps, _maps.c.postprocess_id == schema.jobs.c.id)
            .where(_maps.c.id == map_id, schema.jobs.c.workflow_id == workflow_id)
        ).first()
        if job is None or job.status in (JobStatus.BLOCKED, JobStatus.CANCELED, JobStatus.DISABLED):
            return None
        return of_job(connection, job)


def bearing(connection: Connection, workflow_id: int) -> list[int]:
    """Return the jobs of a workflow that collect a map and are given what there is, of which there is something."""
    asked = select(_maps.c.id, _maps.c.postprocess_id).where(
        _maps.c.workflow_id == workflow_id, _maps.c.postprocess_partial, _maps.c.postprocess_id.is_not(None)
    )
    rows = connection.execute(asked).all()
    by_map = counts.by_map(connection, workflow_id) if rows else {}
    return [row.postprocess_id for row in rows if by_map.get(row.id, {}).get(JobStatus.COMPLETED)]


def _of_map(connection: Connection, workflow_id: int, map_id: int) -> str | None:
    stand = counts.by_map(connection, workflow_id).get(map_id, {})
    completed = stand.get(JobStatus.COMPLETED, 0)
    left_out = {status: stand[status] for status in sorted(UNSUCCESSFUL) if stand.get(status)}
    if not completed or not left_out:
        return None
    n = sum(left_out.values())
    which = ", ".join(f"{n:,} {status.label}" for status, n in left_out.items())
    return f"on {completed:,} of {completed + n:,} results: {which}"
