"""Calls submitted one by one: rows of a map that grows, each with the code it was submitted with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.functions.submitted import SUBMITTED
from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import building, bulk, counts, events, schema, watch
from torc_nb.store.database import Database
from torc_nb.store.declaring import find
from torc_nb.store.idsets import among

_maps = schema.maps
_jobs = schema.jobs
_results = schema.results

_COLUMNS = (
    "id", "workflow_id", "map_id", "row", "status", "priority", "requirement_id", "params", "params_digest",
    "declared_digest", "rev", "attempt", "interruptions", "function_id",
)  # fmt: skip


class Call(NamedTuple):
    """One call to be made: of which map it is a row, with which code, and its arguments as stored."""

    map_id: int
    requirement_id: int
    function_id: int
    text: str
    digest: bytes


def open_map(
    database: Database, workflow_id: int, name: str, function_id: int, environment_id: int, requirement_id: int
) -> int:
    """Return the map of a name to which calls are added, with the newest settings; makes it where there is none."""
    settings = {
        "function_id": function_id, "environment_id": environment_id, "requirement_id": requirement_id,
        "declared_requirement_id": requirement_id,
    }  # fmt: skip
    try:
        return _opened(database, workflow_id, name, settings)
    except IntegrityError:  # another kernel made it at the same moment
        return _opened(database, workflow_id, name, settings)


def _opened(database: Database, workflow_id: int, name: str, settings: dict[str, int]) -> int:
    known = find(database, workflow_id, name)
    if known is not None and known.call != SUBMITTED:
        raise InvalidRequest(f"The name {name!r} of the map for submitted calls is taken by a map that was declared.")
    with database.write() as connection:
        values = settings | {"touched": database.now(connection)}
        if known is not None:
            connection.execute(update(_maps).where(_maps.c.id == known.id).values(values))
            return int(known.id)
        created = values | {
            "workflow_id": workflow_id, "name": name, "state": "ready", "created": values["touched"],
            "call": SUBMITTED, "shape": {"kind": "values", "key": []},
        }  # fmt: skip
        map_id: int = connection.scalar(insert(_maps).values(created).returning(_maps.c.id))
        events.add(database, connection, workflow_id, "map declared", map_id=map_id, name=name, new=0)
    return map_id


def append(database: Database, workflow_id: int, calls: Sequence[Call], attempts: list[int] | None = None) -> int:
    """Make calls jobs, ready to run, in one transaction; returns the first of their consecutive ids.

    Parameters
    ----------
    attempts : list of int, optional
        The first ids that the same calls were given before, when the database fell silent: it may have been while it
        said that they are stored, and what is there is not stored twice. The id of this attempt is added.

    Raises
    ------
    NotFound
        The workflow, or a map, was deleted meanwhile.
    InvalidRequest
        The workflow was canceled.
    """
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        for first in attempts or ():
            if _are_there(connection, first, calls):
                return first
        _check_runs(connection, workflow_id)
        first = building.take_ids(connection, len(calls))  # held until the commit: one after the other numbers rows
        if attempts is not None:
            attempts.append(first)
        next_rows = _next_rows(connection, workflow_id, {call.map_id for call in calls})
        rows = []
        for job_id, call in enumerate(calls, start=first):
            row = next_rows[call.map_id]
            next_rows[call.map_id] = row + 1
            rows.append(
                (
                    job_id, workflow_id, call.map_id, row, int(JobStatus.READY), 0, call.requirement_id, call.text,
                    call.digest, call.digest, 1, 0, 0, call.function_id,
                )
            )  # fmt: skip
            tally.add(call.map_id, call.requirement_id, JobStatus.READY)
        bulk.insert_rows(connection, _jobs, _COLUMNS, rows)
        tally.write(connection)
        watch.announce(connection, workflow_id)
    return first


def _are_there(connection: Connection, first: int, calls: Sequence[Call]) -> bool:
    """Whether these calls are the jobs from an id on; the ids of what was not stored may be those of others by now."""
    columns = (_jobs.c.map_id, _jobs.c.function_id, _jobs.c.declared_digest)
    ids = _jobs.c.id.between(first, first + len(calls) - 1)
    found = connection.execute(select(*columns).where(ids).order_by(_jobs.c.id))
    stored = [(row.map_id, row.function_id, bytes(row.declared_digest)) for row in found]
    return stored == [(call.map_id, call.function_id, call.digest) for call in calls]


def _check_runs(connection: Connection, workflow_id: int) -> None:
    workflow = connection.execute(_WORKFLOW, {"workflow": workflow_id}).first()
    if workflow is None:
        raise NotFound(f"Workflow {workflow_id} was deleted, and with it what was submitted to it.")
    if workflow.state == "canceled":
        raise InvalidRequest(f"Workflow {workflow.name} was canceled; wf.start() lets it run again. Then submit again.")


def _next_rows(connection: Connection, workflow_id: int, map_ids: Collection[int]) -> dict[int, int]:
    """The number of the next row of each of these maps; the newest job of a map has its largest."""
    next_rows = {}
    for map_id in sorted(map_ids):
        found = connection.execute(_NEWEST_ROW, {"workflow": workflow_id, "map": map_id}).first()
        if found is None:
            raise NotFound(f"The map {map_id} of submitted calls was deleted; submit with a new executor.")
        next_rows[map_id] = 0 if found.newest is None else found.newest + 1
    return next_rows


# Statements that are made once cost half of those that are made each time they are executed.
_workflows = schema.workflows
_WORKFLOW = select(_workflows.c.name, _workflows.c.state).where(_workflows.c.id == bindparam("workflow"))
_NEWEST_ROW = select(
    select(_jobs.c.row)
    .where(_jobs.c.workflow_id == bindparam("workflow"), _jobs.c.map_id == bindparam("map"))
    .order_by(_jobs.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("newest")
).where(_maps.c.id == bindparam("map"), _maps.c.state == "ready")


def ended(database: Database, job_ids: Sequence[int]) -> list[Row[Any]]:
    """Return those of these jobs that have finished, with what came of them."""
    with database.read() as connection:
        return list(connection.execute(_ENDED.where(among(connection, _jobs.c.id, job_ids))))


_ENDED = (
    select(
        _jobs.c.id, _jobs.c.status, _jobs.c.note, _results.c.value, _results.c.error_type, _results.c.error,
        _results.c.traceback,
    )
    .select_from(
        _jobs.outerjoin(
            _results, (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt)
        )
    )
    .where(_jobs.c.status.in_([int(status) for status in FINISHED]))
)  # fmt: skip


def gone(database: Database, job_ids: Sequence[int]) -> set[int]:
    """Return those of these jobs that are not there any more."""
    with database.read() as connection:
        there = connection.scalars(select(_jobs.c.id).where(among(connection, _jobs.c.id, job_ids)))
        return set(job_ids).difference(there)


def running(database: Database, job_id: int) -> bool:
    """Whether a worker has the job."""
    claimed = select(func.count()).select_from(_jobs).where(_jobs.c.id == job_id, schema.CLAIMED)
    with database.read() as connection:
        return bool(connection.scalar(claimed))
