"""How long jobs of a map are likely to take, as others of them took."""

from __future__ import annotations

import math
from typing import NamedTuple

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
#: By how much more than the longest of fewer a plan counts with.
MARGIN = 1.25
#: Jobs are alike where what nearly all keep to is no more than so many times what half of them took.
ALIKE = 1.5


class Observed(NamedTuple):
    """What ``n`` completed jobs of a map took, in seconds: half of them no longer than this, nearly all, and any."""

    n: int
    half: float
    most: float
    longest: float

    @property
    def is_by_few(self) -> bool:
        """Whether so few were seen that they say little of the others."""
        return self.n < FEWEST

    @property
    def seconds(self) -> float:
        """What a plan may count with: what nearly all keep to; where few were seen the longest, with a margin."""
        return MARGIN * self.longest if self.is_by_few else self.most

    @property
    def are_alike(self) -> bool:
        """Whether they say when another is likely to end, not only when at the latest."""
        return self.most <= ALIKE * self.half


def expected(connection: Connection, map_id: int) -> float | None:
    """Return the seconds that a job of a map is likely to need at most: the 95th percentile of those that completed.

    None where too few have completed.
    """
    found = observed(connection, map_id)
    return None if found is None or found.is_by_few else found.most


def observed(connection: Connection, map_id: int) -> Observed | None:
    """Return what the jobs of a map took that completed; None where none has.

    Of these the last of the map's are looked at, since jobs are begun in the map's order: they stand next to those that
    come now. Only the map's current code counts.
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
    if not seconds:
        return None
    half, most = (seconds[math.ceil(share * len(seconds)) - 1] for share in (0.5, QUANTILE))
    return Observed(len(seconds), half, most, seconds[-1])
