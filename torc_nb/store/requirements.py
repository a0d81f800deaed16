"""What jobs ask of a node; equal requests of a workflow share one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from torc_nb import models
from torc_nb.errors import Conflict, NotFound
from torc_nb.models import FINISHED, Request
from torc_nb.store import schema, watch
from torc_nb.store.database import Database

_requirements = schema.resource_requirements
#: What a record tells; for whom it was made is the store's own business.
_TOLD = [column for column in _requirements.c if column.name not in ("of_jobs", "grown")]


class AskedNow:
    """What jobs ask that become ready again: what their map asks now, unless they were given a request of their own.

    Those that ran out of memory ask for no less of it than they did.
    """

    def __init__(self, connection: Connection, workflow_id: int) -> None:
        chosen = select(*(_requirements.c[name] for name in ("id", "memory", "of_jobs", "grown"))).where(
            _requirements.c.workflow_id == workflow_id, _requirements.c.of_jobs | _requirements.c.grown
        )
        rows = connection.execute(chosen).all()
        self._connection = connection
        self._of_maps = of_maps(connection, workflow_id)
        self._of_jobs = {row.id for row in rows if row.of_jobs}
        self._grown = {row.id: row.memory for row in rows if row.grown}

    def of(self, job: Any) -> int:
        """Return the id of what a job asks now that was taken from its worker, or has waited."""
        own: int = job.requirement_id
        return own if own in self._of_jobs else self.anew(job)

    def anew(self, job: Any) -> int:
        """Return the id of what a job asks that is made to run again: a request of its own is over."""
        asked = self._of_maps.get(job.map_id, job.requirement_id)
        least = self._grown.get(job.requirement_id)
        return asked if least is None else with_memory(self._connection, asked, least)


def keep(
    database: Database, requirement: models.ResourceRequirementsModel, *, of_jobs: bool = False
) -> models.ResourceRequirementsModel:
    """Return the workflow's record of this request, making it where there is none.

    ``of_jobs``: it is for jobs that keep it whatever their map asks.
    """
    values = requirement.model_dump(exclude={"id"}) | {"of_jobs": of_jobs, "grown": False}
    with database.write() as connection:
        return requirement.model_copy(update={"id": _kept(connection, values)})


def with_memory(connection: Connection, requirement_id: int, least: int) -> int:
    """Return the id of a record that asks what another does and so much memory: that one itself where it asks as much.

    Jobs keep that much of it whatever their map asks.
    """
    asked = connection.execute(select(_requirements).where(_requirements.c.id == requirement_id)).mappings().one()
    if asked["memory"] is not None and asked["memory"] >= least:
        return requirement_id
    values = {name: value for name, value in asked.items() if name != "id"}
    return _kept(connection, values | {"memory": least, "grown": True})


def _kept(connection: Connection, values: Mapping[str, Any]) -> int:
    same = [_requirements.c[name].is_not_distinct_from(value) for name, value in values.items()]
    found = connection.scalar(select(_requirements.c.id).where(*same))
    if found is None:
        found = connection.scalar(insert(_requirements).values(values).returning(_requirements.c.id))
    return int(found)


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


def of_jobs(database: Database, workflow_id: int) -> set[int]:
    """Return the ids of the requests that single jobs were given, or came to need, whatever their map asks."""
    chosen = _requirements.c.of_jobs | _requirements.c.grown
    with database.read() as connection:
        return set(
            connection.scalars(select(_requirements.c.id).where(_requirements.c.workflow_id == workflow_id, chosen))
        )


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
