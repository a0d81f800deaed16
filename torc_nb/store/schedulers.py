"""Named ways to ask Slurm for allocations, of one workflow."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from torc_nb import models
from torc_nb.errors import Conflict, NotFound
from torc_nb.models import FINISHED
from torc_nb.store import schema
from torc_nb.store.database import Database

_schedulers = schema.schedulers


def keep(database: Database, scheduler: models.SlurmSchedulerModel) -> models.SlurmSchedulerModel:
    """Make a workflow's scheduler, or replace the one of that name."""
    settings = scheduler.model_dump(exclude={"id", "workflow_id", "name"})
    of_that_name = (_schedulers.c.workflow_id == scheduler.workflow_id) & (_schedulers.c.name == scheduler.name)
    with database.write() as connection:
        found = connection.scalar(
            update(_schedulers).where(of_that_name).values(settings=settings).returning(_schedulers.c.id)
        )
        if found is None:
            found = connection.scalar(
                insert(_schedulers)
                .values(workflow_id=scheduler.workflow_id, name=scheduler.name, settings=settings)
                .returning(_schedulers.c.id)
            )
    return scheduler.model_copy(update={"id": found})


def get(database: Database, scheduler_id: int) -> models.SlurmSchedulerModel:
    """Return a scheduler.

    Raises
    ------
    NotFound
        None of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_schedulers).where(_schedulers.c.id == scheduler_id)).first()
    if row is None:
        raise NotFound(f"There is no scheduler {scheduler_id}; `%torc hpc slurm list` shows those there are.")
    return _model(row)


def replace(database: Database, scheduler: models.SlurmSchedulerModel) -> models.SlurmSchedulerModel:
    """Write a scheduler anew.

    Raises
    ------
    Conflict
        The workflow has another one of its name.
    """
    settings = scheduler.model_dump(exclude={"id", "workflow_id", "name"})
    others = (
        (_schedulers.c.workflow_id == scheduler.workflow_id)
        & (_schedulers.c.name == scheduler.name)
        & (_schedulers.c.id != scheduler.id)
    )
    with database.write() as connection:
        if connection.scalar(select(_schedulers.c.id).where(others)) is not None:
            raise Conflict(f"Workflow {scheduler.workflow_id} has another scheduler of the name {scheduler.name!r}.")
        connection.execute(
            update(_schedulers).where(_schedulers.c.id == scheduler.id).values(name=scheduler.name, settings=settings)
        )
    return scheduler


def remove(database: Database, scheduler_id: int) -> models.SlurmSchedulerModel:
    """Delete a scheduler; maps that were meant for it go to any.

    Raises
    ------
    NotFound
        None of that id.
    """
    found = get(database, scheduler_id)
    maps = schema.maps
    with database.write() as connection:
        connection.execute(update(maps).where(maps.c.scheduler_id == scheduler_id).values(scheduler_id=None))
        connection.execute(delete(_schedulers).where(_schedulers.c.id == scheduler_id))
    return found


def meant(database: Database, workflow_id: int) -> list[int]:
    """Return the schedulers that maps with unfinished jobs are meant for."""
    maps, counts = schema.maps, schema.job_counts
    unfinished = (
        select(counts.c.map_id)
        .where(counts.c.workflow_id == workflow_id, counts.c.status.not_in([int(status) for status in FINISHED]))
        .group_by(counts.c.map_id)
        .having(func.sum(counts.c.n) > 0)
    )
    statement = (
        select(maps.c.scheduler_id)
        .where(maps.c.workflow_id == workflow_id, maps.c.scheduler_id.is_not(None), maps.c.id.in_(unfinished))
        .distinct()
    )
    with database.read() as connection:
        return sorted(int(id_ or 0) for id_ in connection.scalars(statement))


def listed(database: Database, workflow_id: int) -> list[models.SlurmSchedulerModel]:
    """Return a workflow's schedulers, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(_schedulers).where(_schedulers.c.workflow_id == workflow_id).order_by(_schedulers.c.id)
        ).all()
    return [_model(row) for row in rows]


def _model(row: Row[Any]) -> models.SlurmSchedulerModel:
    return models.SlurmSchedulerModel(id=row.id, workflow_id=row.workflow_id, name=row.name, **row.settings)
