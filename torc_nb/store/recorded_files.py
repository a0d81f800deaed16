"""Files as attempts left them: written with the ends of these, read where somebody asks whether they still are so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from torc_nb.models import Completion, JobStatus
from torc_nb.store import bulk, schema
from torc_nb.store.database import Database
from torc_nb.store.maps import of_stretch, stretches

_jobs = schema.jobs
_maps = schema.maps
_recorded = schema.recorded_files

_COLUMNS = ("job_id", "attempt", "number", "path", "mtime", "size")

#: How many jobs one query looks at.
PIECE = 5000


def keep(connection: Connection, completions: Sequence[Completion]) -> None:
    """Keep how attempts left files; each attempt is told of once."""
    rows = [
        (done.job_id, done.attempt, number, _to_bytes(path), mtime, size)
        for done in completions
        for number, (path, mtime, size) in enumerate(done.files or ())
    ]
    bulk.insert_rows(connection, _recorded, _COLUMNS, rows)


def of_completed(database: Database, workflow_id: int, map_id: int | None = None) -> Iterator[tuple[Row[Any], str]]:
    """Yield the files that completed jobs have left, each with its path; those of one map only, if asked.

    In the order of the jobs' ids. No transaction is open while the caller looks at them.
    """
    if not _has_any(database):
        return
    for first, last in stretches(database, workflow_id, PIECE):
        statement = _listing().where(of_stretch(workflow_id, first, last), _recorded.c.job_id.between(first, last))
        if map_id is not None:
            statement = statement.where(_jobs.c.map_id == map_id)
        with database.read() as connection:
            found = connection.execute(statement).all()
        yield from ((row, _to_text(row.path)) for row in found)


def forget(connection: Connection, job_ids: Any, path: str) -> None:
    """Forget how some jobs (ids, or a query for them) left a file."""
    connection.execute(delete(_recorded).where(_recorded.c.job_id.in_(job_ids), _recorded.c.path == _to_bytes(path)))


def _has_any(database: Database) -> bool:
    with database.read() as connection:
        return connection.execute(select(_recorded.c.job_id).limit(1)).first() is not None


def _listing() -> Any:
    """The files of the attempts that are their jobs' results, with what is shown of the job."""
    is_result = (_recorded.c.job_id == _jobs.c.id) & (_recorded.c.attempt == _jobs.c.result_attempt)
    return (
        select(_recorded, _jobs.c.name, _jobs.c.row, _maps.c.name.label("map_name"))
        .join(_jobs, is_result)
        .outerjoin(_maps, _maps.c.id == _jobs.c.map_id)
        .where((_jobs.c.map_id == 0) | (_maps.c.state == "ready"), _jobs.c.status == int(JobStatus.COMPLETED))
        .order_by(_recorded.c.job_id, _recorded.c.number)
    )


def _to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _to_text(path: bytes) -> str:
    return bytes(path).decode("utf-8", "surrogateescape")
