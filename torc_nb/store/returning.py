"""Claimed jobs that a living worker gives back unbegun."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import bulk, counts, requirements, schema, watch
from torc_nb.store.database import Database

_jobs = schema.jobs

#: How many jobs one transaction gives back.
PIECE = 5000


def held(database: Database, worker_id: int) -> list[int]:
    """Return the ids of the jobs that a worker has claimed and not finished, by what the database knows."""
    with database.read() as connection:
        return list(
            connection.scalars(
                select(_jobs.c.id).where(_jobs.c.worker_id == worker_id, schema.CLAIMED).order_by(_jobs.c.id)
            )
        )


def give_back(database: Database, workflow_id: int, worker_id: int, job_ids: Sequence[int]) -> None:
    """Make jobs ready again that a worker claimed and did not begin."""
    for start in range(0, len(job_ids), PIECE):
        _give_back(database, workflow_id, worker_id, sorted(job_ids[start : start + PIECE]))


def _give_back(database: Database, workflow_id: int, worker_id: int, job_ids: Sequence[int]) -> None:
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        asked_now = requirements.AskedNow(connection, workflow_id)
        wanted = set(job_ids)
        mine = connection.execute(
            select(_jobs.c.id, _jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status, _jobs.c.attempt)
            .where(_jobs.c.worker_id == worker_id, schema.CLAIMED)
            .order_by(_jobs.c.id)
            .with_for_update()
        ).all()
        rows = []
        for job in mine:
            if job.id in wanted and job.status in CLAIMED:
                requirement_id = asked_now.of(job)
                rows.append((int(JobStatus.READY), requirement_id, None, job.id, job.status, job.attempt))
                tally.add(job.map_id, job.requirement_id, job.status, -1)
                tally.add(job.map_id, requirement_id, JobStatus.READY)
        bulk.update_rows(
            connection, _jobs, ("id", "status", "attempt"), ("status", "requirement_id", "worker_id"), rows
        )
        tally.write(connection, worker_id)
        if rows:
            watch.announce(connection, workflow_id)
