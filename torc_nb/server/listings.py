"""What a workflow holds, a page at a time: jobs, results, failures, workers, allocations, events, logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torc_nb.api import inspection
from torc_nb.errors import InvalidRequest
from torc_nb.models import JobStatus, Record
from torc_nb.server.asked import Asked, Data
from torc_nb.server.plain import cut, plain
from torc_nb.store import jobs as jobs_of
from torc_nb.store import results as results_of
from torc_nb.widgets import shown

#: Of an error or a note so many characters are shown in a list, of a traceback so many.
_NOTE, _TRACEBACK = 500, 20_000
#: Values of more characters are not read for a list.
_LONGEST = 10_000

#: What of a worker nobody reads.
_OF_MACHINES = {"workflow_id", "boot_id", "process_start", "packages"}


def jobs(asked: Asked) -> Data:
    """List jobs in the order of their ids, of some statuses or of one map if asked."""
    asked.query.check_sort()
    map_id, statuses = asked.map_id(), asked.query.statuses
    total = _number(asked, map_id, statuses)
    left = min(asked.query.limit, total - asked.query.offset)
    if left <= 0:
        return asked.page([], total)
    found = jobs_of.listed(
        asked.api.database,
        asked.workflow_id,
        map_id=map_id,
        statuses=statuses or None,
        limit=left,
        offset=asked.query.offset,
        is_brief=True,
    )
    labels = asked.api.job_labels(asked.workflow_id, found)
    rows = [
        {
            "id": job.id,
            "name": shown.line(inspection.job_name(job)),
            "map": _line(labels.map_name(job)),
            "command": _line(labels.command(job)),
            "status": inspection.shown_status(job).label,
            "scheduling": _line(labels.scheduling(job)),
            "attempt": job.attempt,
            "priority": job.priority,
            "worker": job.worker_id,
            "note": _line(labels.note(job), _NOTE),
        }
        for job in found
    ]
    return asked.page(rows, total)


def results(asked: Asked) -> Data:
    """List parameters and results of a map's jobs side by side, in the order of its last call."""
    map_id = asked.map_id()
    if map_id is None:
        raise InvalidRequest("Results are listed by map: say which, ?map=NAME; …/maps lists them.")
    order = asked.api.map_order(map_id)
    first, last = asked.query.offset, asked.query.offset + asked.query.limit
    if order is None:
        total = _number(asked, map_id, [])
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
        "error": None if row.error_type is None else cut(f"{row.error_type}: {row.error}", _NOTE),
    }


def failures(asked: Asked) -> Data:
    """List failed jobs by what went wrong, the largest group first, with what the jobs of a group share."""
    asked.api.get_workflow(asked.workflow_id)
    found = asked.api.failures(asked.workflow_id, asked.map_id())
    rows = [
        {
            "group": one.group,
            "exception": shown.line(one.exception),
            "place": shown.line(one.place),
            "count": one.count,
            "message": cut(one.message, _NOTE),
            "shared": [shown.line(said) for said in one.shared],
            "job": one.job_id,
            "jobs": list(one.job_ids),
            "traceback": None if one.traceback is None else one.traceback[-_TRACEBACK:],
        }
        for one in _slice(asked, found)
    ]
    return asked.page(rows, len(found))


def workers(asked: Asked) -> Data:
    """List all workers that the workflow ever had, oldest first."""
    asked.api.get_workflow(asked.workflow_id)
    found = asked.api.list_workers(asked.workflow_id, asked.query.limit, asked.query.offset)
    return asked.page(_records(found, _OF_MACHINES), None)


def allocations(asked: Asked) -> Data:
    """List all allocations that the workflow ever had, oldest first."""
    asked.api.get_workflow(asked.workflow_id)
    found = asked.api.list_allocations(asked.workflow_id, asked.query.limit, asked.query.offset)
    return asked.page(_records(found, {"workflow_id"}), None)


def events(asked: Asked) -> Data:
    """List events, the newest first."""
    asked.api.get_workflow(asked.workflow_id)
    found = asked.api.list_events(asked.workflow_id, asked.query.limit, offset=asked.query.offset)
    return asked.page(_records(reversed(found), {"workflow_id"}), None)


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


def _number(asked: Asked, map_id: int | None, statuses: Sequence[JobStatus]) -> int:
    """How many jobs there are, from the counts that are kept."""
    stand = inspection.status_of_maps(asked.api.database, asked.workflow_id)
    return sum(
        n
        for one in stand
        if map_id is None or one.map_id == map_id
        for status, n in one.statuses.items()
        if not statuses or status in statuses
    )


def _slice(asked: Asked, found: Sequence[Any]) -> Sequence[Any]:
    return found[asked.query.offset : asked.query.offset + asked.query.limit]


def _records(found: Iterable[Record], but: set[str]) -> list[Data]:
    return [{name: _short(value) for name, value in one.model_dump(exclude=but).items()} for one in found]


def _short(value: Any) -> Any:
    return cut(value, 5000) if isinstance(value, str) else value


def _line(text: str | None, most: int = 200) -> str | None:
    return None if text is None else shown.line(text, most)
