"""Attempts that their workers are asked to stop, or to show while they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, tuple_

from torc_nb.models import CLAIMED
from torc_nb.store import bulk, schema, watch
from torc_nb.store.database import Database

_cancellations = schema.cancellations


_ASKED = select(_cancellations.c.job_id, _cancellations.c.attempt, _cancellations.c.show).where(
    _cancellations.c.worker_id == bindparam("worker")
)


def ask(connection: Connection, workflow_id: int, jobs: Sequence[Row[Any]]) -> None:
    """Ask the workers that hold any of these jobs to stop them."""
    held = [
        {"worker_id": job.worker_id, "job_id": job.id, "attempt": job.attempt} for job in jobs if job.status in CLAIMED
    ]
    if held:
        connection.execute(insert(_cancellations), held)
        watch.announce(connection, workflow_id)


def ask_to_show(database: Database, workflow_id: int, job: Row[Any]) -> None:
    """Ask the worker that holds a job to show what it prints."""
    asked = {"worker_id": job.worker_id, "job_id": job.id, "attempt": job.attempt, "show": True}
    with database.write() as connection:
        statement = bulk.insert_on_conflict(connection.dialect.name, _cancellations)
        connection.execute(statement.values(asked).on_conflict_do_nothing())
        watch.announce(connection, workflow_id)


class Asked(NamedTuple):
    """The attempts, as (job id, attempt), that a worker is to stop, and those that it is to show."""

    stop: list[tuple[int, int]]
    show: list[tuple[int, int]]


def take(connection: Connection, worker_id: int) -> Asked:
    """Return what a worker is asked; it is told once."""
    rows = connection.execute(_ASKED, {"worker": worker_id}).all()
    asked = Asked([], [])
    for row in rows:
        (asked.show if row.show else asked.stop).append((row.job_id, row.attempt))
    for is_shown, pairs in ((False, asked.stop), (True, asked.show)):
        for start in range(0, len(pairs), 500):
            connection.execute(
                delete(_cancellations).where(
                    _cancellations.c.worker_id == worker_id,
                    _cancellations.c.show.is_(is_shown),
                    tuple_(_cancellations.c.job_id, _cancellations.c.attempt).in_(pairs[start : start + 500]),
                )
            )
    return asked


def forget(connection: Connection, worker_id: int) -> None:
    """Remove what a worker that is gone was asked."""
    connection.execute(delete(_cancellations).where(_cancellations.c.worker_id == worker_id))
