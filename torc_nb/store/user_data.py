"""User data: the inputs and outputs of jobs, which are columns of theirs, and records of their own beside these.

The input of job n has the key 2n, its output 2n + 1. A record of its own has the key 2n of an n that no job has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import JobStatus
from torc_nb.store import building, bulk, events, jobs, schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_maps = schema.maps
_functions = schema.functions
_records = schema.user_data
_relations = schema.job_user_data

#: How many rows one query of a long listing reads.
_PAGE = 5000


def of_jobs(
    database: Database, workflow_id: int, *, map_id: int | None = None, job_id: int | None = None
) -> Iterator[Row[Any]]:
    """Yield jobs with what they are given, the function that they call, and what they returned; a page a query.

    Jobs that run a command have neither input nor output of their own, and are left out.
    """
    is_part = map_id is not None or job_id is not None
    statement = (
        select(
            _jobs.c.id, _jobs.c.workflow_id, _jobs.c.map_id, _jobs.c.row, _jobs.c.name, _jobs.c.status, _jobs.c.params,
            _jobs.c.rev, _jobs.c.source_id, _jobs.c.collects, _jobs.c.result_attempt,
            _functions.c.id.label("function_id"), _functions.c.name.label("func"), _functions.c.module,
            _results.c.value,
        )
        .select_from(
            _jobs.outerjoin(_maps, _maps.c.id == _jobs.c.map_id)
            .outerjoin(_functions, _functions.c.id == func.coalesce(_jobs.c.function_id, _maps.c.function_id))
            .outerjoin(
                _results,
                (_results.c.job_id == _jobs.c.id)
                & (_results.c.attempt == _jobs.c.result_attempt)
                & (_jobs.c.status == int(JobStatus.COMPLETED)),
            )
        )
        .where(
            *([_jobs.c.workflow_id == workflow_id] if is_part else jobs.from_first_on(workflow_id)),
            _jobs.c.command.is_(None),
            (_jobs.c.map_id == 0) | (_maps.c.state == "ready"),
        )
        .order_by(_jobs.c.id)
    )  # fmt: skip
    if map_id is not None:
        statement = statement.where(_jobs.c.map_id == map_id)
    if job_id is not None:
        statement = statement.where(_jobs.c.id == job_id)
    yield from _paged(database, statement, _jobs.c.id)


def records(
    database: Database, workflow_id: int, *, job_id: int | None = None, relation: str | None = None
) -> Iterator[Row[Any]]:
    """Yield the records of a workflow, or those that a job consumes or stores, in the order of their keys."""
    statement = select(_records).where(_records.c.workflow_id == workflow_id).order_by(_records.c.id)
    if job_id is not None:
        related = select(_relations.c.user_data_id).where(_relations.c.job_id == job_id)
        if relation is not None:
            related = related.where(_relations.c.relation == relation)
        statement = statement.where(_records.c.id.in_(related))
    yield from _paged(database, statement, _records.c.id)


def _paged(database: Database, statement: Any, key: Any) -> Iterator[Row[Any]]:
    """Read in pages, so that a listing of a million keeps no transaction open while its reader thinks."""
    last = 0
    while True:
        with database.read() as connection:
            page = connection.execute(statement.where(key > last).limit(_PAGE)).all()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].id


def create(
    database: Database, workflow_id: int, name: str, text: str | None, digest: bytes | None, *, is_ephemeral: bool
) -> int:
    """Keep a record; returns its key."""
    with database.write() as connection:
        key = 2 * building.take_ids(connection, 1)
        connection.execute(
            insert(_records).values(
                id=key, workflow_id=workflow_id, name=name, data=text, digest=digest, rev=1, is_ephemeral=is_ephemeral
            )
        )
    return key


def get(database: Database, key: int) -> Row[Any] | None:
    """Return a record; None where there is none of this key."""
    with database.read() as connection:
        return connection.execute(select(_records).where(_records.c.id == key)).first()


def change(database: Database, key: int, rev: int, **values: Any) -> int:
    """Change a record that nobody changed since ``rev``; returns its new revision.

    Raises
    ------
    Conflict
        Somebody did, or it is gone.
    """
    with database.write() as connection:
        known = connection.execute(
            update(_records)
            .where(_records.c.id == key, _records.c.rev == rev)
            .values(rev=_records.c.rev + 1, **values)
            .returning(_records.c.workflow_id)
        ).first()
        if known is None:
            raise Conflict(f"User data {key} was changed or deleted by somebody else.")
        events.add(database, connection, known.workflow_id, "user data modified", key=key)
    return rev + 1


def remove(database: Database, key: int) -> None:
    """Delete a record and who consumes and stores it.

    Raises
    ------
    NotFound
        There is none.
    """
    with database.write() as connection:
        connection.execute(delete(_relations).where(_relations.c.user_data_id == key))
        if not connection.execute(delete(_records).where(_records.c.id == key)).rowcount:
            raise NotFound(f"There is no user data {key}; `%torc user-data list` shows those there are.")


def relate(connection: Connection, job_id: int, keys: Iterable[int], relation: str) -> None:
    """Note what a job consumes or stores; saying it twice does it once.

    Raises
    ------
    NotFound
        A key is no record's.
    Conflict
        Another job stores one of them: each has one origin.
    """
    for key in sorted(set(keys)):
        if connection.scalar(select(_records.c.id).where(_records.c.id == key).with_for_update()) is None:
            raise NotFound(f"There is no user data {key}; `%torc user-data list` shows those there are.")
        if relation == "stores":
            others = connection.scalars(
                select(_relations.c.job_id).where(
                    _relations.c.user_data_id == key, _relations.c.relation == relation, _relations.c.job_id != job_id
                )
            ).first()
            if others is not None:
                raise Conflict(f"User data {key} is stored by job {others} already; a job stores user data of its own.")
        row = {"job_id": job_id, "user_data_id": key, "relation": relation}
        statement = bulk.insert_on_conflict(connection.dialect.name, _relations)
        connection.execute(statement.values(row).on_conflict_do_nothing())


def related(database: Database, key: int) -> dict[str, list[int]]:
    """Return the jobs that consume a record, and those that store it."""
    with database.read() as connection:
        rows = connection.execute(
            select(_relations.c.relation, _relations.c.job_id)
            .where(_relations.c.user_data_id == key)
            .order_by(_relations.c.job_id)
        ).all()
    return {name: [row.job_id for row in rows if row.relation == name] for name in ("consumes", "stores")}
