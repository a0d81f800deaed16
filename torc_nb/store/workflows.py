"""Workflows: made, found, started, canceled, deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    delete,
    false,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from torc_nb import models, private
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import JobStatus
from torc_nb.store import events, schema, watch
from torc_nb.store.database import Database

_workflows = schema.workflows
_jobs = schema.jobs

#: How many rows one transaction of a large change touches: short, so that workers never wait long.
PIECE = 5000

#: What tells the locks on workflows' names from other advisory locks of PostgreSQL.
_NAMES = 0x746F7263


def create(database: Database, workflow: models.WorkflowModel) -> models.WorkflowModel:
    """Make a workflow and its folder for large values, logs and spools.

    Raises
    ------
    InvalidRequest
        A database on a server needs ``files``: a folder that every worker can see; or it cannot be made.
    """
    with database.write() as connection:
        workflow_id = _insert(database, connection, workflow)
    return get(database, workflow_id)


def opened(database: Database, workflow: models.WorkflowModel) -> tuple[models.WorkflowModel, bool]:
    """Return the newest workflow of this name and user, or make it; and whether it was made.

    Two that open a new name at once get the same. Who may only read gets the newest of any user.

    Raises
    ------
    InvalidRequest
        It is new, and has no folder; see :func:`create`.
    NotFound
        There is none, and this user may only read.
    """
    if database.is_read_only:
        return _newest_of_all(database, workflow.name), False
    wanted = workflow.model_copy(update={"user": workflow.user or private.user()})
    with database.read() as connection:
        known = _newest(connection, wanted)
    if known is not None:
        return get(database, known), False
    with database.write() as connection:
        if not database.is_sqlite:  # there, one writes at a time
            name = func.hashtext(f"{wanted.user} {wanted.name}")
            connection.execute(select(func.pg_advisory_xact_lock(_NAMES, name)))
        known = _newest(connection, wanted)
        workflow_id = known or _insert(database, connection, wanted)
    return get(database, workflow_id), known is None


def _newest_of_all(database: Database, name: str) -> models.WorkflowModel:
    known = [one for one in listed(database) if one.state != "deleted"]
    named = [one for one in known if one.name == name]
    if not named:
        there = ", ".join(sorted({one.name for one in known})) or "none"
        raise NotFound(f"There is no workflow {name!r} in {database!r}, which you may only read; there is {there}.")
    return named[-1]


def _newest(connection: Connection, wanted: models.WorkflowModel) -> int | None:
    id_: int | None = connection.scalar(
        select(func.max(_workflows.c.id)).where(
            _workflows.c.name == wanted.name, _workflows.c.user == wanted.user, _workflows.c.state != "deleted"
        )
    )
    return id_


def _insert(database: Database, connection: Connection, workflow: models.WorkflowModel) -> int:
    """Enter a workflow and make its folder: where that cannot be made, nothing is entered."""
    files = workflow.files or _default_files(database)
    values = workflow.model_dump(exclude={"id", "created"}) | {
        "user": workflow.user or private.user(),
        "created": database.now(connection),
        "files": files,
    }
    workflow_id = int(connection.scalar(insert(_workflows).values(values).returning(_workflows.c.id)) or 0)
    folder = Path(files) / str(workflow_id)
    try:
        private.make_folder(folder)
    except OSError as error:
        raise InvalidRequest(f"The folder {folder} cannot be made: {error.strerror}. Give another, files=…") from error
    connection.execute(update(_workflows).where(_workflows.c.id == workflow_id).values(files=str(folder)))
    events.add(database, connection, workflow_id, "workflow created", name=workflow.name)
    return workflow_id


def _default_files(database: Database) -> str:
    if database.folder is None:
        raise InvalidRequest(
            "A database on a server needs a folder for large values and logs that all workers see; "
            'give files="/a/shared/folder".'
        )
    return str(database.folder / "files")


def get(database: Database, workflow_id: int) -> models.WorkflowModel:
    """Return a workflow.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_workflows).where(_workflows.c.id == workflow_id)).mappings().first()
    if row is None:
        raise _not_found(database, workflow_id)
    return _record(database, row)


