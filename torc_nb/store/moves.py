"""Jobs moved from status to status, their counts with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from torc_nb.models import JobStatus
from torc_nb.store import counts, requirements, schema
from torc_nb.store.idsets import among

_jobs = schema.jobs

#: What a job's place is told by.
PLACE = (
    _jobs.c.id,
    _jobs.c.map_id,
    _jobs.c.requirement_id,
    _jobs.c.status,
    _jobs.c.worker_id,
    _jobs.c.attempt,
    _jobs.c.result_attempt,
    _jobs.c.source_id,
)


def standing(connection: Connection, workflow_id: int, job_ids: Sequence[int]) -> list[Row[Any]]:
    """Return where jobs of a workflow stand."""
    return list(connection.execute(_standing(connection, workflow_id, job_ids))) if job_ids else []


def locked(connection: Connection, workflow_id: int, job_ids: Sequence[int]) -> list[Row[Any]]:
    """Lock jobs of a workflow in the order of their ids, and return where they stand."""
    chosen = _standing(connection, workflow_id, job_ids).with_for_update()
    return list(connection.execute(chosen)) if job_ids else []


def _standing(connection: Connection, workflow_id: int, job_ids: Sequence[int]) -> Select[Any]:
    chosen = (_jobs.c.workflow_id == workflow_id, among(connection, _jobs.c.id, job_ids))
    return select(*PLACE).where(*chosen).order_by(_jobs.c.id)


def start_over(
    connection: Connection,
    jobs: Sequence[Row[Any]],
    status: JobStatus,
    tally: counts.Tally,
    asked: Mapping[int, int] | None = None,
    **values: Any,
) -> None:
    """Move jobs to a status as if they had never been claimed; ``asked``: as in `move`."""
    again = {
        "result_attempt": None, "interruptions": 0, "walltimes": None, "longest_cut": None, "replaced": None,
        "retries": 0, "not_before": 0.0,
    }  # fmt: skip
    move(connection, jobs, status, tally, asked, **(again | values))


def move(
    connection: Connection,
    jobs: Sequence[Row[Any]],
    status: JobStatus,
    tally: counts.Tally,
    asked: Mapping[int, int] | None = None,
    **values: Any,
) -> None:
    """Move locked jobs to a status in which no worker has them; ready ones ask what their map asks by now.

    ``asked``: by the id of what they would ask, that of what they are to ask and to keep instead.
    """
    if not jobs:
        return
    is_asked_anew = status is JobStatus.READY or bool(asked)
    asked_now = requirements.AskedNow(connection, tally.workflow_id) if is_asked_anew else None
    asked = asked or {}
    alike: dict[int, list[int]] = {}
    for job in jobs:
        requirement_id = job.requirement_id if asked_now is None else asked_now.anew(job)
        requirement_id = asked.get(requirement_id, requirement_id)
        tally.add(job.map_id, job.requirement_id, job.status, -1)
        tally.add(job.map_id, requirement_id, status)
        alike.setdefault(requirement_id, []).append(job.id)
    changes = {"status": int(status), "note": None, "worker_id": None, **values}
    for requirement_id, ids in alike.items():
        connection.execute(
            update(_jobs).where(among(connection, _jobs.c.id, ids)).values(changes | {"requirement_id": requirement_id})
        )
