"""Jobs: listed, canceled, set aside by the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index  # a DataFrame's labels are numpy's, of which a driver would make blobs
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, select, union_all, update

from torc_nb.errors import NotFound
from torc_nb.models import CLAIMED, FINISHED, MOVES, JobStatus
from torc_nb.store import cancellations, counts, dependencies, events, moves, resetting, schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import Ids, among
from torc_nb.store.slices import slice_of

_jobs = schema.jobs
_maps = schema.maps
_workflows = schema.workflows

#: A map's priority may have been set since its jobs were made.
PRIORITY = func.coalesce(_maps.c.priority, _jobs.c.priority)

_BRIEF = [column for column in _jobs.c if column.name not in ("params", "key", "replaced")]

#: How many jobs one transaction of a large change moves.
PIECE = 5000


def get(database: Database, job_id: int) -> Row[Any]:
    """Return a job with its map's name and order.

    Raises
    ------
    NotFound
        No visible job of that id.
    """
    with database.read() as connection:
        row = connection.execute(_listing().where(_jobs.c.id == index(job_id))).first()
    if row is None:
        raise NotFound(f"There is no job {job_id}; `%torc jobs list` shows those there are.")
    return row


def listed(
    database: Database,
    workflow_id: int,
    *,
    map_id: int | None = None,
    statuses: Sequence[JobStatus] | None = None,
    job_ids: Sequence[int] | None = None,
    limit: int | None = None,
    offset: int = 0,
    is_brief: bool = False,
) -> list[Row[Any]]:
    """Return jobs in the order of their ids, those of some statuses as shown, or of some ids only, if asked.

    Brief ones come without their parameters, which may be large.
    """
    statement = _listing(_BRIEF if is_brief else _jobs.c).order_by(_jobs.c.id)
    with database.read() as connection:
        if job_ids is not None:
            found = among(connection, _jobs.c.id, job_ids)
            # SQLite would rather look through all jobs of the workflow.
            of_workflow = _jobs.c.workflow_id + literal_column("0") == workflow_id
            statement = slice_of(_filtered(statement.where(found, of_workflow), map_id, statuses), limit, offset)
        elif limit is None:
            of_workflow = _jobs.c.workflow_id == workflow_id
            statement = slice_of(_filtered(statement.where(of_workflow), map_id, statuses), limit, offset)
        else:  # a page is cut out before more than the ids of its jobs is read
            page = slice_of(_ids(workflow_id, map_id, statuses), limit, offset)
            statement = statement.where(_jobs.c.id.in_(page))
        return list(connection.execute(statement))


def _filtered(statement: Select[Any], map_id: int | None, statuses: Sequence[JobStatus] | None) -> Select[Any]:
    if map_id is not None:
        statement = statement.where(_jobs.c.map_id == map_id)
    if statuses is None:
        return statement
    if all(JobStatus.FAILED <= status <= JobStatus.TERMINATED for status in statuses):
        statement = statement.where(schema.UNSUCCESSFUL)  # these have an index of their own
    return statement.where(stands_in(statuses))


def _ids(workflow_id: int, map_id: int | None, statuses: Sequence[JobStatus] | None) -> Select[Any]:
    """The ids of visible jobs in their order, by an index wherever one has that order."""
    ids = select(_jobs.c.id).order_by(_jobs.c.id)
    if map_id is None and (condition := _indexed(statuses)) is not None:
        return ids.where(_jobs.c.workflow_id == workflow_id, condition)
    if statuses is not None:
        joined = _jobs.join(_workflows, _workflows.c.id == _jobs.c.workflow_id)
        ids = ids.select_from(joined.outerjoin(_maps, _maps.c.id == _jobs.c.map_id))
    visible = select(_maps.c.id).where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready")
    ids = ids.where((_jobs.c.map_id == 0) | _jobs.c.map_id.in_(visible.correlate(None)))
    if map_id is None and statuses is None:
        return ids.where(*from_first_on(workflow_id))
    return _filtered(ids.where(_jobs.c.workflow_id == workflow_id), map_id, statuses)


def from_first_on(workflow_id: int) -> list[ColumnElement[bool]]:
    """The conditions on a workflow's jobs where some of the first are read.

    They are found by their ids: SQLite would take the index of maps, and sort all jobs of the workflow.
    """
    of_map = select(func.min(_jobs.c.id)).where(_jobs.c.workflow_id == workflow_id)
    of_none = of_map.where(_jobs.c.map_id == 0).correlate(None)
    firsts = union_all(
        select(of_map.where(_jobs.c.map_id == _maps.c.id).correlate(_maps).scalar_subquery().label("id")).where(
            _maps.c.workflow_id == workflow_id
        ),
        select(of_none.scalar_subquery().label("id")),
    ).subquery()
    return [
        _jobs.c.workflow_id + literal_column("0") == workflow_id,
        _jobs.c.id >= select(func.min(firsts.c.id)).scalar_subquery(),
    ]


def chosen(
    database: Database,
    workflow_id: int,
    map_id: int,
    *,
    statuses: Sequence[JobStatus] | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[int]:
    """Return the ids of a map's jobs in their order, those of some statuses as shown only, if asked."""
    statement = select(_jobs.c.id).where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
    if statuses is not None:
        statement = statement.join(_workflows, _workflows.c.id == _jobs.c.workflow_id)
        statement = statement.join(_maps, _maps.c.id == _jobs.c.map_id).where(stands_in(statuses))
    with database.read() as connection:
        found = connection.execute(slice_of(statement.order_by(_jobs.c.id), limit, offset))
        # The driver's own tuples: there may be a million, and they need no conversion.
        return [id_ for (id_,) in found.cursor.fetchall()]


