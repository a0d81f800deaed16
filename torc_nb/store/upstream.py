"""What something waits for, and what that waits for in turn: so that no circle is closed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from torc_nb.store import schema
from torc_nb.store.idsets import among

_jobs = schema.jobs
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies
_blockers = schema.map_blockers


def of(connection: Connection, job_ids: Iterable[int], map_ids: Iterable[int]) -> tuple[set[int], set[int]]:
    """Return these jobs and maps with all jobs and maps that they wait for, however many stand between."""
    jobs, maps = set(job_ids), set(map_ids)
    new_jobs, new_maps = set(jobs), set(maps)
    while new_jobs or new_maps:
        by_job = among(connection, _of_maps.c.job_id, sorted(new_jobs))
        of_job = among(connection, _of_jobs.c.job_id, sorted(new_jobs))
        these = among(connection, _jobs.c.id, sorted(new_jobs))
        own_maps = set(connection.scalars(select(_jobs.c.map_id).where(these, _jobs.c.map_id != 0)))
        awaiting = new_maps | own_maps  # the jobs of a map wait as the map does
        found = set(connection.scalars(select(_of_jobs.c.blocked_by).where(of_job)))
        found |= set(connection.scalars(select(_blockers.c.blocked_by).where(_blockers.c.map_id.in_(awaiting))))
        maps_found = set(connection.scalars(select(_of_maps.c.blocked_by_map_id).where(by_job)))
        maps_found |= set(
            connection.scalars(select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.map_id.in_(awaiting)))
        )
        new_jobs, new_maps = found - jobs, maps_found - maps - own_maps
        jobs |= new_jobs
        maps |= new_maps | own_maps
    return jobs, maps