def files_folder(database: Database, workflow_id: int) -> Path:
    """Return the folder of a workflow's large values, logs and spools.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    return Path(get(database, workflow_id).files)


def listed(database: Database, name: str | None = None, user: str | None = None) -> list[models.WorkflowModel]:
    """Return the workflows, oldest first; those of a name or a user only where these are given."""
    statement = select(_workflows).order_by(_workflows.c.id)
    if name is not None:
        statement = statement.where(_workflows.c.name == name)
    if user is not None:
        statement = statement.where(_workflows.c.user == user)
    with database.read() as connection:
        return [_record(database, row) for row in connection.execute(statement).mappings()]


def set_state(
    database: Database, workflow_id: int, state: str, *, only: str | None = None, unless: str | None = None
) -> bool:
    """Move a workflow to ``started``, ``paused`` or ``canceled``; returns whether it stood elsewhere before.

    Parameters
    ----------
    only : str, optional
        The one state from which it is moved.
    unless : str, optional
        A state in which it is left.
    """
    others = [_workflows.c.state != state]
    if only is not None:
        others.append(_workflows.c.state == only)
    if unless is not None:
        others.append(_workflows.c.state != unless)
    with database.write() as connection:
        changed = connection.execute(
            update(_workflows).where(_workflows.c.id == workflow_id, *others).values(state=state)
        ).rowcount
        if changed:
            events.add(database, connection, workflow_id, f"workflow {state}")
            watch.announce(connection, workflow_id)
    return bool(changed)


def statuses(database: Database, workflow_id: int) -> dict[JobStatus, int]:
    """Return the number of jobs in each status, as they are shown."""
    return total(by_map(database, workflow_id))


def total(numbers_by_map: Mapping[int, Mapping[JobStatus, int]]) -> dict[JobStatus, int]:
    """Add up the numbers of all maps."""
    sums: Counter[JobStatus] = Counter()
    for numbers in numbers_by_map.values():
        sums.update(numbers)
    return dict(sorted(sums.items()))


def by_map(database: Database, workflow_id: int) -> dict[int, dict[JobStatus, int]]:
    """Return for each map (0: jobs of no map) the number of jobs in each status, as they are shown.

    Jobs of a workflow that was not started stand as ready or blocked already, and are shown as uninitialized; those of
    a map that waits for another are shown as blocked.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    found: dict[int, dict[JobStatus, int]] = {}
    for map_id, status, n in _numbers(database, workflow_id, _stand(workflow_id)):
        numbers = found.setdefault(map_id, {})
        numbers[status] = numbers.get(status, 0) + n
    return found


