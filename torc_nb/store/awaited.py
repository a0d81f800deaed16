"""What something waits for, as users name it: by the ids of jobs, which may be all the jobs of a map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import index  # a DataFrame's labels are numpy's, of which a driver would make blobs
from typing import NamedTuple

from sqlalchemy import select

from torc_nb.errors import NotFound
from torc_nb.store import blockers, schema
from torc_nb.store.database import Database
from torc_nb.store.maps import job_total

_jobs = schema.jobs

#: How many ids go into one IN (…).
_CHUNK = 500


class Awaited(NamedTuple):
    """Whole maps, and jobs of which not all of their map are meant."""

    maps: tuple[int, ...] = ()
    jobs: tuple[int, ...] = ()


def split(database: Database, workflow_id: int, job_ids: Iterable[int]) -> Awaited:
    """Put jobs to wait for together where they are all the jobs of a map.

    Raises
    ------
    NotFound
        One of them is no job of the workflow.
    """
    ids = sorted({index(job_id) for job_id in job_ids})
    map_of: dict[int, int] = {}
    with database.read() as connection:
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            rows = connection.execute(
                select(_jobs.c.id, _jobs.c.map_id).where(_jobs.c.id.in_(part), _jobs.c.workflow_id == workflow_id)
            )
            map_of |= {row.id: row.map_id for row in rows}
        for job_id in ids:
            if job_id not in map_of:
                raise NotFound(
                    f"There is no job {job_id} in workflow {workflow_id} to wait for; `%torc jobs list` shows them."
                )
        given = Counter(map_of.values())
        whole = {map_id for map_id, n in given.items() if map_id and n == job_total(connection, workflow_id, map_id)}
    return Awaited(tuple(sorted(whole)), tuple(job_id for job_id in ids if map_of[job_id] not in whole))


def by_map(database: Database, map_id: int) -> Awaited:
    """Return what a map waits for, or waited for."""
    after = schema.map_dependencies
    with database.read() as connection:
        as_wholes = select(after.c.blocked_by_map_id).where(after.c.map_id == map_id, after.c.each.is_(False))
        whole = connection.scalars(as_wholes).all()
        single = [row[0] for row in connection.execute(blockers.of_map(map_id))]
    return Awaited(tuple(sorted(whole)), tuple(sorted(single)))
