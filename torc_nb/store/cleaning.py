"""What a workflow could do without: attempts that are nobody's result, and files that nothing names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, delete, func, literal_column, or_, select

from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.maps import of_stretch, stretches

_jobs = schema.jobs
_results = schema.results
_recorded = schema.recorded_files
_data = schema.user_data

#: How many jobs one transaction looks at.
PIECE = 5000

#: How stored text names a file of large values; one that holds the text itself may name others.
NAMED = re.compile(r'"file":"([0-9a-f]{40})"')
HOLDS_TEXT = re.compile(r'"[$]torc":"file","file":"([0-9a-f]{40})"')


def superseded(database: Database, workflow_id: int, *, remove: bool) -> int:
    """Count the attempts that a later one has taken the place of, and remove them, in short transactions."""
    n = 0
    for first, last in stretches(database, workflow_id, PIECE):
        condition = _is_superseded(_results, workflow_id, first, last)
        with database.read() as connection:
            found = int(connection.scalar(select(func.count()).select_from(_results).where(condition)) or 0)
        if found and remove:
            with database.write() as connection:
                found = connection.execute(delete(_results).where(condition)).rowcount
                connection.execute(delete(_recorded).where(_is_superseded(_recorded, workflow_id, first, last)))
        n += found
    return n


def _is_superseded(table: Table, workflow_id: int, first: int, last: int) -> ColumnElement[bool]:
    """The condition on what a table has of attempts that a later one has taken the place of."""
    # What is a job's result, or tells what a job without one used. Other workflows' jobs have none: NULL.
    kept = (
        select(func.coalesce(_jobs.c.result_attempt, _jobs.c.attempt))
        .where(_jobs.c.id == table.c.job_id, _jobs.c.workflow_id == workflow_id)
        .scalar_subquery()
    )
    return table.c.job_id.between(first, last) & (table.c.attempt != kept)


def texts_with_files(database: Database, workflow_id: int) -> Iterator[str]:
    """Yield the stored texts that name files of large values."""
    for first, last in stretches(database, workflow_id, PIECE):
        ours = of_stretch(workflow_id, first, last)
        given = (_jobs.c.params, _jobs.c.replaced, _jobs.c.key)
        with database.stream() as connection:
            for row in connection.execute(select(*given).where(ours, or_(*(_names_file(one) for one in given)))):
                yield from (text for text in row if text is not None)
            made = select(_results.c.value).join(_jobs, _jobs.c.id == _results.c.job_id)
            of_these = _results.c.job_id.between(first, last)
            yield from connection.scalars(made.where(ours, of_these, _names_file(_results.c.value)))
    with database.stream() as connection:
        records = select(_data.c.data).where(_data.c.workflow_id == workflow_id, _names_file(_data.c.data))
        yield from connection.scalars(records).all()


def workers_with_output(database: Database, workflow_id: int) -> set[int]:
    """Return the workers whose logs hold what attempts printed that are still known."""
    printed = (_results.c.stdout_bytes + _results.c.stderr_bytes) > literal_column("0")
    found: set[int] = set()
    for first, last in stretches(database, workflow_id, PIECE):
        ours = of_stretch(workflow_id, first, last)
        statement = select(_results.c.worker_id).join(_jobs, _jobs.c.id == _results.c.job_id).distinct()
        with database.stream() as connection:
            of_these = _results.c.job_id.between(first, last)
            found |= set(connection.scalars(statement.where(ours, of_these, printed)))
    return found


def _names_file(column: ColumnElement[str]) -> ColumnElement[bool]:
    return column.contains('"file":"', autoescape=True)
