"""What workers do now, and how many attempts ended lately."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, cast, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_workers = schema.workers


class Load(NamedTuple):
    """How many jobs a worker runs at the moment, on how many CPUs, and how many it has at hand.

    Short jobs are at hand until they have ended: that they run is not recorded.
    """

    jobs: int
    cpus: int
    at_hand: int


def by_worker(database: Database, workflow_id: int) -> dict[int, Load]:
    """Return what each worker has claimed; none where that is nothing."""
    requirements = schema.resource_requirements
    statement = (
        select(_jobs.c.worker_id, _jobs.c.status, func.count(), func.sum(requirements.c.num_cpus))
        .join(requirements, requirements.c.id == _jobs.c.requirement_id)
        .join(_workers, _workers.c.id == _jobs.c.worker_id)
        .where(_workers.c.workflow_id == workflow_id, schema.CLAIMED)
        .group_by(_jobs.c.worker_id, _jobs.c.status)
    )
    found: dict[int, Load] = {}
    with database.read() as connection:
        for worker, status, n, cpus in connection.execute(statement):
            known = found.get(worker, Load(0, 0, 0))
            is_running = status == int(JobStatus.RUNNING)
            found[worker] = known._replace(jobs=n, cpus=int(cpus)) if is_running else known._replace(at_hand=n)
    return found


def ended(database: Database, workflow_id: int, width: float, stretches: int) -> list[int]:
    """Count the attempts that ended in each of the last stretches of time, ``width`` seconds each, the newest first."""
    workers = select(_workers.c.id).where(_workers.c.workflow_id == workflow_id)
    counted = [0] * stretches
    with database.read() as connection:
        now = database.now(connection)
        age = now - (_results.c.started + _results.c.seconds)
        # Halves are rounded by PostgreSQL and cut by SQLite, which does not matter here.
        lately = (
            select(cast(age / width, BigInteger).label("stretch"))
            .where(_results.c.worker_id.in_(workers), age >= 0, age < width * stretches)
            .subquery()
        )
        for number, n in connection.execute(select(lately.c.stretch, func.count()).group_by(lately.c.stretch)):
            counted[min(number, stretches - 1)] += n
    return counted
