"""What a workflow holds besides its jobs, a page at a time: results, failures, workers, allocations, events, logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torc_nb.api import failures as failures_of
from torc_nb.api import inspection
from torc_nb.api.seldom import Seldom
from torc_nb.errors import InvalidRequest
from torc_nb.models import FAILURES, JobStatus, Record
from torc_nb.server.asked import Asked, Data
from torc_nb.server.jobs import NOTE, number
from torc_nb.server.plain import cut, plain, shortened
from torc_nb.store import allocations as allocations_of
from torc_nb.store import events as events_of
from torc_nb.store import jobs as jobs_of
from torc_nb.store import leases
from torc_nb.store import results as results_of
from torc_nb.store.failures import Failure
from torc_nb.widgets import shown

#: Of a traceback so many characters are shown, from its end.
_TRACEBACK = 20_000
#: Values of more characters are not read for a list.
_LONGEST = 10_000

_grouped = Seldom(failures_of.grouped)

#: What of a worker nobody reads.
_OF_MACHINES = {"workflow_id", "boot_id", "process_start", "packages"}


def results(asked: Asked) -> Data:
    """List parameters and results of a map's jobs side by side, in the order of its last call."""
    map_id = asked.map_id()
    if map_id is None:
        raise InvalidRequest("Results are listed by map: say which, ?map=NAME; …/maps lists them.")
    order = asked.api.map_order(map_id)
    first, last = asked.query.offset, asked.query.offset + asked.query.limit
    if order is None:
        total = number(asked, map_id, [])
        ids = jobs_of.chosen(
            asked.api.database, asked.workflow_id, map_id, limit=asked.query.limit, offset=asked.query.offset
        )
    else:
        total, ids = len(order), list(order[first:last])
    found = {row.id: row for row in results_of.briefly(asked.api.database, ids, _LONGEST)}
    says = asked.api.map_statuses(map_id)
    rows = [_result(found[id_], says(found[id_].status)) for id_ in ids if id_ in found]
    return asked.page(rows, total)


def _result(row: Any, status: JobStatus) -> Data:
    return {
        "job": row.id,
        "key": plain(row.key, row.key_size),
        "status": status.label,
        "params": plain(row.params, row.params_size),
        "result": plain(row.value, row.value_size),
        "seconds": row.seconds,
        "peak_memory": row.peak_memory,
        "error": None if row.error_type is None else cut(f"{row.error_type}: {row.error}", NOTE),
    }


def failures(asked: Asked) -> Data:
    """List failed jobs by what went wrong, the largest group first, with what the jobs of a group share."""
    found = _grouped_now(asked)
    rows = [
        {
            "group": one.group,
            "exception": shown.line(one.exception),
            "place": shown.line(one.place),
            "count": one.count,
            "message": cut(one.message, NOTE),
            "shared": [shown.line(said) for said in one.shared],
            "job": one.job_id,
            "jobs": list(one.job_ids),
            "traceback": None if one.traceback is None else one.traceback[-_TRACEBACK:],
        }
        for one in _slice(asked, found)
    ]
    return asked.page(rows, len(found))


def _grouped_now(asked: Asked) -> list[Failure]:
    """The groups, made anew where jobs failed, ran again or were all finished since."""
    database = asked.api.database
    workflow = asked.api.get_workflow(asked.workflow_id)
    map_id = asked.map_id()
    numbers = inspection.status_of_maps(database, asked.workflow_id)
    failed = [(one.map_id, [one.statuses.get(status) for status in FAILURES]) for one in numbers]
    is_over = all(status.is_finished for one in numbers for status in one.statuses)
    stands = (workflow.run_id, failed, is_over, events_of.newest(database, asked.workflow_id))
    return _grouped(database, asked.workflow_id, map_id, stands=stands, is_over=is_over)


def workers(asked: Asked) -> Data:
    """List all workers that the workflow ever had, the newest first."""
    return _newest(asked, leases, _OF_MACHINES)


def allocations(asked: Asked) -> Data:
    """List all allocations that the workflow ever had, the newest first."""
    return _newest(asked, allocations_of, {"workflow_id"})


def events(asked: Asked) -> Data:
    """List events, the newest first."""
    asked.api.get_workflow(asked.workflow_id)
    found = asked.api.list_events(asked.workflow_id, asked.query.limit, offset=asked.query.offset)
    total = events_of.number(asked.api.database, asked.workflow_id)
    return asked.page(_records(reversed(found), {"workflow_id"}), total)


def logs(asked: Asked) -> Data:
    """Return what the newest attempt of a job printed, and its traceback."""
    output = asked.api.logs(asked.workflow_id, asked.job_id)
    return {
        "job": output.job_id,
        "attempt": output.attempt,
        "stdout": output.stdout,
        "stderr": output.stderr,
        "traceback": output.traceback,
    }


def _newest(asked: Asked, table: Any, but: set[str]) -> Data:
    """A page of a table of records, the newest first."""
    database = asked.api.database
    asked.api.get_workflow(asked.workflow_id)
    found = table.listed(
        database, asked.workflow_id, limit=asked.query.limit, offset=asked.query.offset, newest_first=True
    )
    return asked.page(_records(found, but), table.number(database, asked.workflow_id))


def _slice(asked: Asked, found: Sequence[Any]) -> Sequence[Any]:
    return found[asked.query.offset : asked.query.offset + asked.query.limit]


def _records(found: Iterable[Record], but: set[str]) -> list[Data]:
    return [{name: _short(value) for name, value in one.model_dump(exclude=but).items()} for one in found]


def _short(value: Any) -> Any:
    return cut(value, 5000) if isinstance(value, str) else shortened(value)
