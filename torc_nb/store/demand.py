"""What the jobs ask that are yet to run."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from torc_nb import models
from torc_nb.models import CLAIMED, FINISHED, JobStatus, Request
from torc_nb.store import counts, limits, requirements, runtimes, schema
from torc_nb.store.database import Database

_counts = schema.job_counts
_maps = schema.maps


class Left(NamedTuple):
    """So many jobs of a map (0: of none) that ask for the same and are yet to begin, and what others of it took."""

    map_id: int
    name: str
    requirement_id: int
    request: Request
    n: int
    observed: runtimes.Observed | None

    @property
    def counted_with(self) -> Request:
        """What a plan counts with: the runtime that was given, else what was observed."""
        if self.request.runtime is not None or self.observed is None:
            return self.request
        return self.request._replace(runtime=self.observed.seconds)


def waiting(database: Database, workflow_id: int) -> list[models.ResourceRequirementsModel]:
    """Return the different requests of the jobs that could start now."""
    with database.read() as connection:
        ids = {group.requirement_id for group in counts.ready(connection, workflow_id)}
    return [requirement for requirement in requirements.listed(database, workflow_id) if requirement.id in ids]


def ready(database: Database, workflow_id: int) -> list[tuple[Request, float | None]]:
    """Return the requests of the jobs that could start now, and what is expected where they tell no run time."""
    requests = {one.id: one.request for one in requirements.listed(database, workflow_id)}
    with database.read() as connection:
        groups = {(group.map_id, group.requirement_id) for group in counts.ready(connection, workflow_id)}
        return [
            (requests[id_], runtimes.expected(connection, map_id) if requests[id_].runtime is None else None)
            for map_id, id_ in sorted(groups)
        ]


def expected(database: Database, map_id: int) -> float | None:
    """Return the seconds that a job of a map is likely to take, see :mod:`torc_nb.store.runtimes`."""
    with database.read() as connection:
        return runtimes.expected(connection, map_id)


def left(database: Database, workflow_id: int, *, claimed: bool = False) -> list[Left]:
    """Return the jobs that have not begun, be they ready or not, by their maps and requests.

    With ``claimed`` those too that a worker has claimed ahead. Those of maps that are stopped, as too many have failed,
    are left out.
    """
    over = [int(status) for status in (*FINISHED, *((JobStatus.RUNNING,) if claimed else CLAIMED))]
    statement = (
        select(_counts.c.map_id, _maps.c.name, _counts.c.requirement_id, func.sum(_counts.c.n))
        .select_from(_counts.outerjoin(_maps, _maps.c.id == _counts.c.map_id))
        .where(_counts.c.workflow_id == workflow_id, _counts.c.status.not_in(over))
        .group_by(_counts.c.map_id, _maps.c.name, _counts.c.requirement_id)
        .order_by(_counts.c.map_id, _counts.c.requirement_id)
    )
    with database.read() as connection:
        stopped = limits.stopped(connection, workflow_id)
        groups = [row for row in connection.execute(statement) if row[3] > 0 and row[0] not in stopped]
        observed = {row[0]: runtimes.observed(connection, row[0]) for row in groups}
    requests = {one.id: one.request for one in requirements.listed(database, workflow_id)}
    return [
        Left(map_id, name or "", requirement_id, requests[requirement_id], int(n), observed[map_id])
        for map_id, name, requirement_id, n in groups
    ]