def of_map(database: Database, workflow_id: int, map_id: int) -> dict[JobStatus, int]:
    """Return how many jobs of a map, its postprocess included, are in each status, as they are shown.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    numbers: dict[JobStatus, int] = {}
    of_postprocess = (
        select(literal(0), _jobs.c.status, literal(1), _workflows.c.state, false())
        .join(schema.maps, schema.maps.c.postprocess_id == _jobs.c.id)
        .join(_workflows, _workflows.c.id == _jobs.c.workflow_id)
        .where(schema.maps.c.id == map_id)
    )
    statement = union_all(_stand(workflow_id).where(schema.job_counts.c.map_id == map_id), of_postprocess)
    for _, status, n in _numbers(database, workflow_id, statement):
        numbers[status] = numbers.get(status, 0) + n
    return numbers


def _stand(workflow_id: int) -> Select[Any]:
    """Map, stored status, number, state of the workflow, whether the map is blocked: in one question, as views poll."""
    counted, maps = schema.job_counts, schema.maps
    return (
        select(
            counted.c.map_id,
            counted.c.status,
            func.sum(counted.c.n),
            _workflows.c.state,
            func.coalesce(maps.c.blocked, false()),
        )
        .select_from(counted.join(_workflows, _workflows.c.id == counted.c.workflow_id))
        .outerjoin(maps, maps.c.id == counted.c.map_id)
        .where(counted.c.workflow_id == workflow_id)
        .group_by(counted.c.map_id, counted.c.status, _workflows.c.state, maps.c.blocked)
    )


def _numbers(
    database: Database, workflow_id: int, statement: Select[Any] | CompoundSelect[Any]
) -> Iterator[tuple[int, JobStatus, int]]:
    """Yield map, shown status, number."""
    with database.read() as connection:
        rows = connection.execute(statement).all()
    if not rows:
        get(database, workflow_id)  # which says so where there is no such workflow
    for map_id, status, n, state, blocked in rows:
        if n:
            yield map_id, shown_status(status, started=state != "created", blocked=bool(blocked)), int(n)


def shown_status(status: int, *, started: bool, blocked: bool) -> JobStatus:
    """Return the status that users see of a job that stands in ``status``."""
    if status in (JobStatus.READY, JobStatus.BLOCKED):
        if not started:
            return JobStatus.UNINITIALIZED
        if blocked:
            return JobStatus.BLOCKED
    return JobStatus(status)


def remove(database: Database, workflow_id: int) -> models.WorkflowModel:
    """Delete a workflow with all its jobs and results from the database, in short pieces; its folder stays.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    workflow = get(database, workflow_id)
    with database.write() as connection:
        connection.execute(update(_workflows).where(_workflows.c.id == workflow_id).values(state="deleted"))
    while True:
        with database.write() as connection:
            ids = connection.scalars(select(_jobs.c.id).where(_jobs.c.workflow_id == workflow_id).limit(PIECE)).all()
            if not ids:
                break
            delete_jobs(connection, ids)
    with database.write() as connection:
        _delete_rest(connection, workflow_id)
    return workflow


def _delete_rest(connection: Connection, workflow_id: int) -> None:
    """Delete a workflow without jobs; what has a foreign key to it goes with it."""
    of_maps = schema.map_dependencies
    maps = select(schema.maps.c.id).where(schema.maps.c.workflow_id == workflow_id)
    connection.execute(delete(of_maps).where(of_maps.c.blocked_by_map_id.in_(maps)))
    connection.execute(delete(schema.map_blockers).where(schema.map_blockers.c.map_id.in_(maps)))
    workers = select(schema.workers.c.id).where(schema.workers.c.workflow_id == workflow_id)
    connection.execute(delete(schema.cancellations).where(schema.cancellations.c.worker_id.in_(workers)))
    for table in (schema.job_counts, schema.events):
        connection.execute(delete(table).where(table.c.workflow_id == workflow_id))
    connection.execute(delete(_workflows).where(_workflows.c.id == workflow_id))


def delete_jobs(connection: Connection, ids: Sequence[int]) -> None:
    """Delete jobs with their results and relations, in the caller's transaction."""
    relations = (
        schema.results.c.job_id,
        schema.recorded_files.c.job_id,
        schema.job_dependencies.c.job_id,
        schema.job_dependencies.c.blocked_by,
        schema.map_dependencies.c.job_id,
        schema.map_blockers.c.blocked_by,
        schema.job_user_data.c.job_id,
        schema.job_files.c.job_id,
        _jobs.c.id,
    )
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        for column in relations:
            connection.execute(delete(column.table).where(column.in_(part)))


def _record(database: Database, row: Mapping[Any, Any]) -> models.WorkflowModel:
    """Read a row; the files of a copy are beside it, wherever that was unpacked."""
    found = models.WorkflowModel(**{str(name): value for name, value in row.items()})
    return found.model_copy(update={"files": str(database.folder)}) if database.is_copy else found


def _not_found(database: Database, workflow_id: int) -> NotFound:
    return NotFound(
        f"There is no workflow {workflow_id} in {database!r}; `%torc workflows list` shows those there are."
    )
