"""What attempts ended with: values, errors, and where their output stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, case, func, select

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import among
from torc_nb.store.tuples import tuples

_jobs = schema.jobs
_results = schema.results
_workers = schema.workers

#: Rows fetched from the driver at a time.
CHUNK = 10_000

_effective = (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)

PROVENANCE = (
    "run_id", "attempt", "return_code", "function_id", "worker_id", "started", "seconds", "cpu_seconds",
    "peak_memory", "error_type", "error",
)  # fmt: skip


def of_map(
    database: Database,
    workflow_id: int,
    map_id: int,
    *,
    provenance: bool = False,
    statuses: Sequence[JobStatus] | None = None,
    job_ids: Sequence[int] | None = None,
    limit: int | None = None,
    chunk: int = CHUNK,
) -> Iterator[Sequence[Any]]:
    """Yield (job id, key, status, params, value) of a map's jobs in the order of their ids, then the provenance.

    ``value`` is None where a job has not completed; ``chunk`` rows are fetched at a time.
    """
    columns: list[Any] = [_jobs.c.id, _jobs.c.key, _jobs.c.status, _jobs.c.params, _results.c.value]
    if provenance:
        columns += [_results.c[name] for name in PROVENANCE] + [_workers.c.host]
    source = _jobs.outerjoin(_results, _effective)
    if provenance:
        source = source.outerjoin(_workers, _workers.c.id == _results.c.worker_id)
    statement = (
        select(*columns)
        .select_from(source)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
        .order_by(_jobs.c.id)
    )
    if statuses is not None:
        statement = statement.where(_jobs.c.status.in_([int(status) for status in statuses]))
    if limit is not None:
        statement = statement.limit(limit)
    with database.stream() as connection:
        if job_ids is not None:
            statement = statement.where(among(connection, _jobs.c.id, job_ids))
        # A reader that stops half-way closes its cursor too.
        with connection.execution_options(yield_per=chunk).execute(statement) as found:
            yield from tuples(found, chunk)


def values_of_map(database: Database, workflow_id: int, map_id: int) -> list[tuple[int, str | None]]:
    """Return (job id, value) of a map's completed jobs in the order of their ids: what postprocess collects."""
    statement = (
        select(_jobs.c.id, _results.c.value)
        .join(_results, _effective)
        .where(
            _jobs.c.workflow_id == workflow_id,
            _jobs.c.map_id == map_id,
            _jobs.c.status == int(JobStatus.COMPLETED),
        )
        .order_by(_jobs.c.id)
    )
    with database.read() as connection:
        # The driver's own tuples: there may be a million, and they need no conversion.
        return connection.execute(statement).cursor.fetchall()  # type: ignore[return-value]


def values_of_jobs(database: Database, job_ids: Sequence[int]) -> dict[int, str | None]:
    """Return the values of those of these jobs that completed."""
    found: dict[int, str | None] = {}
    with database.read() as connection:
        for start in range(0, len(job_ids), 500):
            statement = (
                select(_jobs.c.id, _results.c.value)
                .join(_results, _effective)
                .where(_jobs.c.id.in_(job_ids[start : start + 500]), _jobs.c.status == int(JobStatus.COMPLETED))
            )
            found |= {row[0]: row[1] for row in connection.execute(statement)}
    return found


def briefly(database: Database, job_ids: Sequence[int], longest: int) -> list[Row[Any]]:
    """Return parameters and results of jobs, with their sizes in characters; longer ones are left out."""
    columns: list[Any] = []
    for name, column in (("key", _jobs.c.key), ("params", _jobs.c.params), ("value", _results.c.value)):
        size = func.length(column)
        columns += [case((size <= longest, column)).label(name), size.label(f"{name}_size")]
    statement = select(
        _jobs.c.id, _jobs.c.status, *columns, _results.c.seconds, _results.c.peak_memory, _results.c.error_type,
        func.substr(_results.c.error, 1, longest).label("error"),
    ).select_from(_jobs.outerjoin(_results, _effective))  # fmt: skip
    with database.read() as connection:
        return list(connection.execute(statement.where(among(connection, _jobs.c.id, job_ids))))


def measured(database: Database, job_ids: Sequence[int]) -> dict[int, Any]:
    """Return when the newest finished attempt of each of these jobs began, its seconds and its peak memory, by job."""
    statement = select(_jobs.c.id, _results.c.started, _results.c.seconds, _results.c.peak_memory)
    with database.read() as connection:
        found = connection.execute(statement.join(_results, _effective).where(among(connection, _jobs.c.id, job_ids)))
        return {row.id: row for row in found}


def errors(database: Database, job_ids: Sequence[int]) -> dict[int, str]:
    """Return in one line what went wrong with those of these jobs that failed with an exception."""
    found: dict[int, str] = {}
    with database.read() as connection:
        for start in range(0, len(job_ids), 500):
            statement = (
                select(_jobs.c.id, _results.c.error_type, _results.c.error)
                .join(_results, _effective)
                .where(_jobs.c.id.in_(job_ids[start : start + 500]), _results.c.error_type.is_not(None))
            )
            found |= {row.id: f"{row.error_type}: {row.error}" for row in connection.execute(statement)}
    return found


def effective(database: Database, job_id: int) -> Row[Any]:
    """Return the newest result of a job, whatever its end.

    Raises
    ------
    NotFound
        The job has none yet.
    """
    with database.read() as connection:
        row = connection.execute(
            select(_results, _workers.c.host)
            .join(_jobs, _effective)
            .outerjoin(_workers, _workers.c.id == _results.c.worker_id)
            .where(_jobs.c.id == job_id)
        ).first()
    if row is None:
        raise NotFound(f"Job {job_id} has no result yet; `%torc jobs list` shows where it stands.")
    return row


def attempts(database: Database, workflow_id: int, job_id: int | None = None) -> list[Row[Any]]:
    """Return all attempts of a workflow, or of one job of it, oldest first, without their values."""
    columns = [column for column in _results.c if column.name not in ("value", "traceback")]
    statement = (
        select(*columns, _workers.c.host)
        .join(_jobs, _jobs.c.id == _results.c.job_id)
        .outerjoin(_workers, _workers.c.id == _results.c.worker_id)
        .where(_jobs.c.workflow_id == workflow_id)
        .order_by(_results.c.job_id, _results.c.attempt)
    )
    if job_id is not None:
        statement = statement.where(_jobs.c.id == job_id)
    with database.read() as connection:
        return list(connection.execute(statement))
