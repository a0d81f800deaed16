"""Jobs that run a command: made many at a time, told apart by their names, waiting for those who make their files.

What such a job is given (``jobs.params``) is its command with the paths of its files, so that a worker needs to look
nothing up, and the digest tells whether any of it has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select, update

from torc_nb.errors import InvalidRequest
from torc_nb.models import CLAIMED, FINISHED, FileModel, JobStatus
from torc_nb.store import (
    building,
    bulk,
    counts,
    dependencies,
    events,
    files,
    params,
    schema,
    upstream,
    watch,
    workflows,
)
from torc_nb.store.database import Database
from torc_nb.store.idsets import among
from torc_nb.values import encode

_jobs = schema.jobs
_files = schema.files
_needed = schema.job_files
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies

_COLUMNS = (
    "id", "workflow_id", "map_id", "row", "status", "priority", "requirement_id", "params", "params_digest",
    "declared_digest", "name", "rev", "attempt", "interruptions", "command", "environment_id",
)  # fmt: skip


class Command(NamedTuple):
    """A command and its place among the other jobs; files are absolute paths."""

    name: str
    command: str
    requirement_id: int
    environment_id: int
    priority: int = 0
    needs: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    blocked_by_jobs: tuple[int, ...] = ()
    blocked_by_maps: tuple[int, ...] = ()


def reserve(database: Database, n: int) -> range:
    """Reserve ids for so many jobs, which may name one another before any of them is made."""
    with database.write() as connection:
        first = building.take_ids(connection, n)
    return range(first, first + n)


def create(database: Database, workflow_id: int, new: Sequence[tuple[int, Command]]) -> None:
    """Make jobs of reserved ids, in one transaction.

    Raises
    ------
    Conflict
        Another job produces a file of theirs.
    """
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        rows = []
        for job_id, one in new:
            text, digest, _ = encode(_given(one.command, one.needs, one.produces))
            rows.append(
                (
                    job_id, workflow_id, 0, 0, int(JobStatus.READY), one.priority, one.requirement_id, text, digest,
                    digest, one.name, 1, 0, 0, one.command, one.environment_id,
                )
            )  # fmt: skip
            tally.add(0, one.requirement_id, JobStatus.READY)
        bulk.insert_rows(connection, _jobs, _COLUMNS, rows)
        for job_id, one in new:
            _relate(connection, workflow_id, job_id, one)
            if one.needs or one.blocked_by_jobs or one.blocked_by_maps:
                _let_wait(connection, job_id, one.blocked_by_jobs, one.blocked_by_maps, tally, is_new=True)
        events.add(database, connection, workflow_id, "commands created", count=len(new))
        tally.write(connection)
        watch.announce(connection, workflow_id)
    _release(database, workflow_id, [one for _, one in new], [job_id for job_id, _ in new])


def find(database: Database, workflow_id: int, name: str) -> Row[Any] | None:
    """Return the newest command of a name; None where there is none."""
    statement = (
        select(_jobs)
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == 0, _jobs.c.command.is_not(None))
        .where(_jobs.c.name == name)
        .order_by(_jobs.c.id.desc())
        .limit(1)
    )
    with database.read() as connection:
        return connection.execute(statement).first()


def statuses(database: Database, job_ids: Sequence[int]) -> dict[int, JobStatus]:
    """Return where commands stand, as it is shown."""
    statement = select(_jobs.c.id, _jobs.c.status, schema.workflows.c.state).join(
        schema.workflows, schema.workflows.c.id == _jobs.c.workflow_id
    )
    with database.read() as connection:
        rows = connection.execute(statement.where(among(connection, _jobs.c.id, job_ids))).all()
    return {row.id: workflows.shown_status(row.status, started=row.state != "created", blocked=False) for row in rows}


def declare_again(database: Database, workflow_id: int, job_id: int, one: Command) -> bool:
    """Give a job what it is declared with by now; whether its command or its files are others.

    A job that has begun is given it at the next ``reinitialize``. What it waits for is added to.

    Raises
    ------
    Conflict
        Another job produces a file of its.
    InvalidRequest
        It would wait for itself.
    """
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        job = connection.execute(select(_jobs).where(_jobs.c.id == job_id).with_for_update()).one()
        values: dict[str, Any] = {"priority": one.priority, "environment_id": one.environment_id}
        if job.status not in CLAIMED:
            values["requirement_id"] = one.requirement_id
            tally.add(0, job.requirement_id, job.status, -1)
            tally.add(0, one.requirement_id, job.status)
        connection.execute(update(_jobs).where(_jobs.c.id == job_id).values(command=one.command, **values))
        connection.execute(delete(_needed).where(_needed.c.job_id == job_id))
        _relate(connection, workflow_id, job_id, one)
        is_changed = _renew(connection, job_id)
        _let_wait(connection, job_id, one.blocked_by_jobs, one.blocked_by_maps, tally)
        tally.write(connection)
        watch.announce(connection, workflow_id)
    _release(database, workflow_id, [one], [job_id])
    return is_changed


def relate(
    database: Database, workflow_id: int, job_id: int, needs: Iterable[int] = (), produces: Iterable[int] = ()
) -> None:
    """Relate a command to more files, and give it all that it has by now; it waits for those who make what it needs.

    Raises
    ------
    Conflict
        Another job produces one of them.
    InvalidRequest
        It would wait for itself.
    """
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        connection.execute(select(_jobs.c.id).where(_jobs.c.id == job_id).with_for_update())
        files.relate(connection, job_id, needs, "needs")
        files.relate(connection, job_id, produces, "produces")
        _renew(connection, job_id)
        _let_wait(connection, job_id, (), (), tally)
        tally.write(connection)
        watch.announce(connection, workflow_id)
    _release(database, workflow_id, [], [job_id])


def of_file(database: Database, file_id: int) -> list[tuple[int, int]]:
    """Return the commands that need or produce a file, each with its workflow."""
    statement = select(_jobs.c.workflow_id, _jobs.c.id).join(_needed, _needed.c.job_id == _jobs.c.id)
    statement = statement.where(_needed.c.file_id == file_id, _jobs.c.command.is_not(None)).order_by(_jobs.c.id)
    with database.read() as connection:
        return [(row.workflow_id, row.id) for row in connection.execute(statement)]


def _renew(connection: Connection, job_id: int) -> bool:
    """Write what a locked job is given anew, from its command and its files; whether it is something else."""
    job = params.current(connection, job_id)
    related = select(_files.c.path, _needed.c.relation).join(_needed, _needed.c.file_id == _files.c.id)
    rows = connection.execute(related.where(_needed.c.job_id == job_id)).all()
    paths = {relation: [row.path for row in rows if row.relation == relation] for relation in ("needs", "produces")}
    command = connection.scalar(select(_jobs.c.command).where(_jobs.c.id == job_id)) or ""
    text, digest, _ = encode(_given(command, paths["needs"], paths["produces"]))
    if bytes(job.params_digest) == digest:
        return False
    values = {"params": text, "params_digest": digest, "declared_digest": digest, "rev": job.rev + 1}
    values["replaced"] = params.replaced_by(job, text, digest)
    connection.execute(update(_jobs).where(_jobs.c.id == job_id).values(values))
    return True


def _given(command: str, needs: Iterable[str], produces: Iterable[str]) -> dict[str, Any]:
    """What a worker is told of a command."""
    lists = {"needs": sorted(set(needs)), "produces": sorted(set(produces))}
    return {"command": command} | {name: paths for name, paths in lists.items() if paths}


def _relate(connection: Connection, workflow_id: int, job_id: int, one: Command) -> None:
    for relation, paths in (("needs", one.needs), ("produces", one.produces)):
        ids = [_file(connection, workflow_id, path) for path in sorted(set(paths))]
        files.relate(connection, job_id, ids, relation)


def _file(connection: Connection, workflow_id: int, path: str) -> int:
    """The id of the record of a path; what is known of the file stays."""
    known = connection.scalar(select(_files.c.id).where(_files.c.workflow_id == workflow_id, _files.c.path == path))
    if known is not None:
        return int(known)
    return files.keep(connection, FileModel(workflow_id=workflow_id, path=path, name=path.rpartition("/")[2]))


def _let_wait(
    connection: Connection,
    job_id: int,
    by_jobs: Iterable[int],
    by_maps: Iterable[int],
    tally: counts.Tally,
    *,
    is_new: bool = False,
) -> None:
    """Note whom a job waits for, those who make its files included; one that is ready is blocked until it is released.

    One that has begun, or ended, waits for them when it runs again. Nobody waits for a new one, which can close no
    circle.
    """
    known = set(connection.scalars(select(_of_jobs.c.blocked_by).where(_of_jobs.c.job_id == job_id)))
    known_maps = set(connection.scalars(select(_of_maps.c.blocked_by_map_id).where(_of_maps.c.job_id == job_id)))
    jobs = {*by_jobs, *_makers(connection, job_id)} - known - {job_id}
    maps = {*by_maps} - known_maps
    if not jobs and not maps:
        return
    if not is_new and job_id in upstream.of(connection, jobs, maps)[0]:
        raise InvalidRequest(
            f"Job {job_id} would wait for itself: something that it waits for, or whose files it needs, waits for it."
        )
    dependencies.after_jobs(connection, job_id, sorted(jobs))
    for map_id in sorted(maps):
        dependencies.after_map(connection, map_id, job_id=job_id)
    ready = (_jobs.c.id == job_id) & (_jobs.c.status == int(JobStatus.READY))
    moved = connection.execute(
        update(_jobs).where(ready).values(status=int(JobStatus.BLOCKED)).returning(_jobs.c.requirement_id)
    ).first()
    if moved is not None:
        tally.move(0, moved.requirement_id, JobStatus.READY, JobStatus.BLOCKED)


def _makers(connection: Connection, job_id: int) -> Iterable[int]:
    """The jobs that produce what this one needs."""
    maker = _needed.alias("maker")
    return connection.scalars(
        select(maker.c.job_id)
        .join(_needed, _needed.c.file_id == maker.c.file_id)
        .where(_needed.c.job_id == job_id, _needed.c.relation == "needs", maker.c.relation == "produces")
    )


def _release(database: Database, workflow_id: int, declared: Sequence[Command], job_ids: Sequence[int]) -> None:
    """Let those begin at once that wait for nothing any more: what they wait for may have finished before."""
    maps = {map_id for one in declared for map_id in one.blocked_by_maps}
    finished = _jobs.c.status.in_([int(status) for status in FINISHED])
    awaited = select(_of_jobs.c.blocked_by).join(_jobs, _jobs.c.id == _of_jobs.c.blocked_by).where(finished).distinct()
    with database.read() as connection:
        jobs = sorted(connection.scalars(awaited.where(among(connection, _of_jobs.c.job_id, job_ids))))
    if maps or jobs:
        dependencies.release(database, workflow_id, maps, jobs)
