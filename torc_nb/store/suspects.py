"""Nodes on which everything fails while others complete the same: left, excluded, their failures tried elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, select, update

from torc_nb.models import JobStatus, Membership
from torc_nb.store import counts, events, exclusions, schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_workers = schema.workers

#: Where more than this share of what others finished of a map has failed, it is the jobs, not the node.
SHARE = 0.1

#: How many ids go into one IN (…).
_CHUNK = 500


def is_suspect(database: Database, worker: Membership, map_id: int, failed: int) -> bool:
    """Whether other nodes complete the jobs of a map of which a worker completes none.

    ``failed``: how many of its failures are recorded.
    """
    with database.read() as connection:
        stand = counts.by_map(connection, worker.workflow_id).get(map_id, {})
        completed = stand.get(JobStatus.COMPLETED, 0)
        failed_elsewhere = stand.get(JobStatus.FAILED, 0) - failed
        if not completed or failed_elsewhere > SHARE * (completed + failed_elsewhere):
            return False
        return _do_others_complete(connection, worker, map_id)


def _do_others_complete(connection: Connection, worker: Membership, map_id: int) -> bool:
    """Whether a worker on another node, that was there in this one's time, has completed any."""
    me = connection.execute(select(_workers.c.host, _workers.c.started).where(_workers.c.id == worker.id)).first()
    if me is None:
        return False
    others = connection.scalars(
        select(_workers.c.id).where(
            _workers.c.workflow_id == worker.workflow_id,
            _workers.c.host != me.host,
            # By its lease: a worker of long jobs may have said nothing for a while.
            _workers.c.lease_expires >= me.started,
        )
    ).all()
    if not others:
        return False
    completed = (
        select(_results.c.job_id)
        .join(_jobs, (_jobs.c.id == _results.c.job_id) & (_jobs.c.result_attempt == _results.c.attempt))
        .where(
            _jobs.c.workflow_id == worker.workflow_id,
            _jobs.c.map_id == map_id,
            _jobs.c.status == int(JobStatus.COMPLETED),
            _results.c.worker_id.in_(others),
        )
    )
    return connection.scalar(completed.limit(1)) is not None


def announce(database: Database, worker: Membership, message: str = "", node: str | None = None) -> None:
    """Let others know that a worker is about to leave, and that what it failed will be tried again: they stay.

    ``node``: what Slurm calls the node, which no later allocation of the workflow is to be given, and why; None: this
    machine, which nothing else would take the place of.
    """
    with database.write() as connection:
        connection.execute(
            update(_workers).where(_workers.c.id == worker.id, _workers.c.state == "running").values(state="leaving")
        )
        if node is not None:
            exclusions.enter(database, connection, worker.workflow_id, node, message, worker.id)


def try_elsewhere(database: Database, worker: Membership, job_ids: Collection[int], message: str) -> int:
    """Make jobs ready again that failed on a suspected node, each once in its life; returns how many."""
    from torc_nb.store import resetting
    from torc_nb.store.idsets import Ids

    jobs = Ids()
    with database.read() as connection:
        for job_id in _failed_once(connection, sorted(job_ids)):
            jobs.add(job_id)

    def still_failed(connection: Connection, ids: Sequence[int]) -> set[int]:
        still = select(_jobs.c.id).where(_jobs.c.id.in_(ids), _jobs.c.status == int(JobStatus.FAILED))
        return set(connection.scalars(still))

    with database.write() as connection:
        events.add(
            database, connection, worker.workflow_id, "node suspected", worker_id=worker.id, reason=message,
            failed=len(job_ids), tried_again=len(jobs),
        )  # fmt: skip
    if len(jobs):
        resetting.run_again(database, worker.workflow_id, jobs, still_failed, kind="jobs tried elsewhere")
    return len(jobs)


def _failed_once(connection: Connection, job_ids: Sequence[int]) -> list[int]:
    found: list[int] = []
    for start in range(0, len(job_ids), _CHUNK):
        found += connection.scalars(
            select(_results.c.job_id)
            .where(_results.c.job_id.in_(job_ids[start : start + _CHUNK]), _results.c.status == int(JobStatus.FAILED))
            .group_by(_results.c.job_id)
            .having(func.count() == 1)
        ).all()
    return found
