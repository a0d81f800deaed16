"""The job that collects a map's results, declared with the map."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import building, cancellations, counts, dependencies, schema
from torc_nb.store.building import Declaration

_maps = schema.maps
_jobs = schema.jobs


def declare(
    connection: Connection, workflow_id: int, map_id: int, declaration: Declaration, new: int, tally: counts.Tally
) -> None:
    """Give a map its postprocess job, or let the one that it has wait for ``new`` rows."""
    if declaration.postprocess_id is None:
        return
    known = connection.scalar(select(_maps.c.postprocess_id).where(_maps.c.id == map_id))
    if known is None:
        _create(connection, workflow_id, map_id, declaration, tally)
    else:
        _renew(connection, known, declaration, new, tally)


def _create(
    connection: Connection, workflow_id: int, map_id: int, declaration: Declaration, tally: counts.Tally
) -> None:
    job_id = building.take_ids(connection, 1)
    connection.execute(
        insert(_jobs).values(
            id=job_id,
            workflow_id=workflow_id,
            map_id=0,
            row=0,
            status=int(JobStatus.BLOCKED),
            priority=declaration.priority,
            requirement_id=declaration.postprocess_requirement_id,
            params="",
            params_digest=b"",
            declared_digest=b"",
            name=_name(declaration),
            rev=1,
            attempt=0,
            interruptions=0,
            function_id=declaration.postprocess_id,
            collects=map_id,
        )
    )
    tally.add(0, declaration.postprocess_requirement_id, JobStatus.BLOCKED)
    dependencies.after_map(connection, map_id, job_id=job_id)
    connection.execute(update(_maps).where(_maps.c.id == map_id).values(postprocess_id=job_id))


def _renew(connection: Connection, job_id: int, declaration: Declaration, new: int, tally: counts.Tally) -> None:
    """Give the job the call's code and resources; new rows let it wait again, even if it runs at this moment."""
    job = connection.execute(select(_jobs).where(_jobs.c.id == job_id).with_for_update()).one()
    values: dict[str, Any] = {"function_id": declaration.postprocess_id, "name": _name(declaration)}
    status, requirement_id = job.status, job.requirement_id
    if new:
        cancellations.ask(connection, job.workflow_id, [job])
        status = JobStatus.BLOCKED
        # What attempts were given until now is not all: late, they do not count.
        values |= {"replaced": job.params, "status": int(status), "note": None, "worker_id": None}
        values["result_attempt"] = None
    if status not in CLAIMED:
        requirement_id = values["requirement_id"] = declaration.postprocess_requirement_id
    tally.add(0, job.requirement_id, job.status, -1)
    tally.add(0, requirement_id, status)
    connection.execute(update(_jobs).where(_jobs.c.id == job_id).values(values))


def _name(declaration: Declaration) -> str:
    return str(declaration.shape.get("postprocess_name", "postprocess"))
