"""What the jobs ask that wait for nothing but a worker."""

from __future__ import annotations

from torc_nb import models
from torc_nb.store import counts, requirements
from torc_nb.store.database import Database


def waiting(database: Database, workflow_id: int) -> list[models.ResourceRequirementsModel]:
    """Return the different requests of the jobs that could start now."""
    with database.read() as connection:
        ids = {group.requirement_id for group in counts.ready(connection, workflow_id)}
    return [requirement for requirement in requirements.listed(database, workflow_id) if requirement.id in ids]
