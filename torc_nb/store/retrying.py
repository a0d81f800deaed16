"""Failed jobs that are tried again by themselves, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, func, select

from torc_nb.models import CLAIMED, Completion, JobStatus
from torc_nb.models.retries import Retry
from torc_nb.store import bulk, counts, requirements, schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import among

_jobs = schema.jobs
_maps = schema.maps

_FAILED = int(JobStatus.FAILED)

#: So many characters tell what is tried again, and why.
_LONGEST_NOTE = 500


@dataclass(frozen=True)
class Due:
    """Up to when, by the database's clock, a retry may begin now, and how many ready jobs of a group may not yet."""

    now: float = 0.0
    waiting: dict[counts.Group, int] = field(default_factory=dict)


def retry(
    database: Database, connection: Connection, worker_id: int, completions: Sequence[Completion], tally: counts.Tally
) -> set[int]:
    """Make those of these failed jobs ready again that their map wants to be tried again; returns their ids.

    The jobs' rows are locked by the caller; a failure of an attempt that is the worker's no more is left alone.
    """
    failed = {done.job_id: done for done in completions if done.status == _FAILED and done.map_id}
    policies = _policies(connection, {done.map_id for done in failed.values()}) if failed else {}
    if not policies:  # nearly always
        return set()
    columns = (_jobs.c.id, _jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status, _jobs.c.attempt, _jobs.c.retries)
    mine = select(*columns).where(among(connection, _jobs.c.id, sorted(failed)), _jobs.c.worker_id == worker_id)
    now = database.now(connection)
    asked_now = requirements.asked_now(connection, tally.workflow_id)
    rows = []
    for job in connection.execute(mine.order_by(_jobs.c.id)).all():
        done, policy = failed[job.id], policies.get(job.map_id)
        if policy is None or job.status not in CLAIMED or job.attempt != done.attempt or job.retries >= policy.times:
            continue
        if not policy.is_after(done.return_code, done.error_classes or (done.error_type or "",)):
            continue
        n = job.retries + 1
        requirement_id = asked_now.of(job)
        not_before = now + policy.wait_before(n)
        note = _note(done, n, policy, not_before)
        rows.append((int(JobStatus.READY), requirement_id, None, note, n, not_before, job.id))
        tally.add(job.map_id, job.requirement_id, job.status, -1)
        tally.add(job.map_id, requirement_id, JobStatus.READY)
    columns_changed = ("status", "requirement_id", "worker_id", "note", "retries", "not_before")
    return bulk.update_rows(connection, _jobs, ("id",), columns_changed, rows)


def _note(done: Completion, n: int, policy: Retry, not_before: float) -> str:
    at = "" if not policy.wait else f" from {datetime.fromtimestamp(not_before, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"failed and is tried again{at}, {n} of {policy.times}: {done.error_type}: {done.error}"[:_LONGEST_NOTE]


def due(database: Database, connection: Connection, workflow_id: int) -> Due:
    """Tell which retries may begin now."""
    if connection.scalar(_ANY, {"workflow": workflow_id}) is None:
        return Due()
    now = database.now(connection)
    rows = connection.execute(_WAITING, {"workflow": workflow_id, "now": now})
    return Due(now, {counts.Group(row.map_id, row.requirement_id): row.n for row in rows})


def _policies(connection: Connection, map_ids: set[int]) -> dict[int, Retry]:
    wanted = select(_maps.c.id, _maps.c.retry).where(_maps.c.id.in_(sorted(map_ids)), _maps.c.retry.is_not(None))
    return {row.id: Retry(**row.retry) for row in connection.execute(wanted)}


_retried = (_jobs.c.workflow_id == bindparam("workflow")) & schema.RETRIED
_ANY = select(_jobs.c.id).where(_retried).limit(1)
_WAITING = (
    select(_jobs.c.map_id, _jobs.c.requirement_id, func.count().label("n"))
    .where(_retried, _jobs.c.not_before > bindparam("now"))
    .group_by(_jobs.c.map_id, _jobs.c.requirement_id)
)
