"""Jobs, attempts, failures and records, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from torc_nb.api import FileChange, Status
from torc_nb.frames import columns
from torc_nb.models import JobStatus, Record

#: Fields of records that are seconds since the epoch.
_TIMES = {"created", "started", "last_seen", "lease_expires", "submitted", "ended", "time", "mtime", "excluded"}

#: What columns of records are made of, whatever stands in them: pandas' nullable types where a value may be missing.
_DTYPES: dict[Any, str] = {
    int: "int64",
    float: "float64",
    bool: "bool",
    str: "str",
    int | None: "Int64",
    float | None: "Float64",
    str | None: "string",
}

#: The columns of a result that are shown, and what they are called.
_ATTEMPT = {
    "attempt": "attempt",
    "run_id": "run_id",
    "status": "status",
    "return_code": "return_code",
    "late": "late",
    "host": "host",
    "worker_id": "worker",
    "started": "started",
    "seconds": "seconds",
    "cpu_seconds": "cpu_seconds",
    "peak_memory": "peak_memory",
    "stdout_bytes": "stdout_bytes",
    "stderr_bytes": "stderr_bytes",
    "error_type": "error_type",
    "error": "error",
}


def jobs(
    rows: Iterable[Any],
    name: Callable[[Any], str],
    shown: Callable[[Any], JobStatus],
    command: Callable[[Any], str | None] = lambda row: row.command,
    scheduling: Callable[[Any], str | None] = lambda row: None,
    note: Callable[[Any], str | None] = lambda row: row.note,
    map_name: Callable[[Any], str | None] = lambda row: row.map_name,
    memory: Callable[[Any], int | None] = lambda row: None,
) -> pd.DataFrame:
    """List jobs, one a row, by their ids.

    Parameters
    ----------
    rows
        Jobs with ``map_name``, as the database lists them.
    name, shown, command, scheduling, note, map_name, memory
        Say what a job is called, as what its status is shown, what it runs, whose nodes it is meant for, why it
        stands as it does, of which map it is, and how many bytes of memory it asks for.
    """
    rows = list(rows)
    table = {
        "name": columns.typed([name(row) for row in rows], "string"),
        "command": columns.typed([command(row) for row in rows], "string"),
        "status": columns.labels(shown(row) for row in rows),
        "scheduling": columns.typed([scheduling(row) for row in rows], "string"),
        "map": columns.typed([map_name(row) for row in rows], "string"),
        "attempt": columns.typed([row.attempt for row in rows], "int64"),
        "priority": columns.typed([row.priority for row in rows], "int64"),
        "memory": columns.typed([memory(row) for row in rows], "Int64"),
        "note": columns.typed([note(row) for row in rows], "string"),
    }
    return pd.DataFrame(table, index=_ids("job", [row.id for row in rows]))


def file_changes(changes: Sequence[FileChange]) -> pd.DataFrame:
    """List files that are not as jobs left them, by the ids of these jobs; times in UTC, sizes in bytes.

    A path that is no text, as any bytes may name a file, shows these bytes escaped.
    """
    paths = [change.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for change in changes]
    table = {
        "name": columns.natural([change.name for change in changes]),
        "map": columns.natural([change.map_name for change in changes]),
        "path": columns.natural(paths),
        "change": columns.natural([change.change for change in changes]),
        "recorded_size": columns.natural([change.recorded_size for change in changes]),
        "size": columns.natural([change.size for change in changes]),
        "recorded_mtime": columns.times([change.recorded_mtime for change in changes]),
        "mtime": columns.times([change.mtime for change in changes]),
    }
    return pd.DataFrame(table, index=_ids("job", [change.job_id for change in changes]))


def failures(groups: Sequence[Any]) -> pd.DataFrame:
    """List failed jobs by exception and place, the largest group first.

    Each has an example (its message, job and traceback), what its jobs share and those that completed do not, and the
    ids of some of them.
    """
    table = {
        "group": columns.natural([group.group for group in groups]),
        "exception": columns.natural([group.exception for group in groups]),
        "where": columns.natural([group.place for group in groups]),
        "count": columns.natural([group.count for group in groups]),
        "shared": columns.natural(["; ".join(group.shared) for group in groups]),
        "example": columns.natural([group.message for group in groups]),
        "job": columns.natural([group.job_id for group in groups]),
        "jobs": columns.objects([list(group.job_ids) for group in groups]),
        "traceback": columns.natural([group.traceback for group in groups]),
    }
    return pd.DataFrame(table)


def attempts(rows: Iterable[Any]) -> pd.DataFrame:
    """List attempts, one a row, by the ids of their jobs; times in seconds, memory in bytes."""
    rows = list(rows)
    table = {
        label: _column(field, [getattr(row, field) for row in rows], is_status=field == "status")
        for field, label in _ATTEMPT.items()
    }
    return pd.DataFrame(table, index=_ids("job", [row.job_id for row in rows]))


def records(
    kind: type[Record], found: Iterable[Record], drop: Sequence[str] = (), by: str = "id"
) -> pd.DataFrame:
    """List records of one kind, by their ids; times in UTC. None of them have the same columns.

    Parameters
    ----------
    kind
        What they are: its fields are the columns.
    drop
        Fields to leave out.
    by
        The field that identifies one.
    """
    rows = list(found)
    table = {
        name: _of_kind(name, [getattr(row, name) for row in rows], field.annotation)
        for name, field in kind.model_fields.items()
        if name != by and name not in drop
    }
    keys = [getattr(row, by) for row in rows]
    return pd.DataFrame(table, index=_ids(by, keys) if by == "id" else pd.Index(keys, name=by, dtype="object"))


def statuses(status: Status) -> pd.DataFrame:
    """Count jobs by status: one row a map, and one for all; jobs of no map stand under ``""``."""
    counted = [(one.name, one.statuses) for one in status.maps] + [("all", status.statuses)]
    table = {"jobs": [sum(numbers.values()) for _, numbers in counted]}
    table |= {one.label: [numbers.get(one, 0) for _, numbers in counted] for one in JobStatus}
    return pd.DataFrame(table, index=pd.Index([name for name, _ in counted], name="map"))


def _of_kind(field: str, values: list[Any], kind: Any) -> columns.Column:
    if kind in _DTYPES and field not in _TIMES:
        return columns.typed(values, _DTYPES[kind])
    return _column(field, values, is_status=kind is JobStatus)


def _column(field: str, values: list[Any], *, is_status: bool) -> columns.Column:
    if is_status:
        return columns.labels(values)
    return columns.times(values) if field in _TIMES else columns.natural(values)


def _ids(name: str, ids: list[int | None]) -> pd.Index[Any]:
    return pd.Index(ids, name=name, dtype="int64" if None not in ids else "object")
