"""How all workflows of a database stand, in two short questions however many jobs there are."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import false, func, select

from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.workflows import shown_status

_workflows = schema.workflows


class Standing(NamedTuple):
    """A workflow, and how many of its jobs are in which status, as they are shown."""

    workflow: WorkflowModel
    statuses: dict[JobStatus, int]


def of_all(database: Database) -> list[Standing]:
    """Return how each workflow stands, the oldest first; those that are being deleted are left out."""
    counted, maps = schema.job_counts, schema.maps
    numbers = (
        select(counted.c.workflow_id, counted.c.status, func.coalesce(maps.c.blocked, false()), func.sum(counted.c.n))
        .outerjoin(maps, maps.c.id == counted.c.map_id)
        .group_by(counted.c.workflow_id, counted.c.status, maps.c.blocked)
    )
    known = select(_workflows).where(_workflows.c.state != "deleted").order_by(_workflows.c.id)
    with database.read() as connection:
        found = {row["id"]: Standing(WorkflowModel(**row), {}) for row in connection.execute(known).mappings()}
        for workflow_id, status, blocked, n in connection.execute(numbers):
            if n and (standing := found.get(workflow_id)) is not None:
                is_started = standing.workflow.state != "created"
                shown = shown_status(status, started=is_started, blocked=bool(blocked))
                standing.statuses[shown] = standing.statuses.get(shown, 0) + int(n)
    return list(found.values())
