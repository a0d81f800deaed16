"""How long jobs of a map are likely to take, as others of them took."""

from __future__ import annotations

import math

from sqlalchemy import Connection, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.spans import FAR

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results

#: From so many jobs on their run times say something about the others, and so many are looked at.
FEWEST, MOST = 10, 400
#: The share of these jobs that took no longer than what is expected.
QUANTILE = 0.95


def expected(connection: Connection, map_id: int) -> float | None:
    """Return the seconds that a job of a map is likely to need at most: the 95th percentile of those that completed.

    Of these the last of the map's are looked at, since jobs are begun in the map's order: they stand next to those that
    come now. Only the map's current code counts. None where too few have completed.
    """
    map_ = connection.execute(select(_maps.c.workflow_id, _maps.c.function_id).where(_maps.c.id == map_id)).first()
    if map_ is None:
        return None
    here = (_jobs.c.workflow_id == map_.workflow_id) & (_jobs.c.map_id == map_id)
    first, last = (select(end(_jobs.c.id)).where(here).scalar_subquery() for end in (func.min, func.max))
    completed = (
        select(_jobs.c.id, _jobs.c.map_id, _jobs.c.result_attempt)
        .where(
            _jobs.c.workflow_id == map_.workflow_id,
            _jobs.c.status == int(JobStatus.COMPLETED),
            _jobs.c.id.between(first, last),
        )
        .order_by(_jobs.c.id.desc())
        .limit(MOST)
        .subquery()
    )
    took = (
        select(_results.c.seconds)
        .join_from(
            completed,
            _results,
            (_results.c.job_id == completed.c.id) & (_results.c.attempt == completed.c.result_attempt),
        )
        .where(
            completed.c.map_id == map_id,
            _results.c.function_id == map_.function_id,
            _results.c.seconds < FAR,
        )
    )
    seconds = sorted(connection.scalars(took))
    return seconds[math.ceil(QUANTILE * len(seconds)) - 1] if len(seconds) >= FEWEST else None
