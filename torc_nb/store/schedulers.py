"""Named ways to ask Slurm for allocations, of one workflow."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from torc_nb import models
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


def listed(database: Database, workflow_id: int) -> list[models.SlurmSchedulerModel]:
    """Return a workflow's schedulers, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(_schedulers).where(_schedulers.c.workflow_id == workflow_id).order_by(_schedulers.c.id)
        ).all()
    return [
        models.SlurmSchedulerModel(id=row.id, workflow_id=workflow_id, name=row.name, **row.settings) for row in rows
    ]
