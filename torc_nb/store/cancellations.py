"""Attempts that their workers are asked to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_

from torc_nb.models import CLAIMED
from torc_nb.store import schema, watch

_cancellations = schema.cancellations


def ask(connection: Connection, workflow_id: int, jobs: Sequence[Row[Any]]) -> None:
    """Ask the workers that hold any of these jobs to stop them."""
    held = [
        {"worker_id": job.worker_id, "job_id": job.id, "attempt": job.attempt} for job in jobs if job.status in CLAIMED
    ]
    if held:
        connection.execute(insert(_cancellations), held)
        watch.announce(connection, workflow_id)


def take(connection: Connection, worker_id: int) -> list[tuple[int, int]]:
    """Return what a worker is asked to stop, as (job id, attempt); it is told once."""
    rows = connection.execute(
        select(_cancellations.c.job_id, _cancellations.c.attempt).where(_cancellations.c.worker_id == worker_id)
    ).all()
    pairs = [(row.job_id, row.attempt) for row in rows]
    for start in range(0, len(pairs), 500):
        connection.execute(
            delete(_cancellations).where(
                _cancellations.c.worker_id == worker_id,
                tuple_(_cancellations.c.job_id, _cancellations.c.attempt).in_(pairs[start : start + 500]),
            )
        )
    return pairs


def forget(connection: Connection, worker_id: int) -> None:
    """Remove what a worker that is gone was asked."""
    connection.execute(delete(_cancellations).where(_cancellations.c.worker_id == worker_id))
