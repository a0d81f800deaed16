"""The jobs of a workflow in another order than that of their ids."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import case, false, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.jobs import PRIORITY, stands_in

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results
_workflows = schema.workflows

#: Rows fetched from the driver at a time: other threads go on in between.
_CHUNK = 10_000

_waits = _jobs.c.status.in_([int(JobStatus.READY), int(JobStatus.BLOCKED)])
_shown = case(
    (_waits & (_workflows.c.state == "created"), int(JobStatus.UNINITIALIZED)),
    (_waits & func.coalesce(_maps.c.blocked, false()), int(JobStatus.BLOCKED)),
    else_=_jobs.c.status,
)

_OF_ATTEMPTS = {name: _results.c[name] for name in ("started", "seconds", "peak_memory")}

#: What jobs can be ordered by: statuses as they are shown, and figures of the newest attempt that has ended.
COLUMNS: Mapping[str, Any] = MappingProxyType(
    {
        "id": _jobs.c.id,
        "status": _shown,
        "attempt": _jobs.c.attempt,
        "priority": PRIORITY,
        **_OF_ATTEMPTS,
    }
)


def ordered(
    database: Database,
    workflow_id: int,
    by: str,
    is_descending: bool = False,
    map_id: int | None = None,
    statuses: Sequence[JobStatus] = (),
    limit: int | None = None,
) -> Sequence[int]:
    """Return the ids of jobs, eight bytes each, in the order of one of the columns; equal ones by their ids.

    Those that have no such figure come last, in either direction. A million take a second or two, the first of them
    half of that.

    Parameters
    ----------
    map_id, statuses
        Those of a map, or those that are shown in one of these statuses, only.
    limit
        The first so many of them; None: all.
    """
    column = COLUMNS[by]
    source = _jobs.join(_workflows, _workflows.c.id == _jobs.c.workflow_id).outerjoin(
        _maps, _maps.c.id == _jobs.c.map_id
    )
    if by in _OF_ATTEMPTS:
        effective = (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)
        source = source.outerjoin(_results, effective)
    statement = (
        select(_jobs.c.id)
        .select_from(source)
        .where(_jobs.c.workflow_id == workflow_id, (_jobs.c.map_id == 0) | (_maps.c.state == "ready"))
        .order_by((column.desc() if is_descending else column).nulls_last(), _jobs.c.id)
    )
    if map_id is not None:
        statement = statement.where(_jobs.c.map_id == map_id)
    if statuses:
        statement = statement.where(stands_in(statuses))
    ids = array("q")
    with database.read() as connection:
        # The driver's own tuples: there may be a million, and they need no conversion.
        cursor = connection.execute(statement.limit(limit)).cursor
        while rows := cursor.fetchmany(_CHUNK):
            ids.extend(id_ for (id_,) in rows)
    return ids