def _listing(columns: Iterable[Any] = _jobs.c) -> Any:
    """Jobs with what is shown of them beside their own columns; those of a map being built stay invisible."""
    return (
        select(
            *(PRIORITY.label("priority") if column.name == "priority" else column for column in columns),
            _maps.c.name.label("map_name"),
            _maps.c.blocked.label("map_blocked"),
            _workflows.c.state.label("workflow_state"),
        )
        .join(_workflows, _workflows.c.id == _jobs.c.workflow_id)
        .outerjoin(_maps, _maps.c.id == _jobs.c.map_id)
        .where((_jobs.c.map_id == 0) | (_maps.c.state == "ready"))
    )


def _indexed(statuses: Sequence[JobStatus] | None) -> ColumnElement[bool] | None:
    """The condition that a job has one certain status, where an index gives those that do in the order of their ids."""
    if statuses is None or len(set(statuses)) != 1:
        return None
    (status,) = set(statuses)
    stands = _jobs.c.status == literal_column(str(int(status)))
    if status == JobStatus.COMPLETED:
        return schema.COMPLETED
    return stands & schema.UNSUCCESSFUL if JobStatus.FAILED <= status <= JobStatus.TERMINATED else None


def stands_in(statuses: Sequence[JobStatus]) -> Any:
    """The condition that a job is shown in one of these statuses (see ``workflows.shown_status``).

    The statement has to join workflow and map.
    """
    plain = [int(status) for status in statuses]
    waits = _jobs.c.status.in_([int(JobStatus.READY), int(JobStatus.BLOCKED)])
    created = _workflows.c.state == "created"
    held = _maps.c.blocked.is_(True)
    condition = _jobs.c.status.in_(plain) & ~(waits & (created | held))
    if JobStatus.UNINITIALIZED in statuses:
        condition |= waits & created
    if JobStatus.BLOCKED in statuses:
        condition |= waits & ~created & held
    return condition


def cancel(database: Database, workflow_id: int, job_ids: Iterable[int] | None = None) -> int:
    """Cancel jobs, all unfinished ones of the workflow by default; running ones are stopped by their workers.

    Returns how many jobs that were.
    """
    waiting = [status for status in JobStatus if status not in FINISHED]
    canceled = 0
    pieces = _Pieces(workflow_id, job_ids, waiting)
    while not pieces.is_over:
        with database.write() as connection:
            jobs = pieces.next(connection)
            cancellations.ask(connection, workflow_id, jobs)
            tally = counts.Tally(workflow_id)
            moves.start_over(connection, jobs, JobStatus.CANCELED, tally, note="canceled by the user")
            tally.write(connection)
            if jobs and not canceled:
                events.add(database, connection, workflow_id, "jobs canceled", chosen=job_ids is not None)
        canceled += len(jobs)
        if jobs:
            maps = {job.map_id for job in jobs if job.map_id}
            dependencies.release(database, workflow_id, maps, [job.id for job in jobs])
    return canceled


