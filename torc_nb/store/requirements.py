"""What jobs ask of a node; equal requests of a workflow share one record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from torc_nb import models
from torc_nb.errors import Conflict, NotFound
from torc_nb.models import FINISHED, Request
from torc_nb.store import schema, watch
from torc_nb.store.database import Database

_requirements = schema.resource_requirements
#: What a record tells; for whom it was made is the store's own business.
_TOLD = [column for column in _requirements.c if column.name != "of_jobs"]


class AskedNow(NamedTuple):
    """What jobs ask that become ready again: what their map asks now, unless they were given a request of their own."""

    of_maps: Mapping[int, int]
    of_jobs: Collection[int]  # the requests that jobs keep

    def of(self, job: Any) -> int:
        """Return the id of what a job asks now."""
        own: int = job.requirement_id
        return own if own in self.of_jobs else self.of_maps.get(job.map_id, own)


def keep(
    database: Database, requirement: models.ResourceRequirementsModel, *, of_jobs: bool = False
) -> models.ResourceRequirementsModel:
    """Return the workflow's record of this request, making it where there is none.

    ``of_jobs``: it is for jobs that keep it whatever their map asks.
    """
    values = requirement.model_dump(exclude={"id"}) | {"of_jobs": of_jobs}
    same = [_requirements.c[name].is_not_distinct_from(value) for name, value in values.items()]
    with database.write() as connection:
        found = connection.execute(select(_requirements.c.id).where(*same)).first()
        if found is None:
            found = connection.execute(insert(_requirements).values(values).returning(_requirements.c.id)).one()
    return requirement.model_copy(update={"id": found.id})


def get(database: Database, requirement_id: int) -> models.ResourceRequirementsModel:
    """Return a record of requirements.

    Raises
    ------
    NotFound
        None of that id.
    """
    return models.ResourceRequirementsModel(**_row(database, requirement_id))


def replace(database: Database, requirement: models.ResourceRequirementsModel) -> models.ResourceRequirementsModel:
    """Write a record anew: all jobs that have it ask for what it now says.

    Raises
    ------
    NotFound
        None of that id.
    """
    values = requirement.model_dump(exclude={"id", "workflow_id"})
    with database.write() as connection:
        row = connection.execute(
            update(_requirements)
            .where(_requirements.c.id == requirement.id)
            .values(values)
            .returning(_requirements.c.workflow_id)
        ).first()
        if row is None:
            raise _not_found(requirement.id)
        # What a worker had no room for may fit now.
        watch.announce(connection, row.workflow_id)
    return requirement


def remove(database: Database, requirement_id: int) -> models.ResourceRequirementsModel:
    """Delete a record that is in nobody's use.

    Raises
    ------
    Conflict
        Jobs or a map have it.
    NotFound
        None of that id.
    """
    found = get(database, requirement_id)
    counts, maps = schema.job_counts, schema.maps
    with database.write() as connection:
        jobs = connection.scalar(select(func.sum(counts.c.n)).where(counts.c.requirement_id == requirement_id))
        if jobs or connection.scalar(select(maps.c.id).where(maps.c.requirement_id == requirement_id).limit(1)):
            raise Conflict(
                f"Resource requirements {requirement_id} ({found.name!r}) are those of {int(jobs or 0):,} job(s); "
                f"`%torc resource-requirements modify {requirement_id} …` changes what these ask for."
            )
        connection.execute(delete(_requirements).where(_requirements.c.id == requirement_id))
    return found


def request(database: Database, requirement_id: int) -> Request:
    """Return what a record of requirements asks of a node.

    Raises
    ------
    NotFound
        None of that id.
    """
    row = _row(database, requirement_id)
    return Request(row["num_cpus"], row["num_gpus"], row["memory"], row["runtime"], row["timeout"])


def listed(database: Database, workflow_id: int) -> list[models.ResourceRequirementsModel]:
    """Return a workflow's requirements, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(*_TOLD).where(_requirements.c.workflow_id == workflow_id).order_by(_requirements.c.id)
        ).mappings()
        return [models.ResourceRequirementsModel(**row) for row in rows]


def of_maps(connection: Connection, workflow_id: int) -> dict[int, int]:
    """Return the id of what each map's jobs ask now, for jobs that are made to run again."""
    maps = schema.maps
    rows = connection.execute(select(maps.c.id, maps.c.requirement_id).where(maps.c.workflow_id == workflow_id))
    return {row.id: row.requirement_id for row in rows}


def asked_now(connection: Connection, workflow_id: int) -> AskedNow:
    """Return what jobs ask that were taken from their worker, or have waited."""
    rows = connection.execute(
        select(_requirements.c.id).where(_requirements.c.workflow_id == workflow_id, _requirements.c.of_jobs)
    )
    return AskedNow(of_maps(connection, workflow_id), {row.id for row in rows})


def in_use(database: Database, workflow_id: int) -> list[models.ResourceRequirementsModel]:
    """Return the requirements of jobs that have not finished."""
    counts = schema.job_counts
    unfinished = (
        select(counts.c.requirement_id)
        .where(
            counts.c.workflow_id == workflow_id,
            counts.c.status.not_in([int(status) for status in FINISHED]),
        )
        .group_by(counts.c.requirement_id)
        .having(func.sum(counts.c.n) > 0)
    )
    with database.read() as connection:
        ids = set(connection.scalars(unfinished))
    return [requirement for requirement in listed(database, workflow_id) if requirement.id in ids]


def _row(database: Database, requirement_id: int) -> Mapping[str, Any]:
    with database.read() as connection:
        row = connection.execute(select(*_TOLD).where(_requirements.c.id == requirement_id)).mappings().first()
    if row is None:
        raise _not_found(requirement_id)
    return dict(row)


def _not_found(requirement_id: int | None) -> NotFound:
    return NotFound(
        f"There are no resource requirements {requirement_id}; `%torc resource-requirements list` shows what there is."
    )
