"""A workflow as records, one after the other: what another database takes in.

Read in short transactions while workers go on: a job that ends meanwhile travels as one that has not run.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, func, select

from torc_nb import models
from torc_nb.store import portable, schema, workflows
from torc_nb.store.database import Database
from torc_nb.store.maps import of_stretch, stretches
from torc_nb.store.portable import Portable

_jobs = schema.jobs
_maps = schema.maps
_sources = schema.module_sources

#: How many rows one transaction reads: each may hold a mebibyte.
PIECE = 1000


def records(database: Database, workflow_id: int) -> Iterator[Any]:
    """Yield what JSON has words for: a head, then for each table its name and columns, and its rows as lists.

    Raises
    ------
    NotFound
        There is no such workflow.
    """
    workflow = workflows.get(database, workflow_id)
    counted = {}
    yield _head(database, workflow)
    yield {"table": "module_sources", "columns": ["digest", "content"]}
    yield from _module_sources(database, workflow_id)
    for one in portable.TABLES:
        yield {"table": one.table.name, "columns": [column.name for column in one.columns]}
        n = 0
        for row in _rows(database, workflow_id, one):
            yield [_plain(value) for value in row]
            n += 1
        counted[one.table.name] = n
    yield {"end": counted}


def _head(database: Database, workflow: models.WorkflowModel) -> dict[str, Any]:
    """The ids of jobs and user data reach from the first to the last; they move together."""
    data = schema.user_data
    with database.read() as connection:
        first, last = connection.execute(
            select(func.min(_jobs.c.id), func.max(_jobs.c.id)).where(_jobs.c.workflow_id == workflow.id)
        ).one()
        lowest, highest = connection.execute(
            select(func.min(data.c.id), func.max(data.c.id)).where(data.c.workflow_id == workflow.id)
        ).one()
    numbers = [one for one in (first, last) if one is not None] + [
        one // 2 for one in (lowest, highest) if one is not None
    ]
    return {
        "torc_nb": portable.VERSION,
        "schema": schema.REVISION,
        "workflow": workflow.model_dump(),
        "ids": [min(numbers, default=1), max(numbers, default=0)],
    }


def _module_sources(database: Database, workflow_id: int) -> Iterator[list[Any]]:
    """Give the texts of the modules that the functions need, each once."""
    table = schema.functions
    with database.read() as connection:
        details = connection.scalars(select(table.c.details).where(table.c.workflow_id == workflow_id)).all()
    for digest in sorted({module["digest"] for one in details for module in one["modules"]}):
        with database.read() as connection:
            row = connection.execute(select(_sources).where(_sources.c.digest == bytes.fromhex(digest))).one()
        yield [_plain(row.digest), _plain(row.content)]


def _rows(database: Database, workflow_id: int, one: Portable) -> Iterator[Any]:
    visible = select(_maps.c.id).where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready")
    if one.table is _maps:
        yield from _all(database, one, _maps.c.id.in_(visible))
    elif one.table is _jobs:
        shown = (_jobs.c.map_id == 0) | _jobs.c.map_id.in_(visible)
        for first, last in stretches(database, workflow_id, PIECE):
            yield from _all(database, one, of_stretch(workflow_id, first, last), shown)
    elif one.key == "workflow_id":
        yield from _by_id(database, workflow_id, one)
    elif one.key == "job_id":
        key = one.table.c.job_id
        for first, last in stretches(database, workflow_id, PIECE) if _any(database, one) else ():
            ours = select(_jobs.c.id).where(of_stretch(workflow_id, first, last))
            yield from _all(database, one, key.between(first, last), key.in_(ours))
    else:
        yield from _all(database, one, one.table.c[one.key].in_(visible))


def _by_id(database: Database, workflow_id: int, one: Portable) -> Iterator[Any]:
    last = 0
    while True:
        of_workflow = (one.table.c.workflow_id == workflow_id) & (one.table.c.id > last)
        statement = select(*one.columns).where(of_workflow).order_by(one.table.c.id).limit(PIECE)
        with database.read() as connection:
            page = connection.execute(statement).all()
        yield from page
        if len(page) < PIECE:
            return
        last = page[-1].id


def _any(database: Database, one: Portable) -> bool:
    with database.read() as connection:
        return connection.execute(select(one.table).limit(1)).first() is not None


def _all(database: Database, one: Portable, *conditions: ColumnElement[bool]) -> list[Any]:
    statement = select(*one.columns).where(*conditions).order_by(*one.table.primary_key.columns)
    with database.read() as connection:
        return list(connection.execute(statement))


def _plain(value: Any) -> Any:
    return b64encode(value).decode("ascii") if isinstance(value, bytes | memoryview) else value
