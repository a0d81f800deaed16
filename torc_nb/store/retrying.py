"""Failed jobs that are tried again by themselves, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from torc_nb.models import CLAIMED, Completion, JobStatus
from torc_nb.models.growth import Growth
from torc_nb.models.quantities import format_binary
from torc_nb.models.retries import Retry
from torc_nb.store import bulk, counts, requirements, schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import among

_jobs = schema.jobs
_maps = schema.maps

_READY, _FAILED = int(JobStatus.READY), int(JobStatus.FAILED)

#: So many characters tell what is tried again, and why.
_LONGEST_NOTE = 500


@dataclass(frozen=True)
class Due:
    """Up to when, by the database's clock, a retry may begin now, and how many ready jobs of a group may not yet.

    ``wait``: the seconds until the next of these may.
    """

    now: float = 0.0
    waiting: dict[counts.Group, int] = field(default_factory=dict)
    wait: float = math.inf


class _Policy(NamedTuple):
    """What a map wants of its jobs that fail."""

    retry: Retry
    growth: Growth | None


class _Again(NamedTuple):
    """How a failed job is ready again: what is written to it, in the order of its columns."""

    status: int
    requirement_id: int
    worker_id: None
    note: str
    retries: int
    not_before: float


def retry(
    database: Database, connection: Connection, worker_id: int, completions: Sequence[Completion], tally: counts.Tally
) -> tuple[set[int], dict[int, Completion]]:
    """Make those of these failed jobs ready again that their map wants to be tried again.

    Those that ran out of memory ask for more, where it may grow; that counts as none of the tries. The jobs' rows are
    locked by the caller; a failure of an attempt that is the worker's no more is left alone.

    Returns
    -------
    set of int
        The jobs that are ready again.
    dict
        By the jobs' ids, the ends of those that had all the memory that they may have, with an error that says so.
    """
    failed = {done.job_id: done for done in completions if done.status == _FAILED and done.map_id}
    policies = _policies(connection, {done.map_id for done in failed.values()}) if failed else {}
    if not policies:  # nearly always
        return set(), {}
    columns = (_jobs.c.id, _jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status, _jobs.c.attempt, _jobs.c.retries)
    mine = select(*columns).where(among(connection, _jobs.c.id, sorted(failed)), _jobs.c.worker_id == worker_id)
    now = database.now(connection)
    asked_now = requirements.AskedNow(connection, tally.workflow_id)
    rows, full = [], {}
    for job in connection.execute(mine.order_by(_jobs.c.id)).all():
        done, policy = failed[job.id], policies.get(job.map_id)
        if policy is None or job.status not in CLAIMED or job.attempt != done.attempt:
            continue
        if policy.growth is not None and done.outgrown is not None:
            again = _with_more(connection, asked_now.of(job), job, done, policy.growth, now)
            if again is None:
                full[job.id] = done._replace(error=_had_all(done, policy.growth))
        else:
            again = _once_more(asked_now.of(job), job, done, policy.retry, now)
        if again is not None:
            rows.append((*again, job.id))
            tally.add(job.map_id, job.requirement_id, job.status, -1)
            tally.add(job.map_id, again.requirement_id, JobStatus.READY)
    return bulk.update_rows(connection, _jobs, ("id",), _Again._fields, rows), full


def _once_more(asked: int, job: Any, done: Completion, policy: Retry, now: float) -> _Again | None:
    """How a job is tried again as it was; None where it has had all its tries, or failed otherwise."""
    if job.retries >= policy.times or not policy.is_after(
        done.return_code, done.error_classes or (done.error_type or "",)
    ):
        return None
    n = job.retries + 1
    not_before = now + policy.wait_before(n)
    at = "" if not policy.wait else f" from {datetime.fromtimestamp(not_before, UTC):%Y-%m-%d %H:%M:%S} UTC"
    note = f"failed and is tried again{at}, {n} of {policy.times}: {done.error_type}: {done.error}"
    return _Again(_READY, asked, None, note[:_LONGEST_NOTE], n, not_before)


def _with_more(
    connection: Connection, asked: int, job: Any, done: Completion, growth: Growth, now: float
) -> _Again | None:
    """How a job that ran out of memory is tried again with more; None where it had all that it may have."""
    had = done.outgrown or 0
    more = growth.after(had, done.peak_memory)
    if more is None:
        return None
    note = f"needed more than {format_binary(had)}, again with {format_binary(more)}"
    return _Again(_READY, requirements.with_memory(connection, asked, more), None, note, job.retries, now)


def _had_all(done: Completion, growth: Growth) -> str:
    return f"{done.error}; it had {format_binary(done.outgrown or 0)}, and max_memory is {format_binary(growth.most)}"


def due(database: Database, connection: Connection, workflow_id: int) -> Due:
    """Tell which retries may begin now."""
    if connection.scalar(_ANY, {"workflow": workflow_id}) is None:
        return Due()
    now = database.now(connection)
    rows = connection.execute(_WAITING, {"workflow": workflow_id, "now": now}).all()
    waiting = {counts.Group(row.map_id, row.requirement_id): row.n for row in rows}
    return Due(now, waiting, min((row.next - now for row in rows), default=math.inf))


def _policies(connection: Connection, map_ids: set[int]) -> dict[int, _Policy]:
    wanted = select(_maps.c.id, _maps.c.retry, _maps.c.growth).where(
        _maps.c.id.in_(sorted(map_ids)), _maps.c.retry.is_not(None) | _maps.c.growth.is_not(None)
    )
    return {
        row.id: _Policy(Retry(**(row.retry or {"times": 0})), None if row.growth is None else Growth(**row.growth))
        for row in connection.execute(wanted)
    }


_retried = (_jobs.c.workflow_id == bindparam("workflow")) & schema.RETRIED
_ANY = select(_jobs.c.id).where(_retried).limit(1)
_WAITING = (
    select(_jobs.c.map_id, _jobs.c.requirement_id, func.count().label("n"), func.min(_jobs.c.not_before).label("next"))
    .where(_retried, _jobs.c.not_before > bindparam("now"))
    .group_by(_jobs.c.map_id, _jobs.c.requirement_id)
)
