"""The first few names and ids that begin as somebody types."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, false, or_, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database

_workflows, _maps, _jobs = schema.workflows, schema.maps, schema.jobs

#: An id has at most so many digits.
_DIGITS = 12


def of_workflows(database: Database, begun: str, most: int) -> list[str]:
    """Return names of workflows, the newest first, each once."""
    newest = select(_workflows.c.name).order_by(_workflows.c.id.desc())
    # Of one name there may be many.
    return list(dict.fromkeys(_told(database, newest.where(_begins(_workflows.c.name, begun)).limit(10 * most))))[:most]


def of_maps(database: Database, workflow_id: int, begun: str, most: int) -> list[str]:
    """Return names of a workflow's maps, the newest first."""
    of_workflow = (_maps.c.workflow_id == workflow_id) & (_maps.c.state == "ready")
    newest = select(_maps.c.name).where(of_workflow, _begins(_maps.c.name, begun)).order_by(_maps.c.id.desc())
    return _told(database, newest.limit(most))


def of_jobs(database: Database, workflow_id: int, begun: str, most: int) -> list[tuple[int, str | None]]:
    """Return ids of a workflow's jobs that begin with some digits, and their names; failed ones first."""
    jobs = (
        select(_jobs.c.id, _jobs.c.name)
        .where(_jobs.c.workflow_id == workflow_id, _with_digits(begun))
        .order_by(_jobs.c.id)
        .limit(most)
    )
    with database.read() as connection:
        failed = connection.execute(jobs.where(_jobs.c.status == int(JobStatus.FAILED))).all()
        others = connection.execute(jobs).all() if len(failed) < most else []
    found = {row.id: row.name for row in (*failed, *others)}
    return list(found.items())[:most]


def _told(database: Database, statement: Select[tuple[str]]) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(statement))


def _begins(column: ColumnElement[str], begun: str) -> ColumnElement[bool]:
    return column.startswith(begun, autoescape=True)


def _with_digits(begun: str) -> ColumnElement[bool]:
    """The condition that an id begins so, as ranges, which an index finds."""
    if not begun:
        return _jobs.c.id > 0
    if not (begun.isascii() and begun.isdigit() and begun[0] != "0"):
        return false()
    first = int(begun)
    powers = (10**more for more in range(_DIGITS - len(begun)))
    return or_(*(_jobs.c.id.between(first * power, (first + 1) * power - 1) for power in powers))
