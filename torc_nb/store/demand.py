"""What the jobs ask that are yet to run."""

from __future__ import annotations

from sqlalchemy import func, select

from torc_nb import models
from torc_nb.models import CLAIMED, FINISHED, Request
from torc_nb.store import counts, limits, requirements, runtimes, schema
from torc_nb.store.database import Database

_counts = schema.job_counts


def waiting(database: Database, workflow_id: int) -> list[models.ResourceRequirementsModel]:
    """Return the different requests of the jobs that could start now."""
    with database.read() as connection:
        ids = {group.requirement_id for group in counts.ready(connection, workflow_id)}
    return [requirement for requirement in requirements.listed(database, workflow_id) if requirement.id in ids]


def left(database: Database, workflow_id: int) -> list[tuple[Request, int]]:
    """Return the requests of the jobs that have not begun, be they ready or not, and how many there are of each.

    Those of maps that are stopped, as too many have failed, are left out.

    The runtime is what is expected of the map's jobs where none was given, see :mod:`torc_nb.store.runtimes`.
    """
    over = [int(status) for status in (*FINISHED, *CLAIMED)]
    statement = (
        select(_counts.c.map_id, _counts.c.requirement_id, func.sum(_counts.c.n))
        .where(_counts.c.workflow_id == workflow_id, _counts.c.status.not_in(over))
        .group_by(_counts.c.map_id, _counts.c.requirement_id)
    )
    with database.read() as connection:
        stopped = limits.stopped(connection, workflow_id)
        groups = [row for row in connection.execute(statement) if row[2] > 0 and row[0] not in stopped]
        expected = {map_id: runtimes.expected(connection, map_id) for map_id, _, _ in groups}
    requests = {one.id: one.request for one in requirements.listed(database, workflow_id)}
    found = []
    for map_id, requirement_id, n in groups:
        request = requests[requirement_id]
        runtime = expected[map_id] if request.runtime is None else request.runtime
        found.append((request._replace(runtime=runtime), int(n)))
    return found
