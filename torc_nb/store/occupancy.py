"""How long workers had their nodes, and for how long attempts took which part of them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import case, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.spans import FAR

_jobs = schema.jobs
_results = schema.results
_requirements = schema.resource_requirements
_workers = schema.workers

#: What became of an attempt: its result counts; it completed, and its result counts no more; it did not complete.
STANDS, REPLACED, FAILED = range(3)

_FATE = case(
    (_results.c.status != int(JobStatus.COMPLETED), FAILED),
    ((_jobs.c.status == int(JobStatus.COMPLETED)) & (_results.c.attempt == _jobs.c.result_attempt), STANDS),
    else_=REPLACED,
)


class Presence(NamedTuple):
    """For how many seconds a worker was there, and what it had of its node; memory in bytes."""

    seconds: float
    num_cpus: int
    num_gpus: int
    memory: int


class Occupied(NamedTuple):
    """For how many seconds attempts of one fate ran on a worker, and what each of them asked for."""

    worker_id: int
    fate: int
    seconds: float
    num_cpus: int
    num_gpus: int
    memory: int | None


def presences(database: Database, workflow_id: int) -> dict[int, Presence]:
    """Return for each worker that a workflow ever had how long it was there, until it was last seen."""
    columns = (_workers.c.num_cpus, _workers.c.num_gpus, _workers.c.memory)
    statement = select(_workers.c.id, _workers.c.last_seen - _workers.c.started, *columns)
    with database.read() as connection:
        found = connection.execute(statement.where(_workers.c.workflow_id == workflow_id)).all()
    return {row[0]: Presence(max(0.0, row[1]), *row[2:]) for row in found}


def occupied(database: Database, workflow_id: int) -> list[Occupied]:
    """Add up the attempts of a workflow by worker, fate and what their jobs ask for by now."""
    asked = (_requirements.c.num_cpus, _requirements.c.num_gpus, _requirements.c.memory)
    found = (
        select(
            _results.c.worker_id,
            _FATE.label("fate"),
            _jobs.c.requirement_id,
            func.sum(_results.c.seconds).label("seconds"),
        )
        .select_from(_results.join(_jobs, _jobs.c.id == _results.c.job_id))
        .where(_jobs.c.workflow_id == workflow_id, _results.c.seconds < FAR)
        .group_by(_results.c.worker_id, "fate", _jobs.c.requirement_id)
        .subquery()
    )
    statement = select(found.c.worker_id, found.c.fate, found.c.seconds, *asked).join(
        _requirements, _requirements.c.id == found.c.requirement_id
    )
    with database.read() as connection:
        return [Occupied(*row) for row in connection.execute(statement)]