def withdraw(database: Database, workflow_id: int, job_ids: Iterable[int]) -> list[int]:
    """Cancel those of these jobs that no worker has; returns their ids."""
    withdrawn: list[int] = []
    pieces = _Pieces(workflow_id, job_ids, [JobStatus.READY])
    while not pieces.is_over:
        with database.write() as connection:
            jobs = pieces.next(connection)
            tally = counts.Tally(workflow_id)
            moves.start_over(connection, jobs, JobStatus.CANCELED, tally, note="canceled by its future")
            tally.write(connection)
        withdrawn += [job.id for job in jobs]
    return withdrawn


def disable(database: Database, workflow_id: int, job_ids: Iterable[int]) -> int:
    """Set jobs aside for good, unless they are with a worker: nothing waits for them. Returns how many.

    A postprocess that was given what they returned runs again without it.
    """
    disabled = 0
    fewer: set[int] = set()
    pieces = _Pieces(workflow_id, job_ids, [one for one in JobStatus if JobStatus.DISABLED in MOVES[one]])
    while not pieces.is_over:
        with database.write() as connection:
            jobs = pieces.next(connection)
            tally = counts.Tally(workflow_id)
            moves.start_over(connection, jobs, JobStatus.DISABLED, tally, note="disabled by the user")
            tally.write(connection)
            if jobs:
                events.add(database, connection, workflow_id, "jobs disabled", count=len(jobs))
        disabled += len(jobs)
        fewer |= {job.map_id for job in jobs if job.map_id and job.status == JobStatus.COMPLETED}
        if jobs:
            maps = {job.map_id for job in jobs if job.map_id}
            dependencies.release(database, workflow_id, maps, [job.id for job in jobs])
    if fewer:
        _collect_again(database, workflow_id, sorted(fewer))
    return disabled


def _collect_again(database: Database, workflow_id: int, map_ids: Sequence[int]) -> None:
    """Let what has begun with the results of these maps begin anew."""
    collectors = (_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == 0, _jobs.c.collects.in_(map_ids))
    begun = [int(status) for status in (*CLAIMED, JobStatus.COMPLETED)]
    with database.write() as connection:
        # What an attempt of one that is ready again was given is too much: late, it does not count.
        connection.execute(update(_jobs).where(*collectors, schema.READY).values(replaced=_jobs.c.params))
        collecting = connection.scalars(select(_jobs.c.id).where(*collectors, _jobs.c.status.in_(begun))).all()
    if collecting:
        resetting.run_again(database, workflow_id, Ids(collecting))


class _Pieces:
    """Jobs of some statuses, a piece a transaction; by their ids, so that none looks at what earlier ones moved."""

    def __init__(self, workflow_id: int, job_ids: Iterable[int] | None, statuses: Sequence[JobStatus]) -> None:
        self._statement = (
            select(*moves.PLACE)
            .where(
                _jobs.c.workflow_id == workflow_id,
                _jobs.c.status.in_([int(status) for status in statuses]),
                (_jobs.c.map_id == 0) | _jobs.c.map_id.in_(select(_maps.c.id).where(_maps.c.state == "ready")),
            )
            .order_by(_jobs.c.id)
            .with_for_update()
        )
        self._chosen = None if job_ids is None else sorted({index(job_id) for job_id in job_ids})
        self._last = 0
        self.is_over = self._chosen == []

    def next(self, connection: Connection) -> list[Any]:
        """Lock the next jobs, and return them; an empty piece is not yet the end where jobs were chosen by id."""
        if self._chosen is None:
            found = connection.execute(self._statement.where(_jobs.c.id > self._last).limit(PIECE)).all()
            self._last = found[-1].id if found else self._last
            self.is_over = len(found) < PIECE
        else:
            part, self._chosen = self._chosen[:PIECE], self._chosen[PIECE:]
            found = connection.execute(self._statement.where(among(connection, _jobs.c.id, part))).all()
            self.is_over = not self._chosen
        return list(found)
