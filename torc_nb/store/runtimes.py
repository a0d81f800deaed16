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


class Observed(NamedTuple):
    """The seconds that a plan may count with, and by what: ``longest`` of ``n`` jobs, or those that most keep to."""

    seconds: float
    n: int
    longest: float

    @property
    def is_by_few(self) -> bool:
        """Whether so few were seen that it is the longest of them, and some more."""
        return self.n < FEWEST


def expected(connection: Connection, map_id: int) -> float | None:
    """Return the seconds that a job of a map is likely to need at most: the 95th percentile of those that completed.

    Of these the last of the map's are looked at, since jobs are begun in the map's order: they stand next to those that
    come now. Only the map's current code counts. None where too few have completed.
    """
    seconds = _taken(connection, map_id)
    return _most_keep_to(seconds) if len(seconds) >= FEWEST else None


def observed(connection: Connection, map_id: int) -> Observed | None:
    """Return what a plan may count with: as ``expected``, and where fewer have completed the longest, with a margin."""
    seconds = _taken(connection, map_id)
    if not seconds:
        return None
    most = _most_keep_to(seconds) if len(seconds) >= FEWEST else MARGIN * seconds[-1]
    return Observed(most, len(seconds), seconds[-1])


def _most_keep_to(seconds: list[float]) -> float:
    return seconds[math.ceil(QUANTILE * len(seconds)) - 1]


def _taken(connection: Connection, map_id: int) -> list[float]:
    """Return the seconds that the last jobs of a map took which completed, the shortest first."""
    map_ = connection.execute(select(_maps.c.workflow_id, _maps.c.function_id).where(_maps.c.id == map_id)).first()
    if map_ is None:
        return []
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
    return sorted(connection.scalars(took))
