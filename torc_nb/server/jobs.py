"""The jobs of a workflow, a page at a time, in the order of their ids or in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torc_nb.api import inspection
from torc_nb.api.seldom import Seldom
from torc_nb.models import JobStatus
from torc_nb.server.asked import Asked, Data
from torc_nb.server.query import Sort
from torc_nb.store import events, orders, results
from torc_nb.store import jobs as jobs_of
from torc_nb.widgets import shown

#: Of a note so many characters are shown in a list.
NOTE = 500

#: Orders that are kept: of a million jobs, each is 8 MB. Of one in which nobody scrolls on, the first jobs are enough.
_MOST_ORDERS, _FIRST = 8, 1000

_orders = Seldom(orders.ordered, _MOST_ORDERS)


def jobs(asked: Asked) -> Data:
    """List jobs, of some statuses or of one map if asked."""
    map_id, statuses, sort = asked.map_id(), asked.query.statuses, asked.query.sort(orders.COLUMNS)
    if sort.is_by_id:
        found, total = _by_id(asked, map_id, statuses)
    else:
        found, total = _sorted(asked, map_id, statuses, sort)
    return asked.page(_rows(asked, found), total)


def number(asked: Asked, map_id: int | None, statuses: Sequence[JobStatus]) -> int:
    """How many jobs there are, from the counts that are kept."""
    stand = inspection.status_of_maps(asked.api.database, asked.workflow_id)
    return sum(
        n
        for one in stand
        if map_id is None or one.map_id == map_id
        for status, n in one.statuses.items()
        if not statuses or status in statuses
    )


def _by_id(asked: Asked, map_id: int | None, statuses: Sequence[JobStatus]) -> tuple[list[Any], int]:
    total = number(asked, map_id, statuses)
    left = min(asked.query.limit, total - asked.query.offset)
    if left <= 0:
        return [], total
    found = jobs_of.listed(
        asked.api.database,
        asked.workflow_id,
        map_id=map_id,
        statuses=statuses or None,
        limit=left,
        offset=asked.query.offset,
        is_brief=True,
    )
    return found, total


def _sorted(asked: Asked, map_id: int | None, statuses: Sequence[JobStatus], sort: Sort) -> tuple[list[Any], int]:
    """Cut a page out of an order that is kept, and made anew where jobs moved, though not all the time."""
    database, workflow_id = asked.api.database, asked.workflow_id
    numbers = inspection.status_of_maps(database, workflow_id)
    first, last = asked.query.offset, asked.query.offset + asked.query.limit
    order = _orders(
        database,
        workflow_id,
        sort.column,
        sort.is_descending,
        map_id,
        tuple(statuses),
        _FIRST if last <= _FIRST else None,
        stands=(numbers, events.newest(database, workflow_id)),
        is_over=all(status.is_finished for one in numbers for status in one.statuses),
    )
    ids = list(order[first:last])
    rows = {job.id: job for job in jobs_of.listed(database, workflow_id, job_ids=ids, is_brief=True)}
    return [rows[id_] for id_ in ids if id_ in rows], number(asked, map_id, statuses)


def _rows(asked: Asked, found: Sequence[Any]) -> list[Data]:
    labels = asked.api.job_labels(asked.workflow_id, found)
    measured = results.measured(asked.api.database, [job.id for job in found])
    return [
        {
            "id": job.id,
            "name": shown.line(inspection.job_name(job)),
            "map": line(labels.map_name(job)),
            "command": line(labels.command(job)),
            "status": inspection.shown_status(job).label,
            "scheduling": line(labels.scheduling(job)),
            "attempt": job.attempt,
            "priority": job.priority,
            "worker": job.worker_id,
            **_figures(measured.get(job.id)),
            "note": line(labels.note(job), NOTE),
        }
        for job in found
    ]


def _figures(attempt: Any) -> Data:
    return {name: getattr(attempt, name, None) for name in ("started", "seconds", "peak_memory")}


def line(text: str | None, most: int = 200) -> str | None:
    """One line of a text that may not be there."""
    return None if text is None else shown.line(text, most)
