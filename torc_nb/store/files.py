"""Files that jobs need or produce: their paths, and how they were when last looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import FileModel
from torc_nb.store import bulk, recorded_files, schema
from torc_nb.store.database import Database

_files = schema.files
_relations = schema.job_files


def keep(connection: Connection, file: FileModel) -> int:
    """Return the id of the workflow's record of this path, making it where there is none."""
    # Two that enter one path at once take turns.
    connection.execute(
        select(schema.workflows.c.id).where(schema.workflows.c.id == file.workflow_id).with_for_update(key_share=True)
    )
    known = connection.scalar(
        select(_files.c.id).where(_files.c.workflow_id == file.workflow_id, _files.c.path == file.path)
    )
    values = {"name": file.name, "mtime": file.mtime, "size": file.size}
    if known is not None:
        connection.execute(update(_files).where(_files.c.id == known).values(values))
        return int(known)
    made = insert(_files).values(workflow_id=file.workflow_id, path=file.path, **values).returning(_files.c.id)
    return int(connection.scalar(made) or 0)


def get(database: Database, file_id: int) -> FileModel:
    """Return a file.

    Raises
    ------
    NotFound
        There is none of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_files).where(_files.c.id == file_id)).first()
    if row is None:
        raise NotFound(f"There is no file {file_id}; `%torc files list` shows those there are.")
    return _model(row)


def listed(
    database: Database, workflow_id: int, *, job_id: int | None = None, relation: str | None = None
) -> list[FileModel]:
    """Return the files of a workflow in the order of their ids, or those that a job needs or produces."""
    statement = select(_files).where(_files.c.workflow_id == workflow_id).order_by(_files.c.id)
    if job_id is not None:
        related = select(_relations.c.file_id).where(_relations.c.job_id == job_id)
        if relation is not None:
            related = related.where(_relations.c.relation == relation)
        statement = statement.where(_files.c.id.in_(related))
    with database.read() as connection:
        return [_model(row) for row in connection.execute(statement)]


def note_state(connection: Connection, file_id: int, mtime: float | None, size: int | None) -> None:
    """Keep how a file was found: its time in seconds since the epoch and its size in bytes; None where it is gone."""
    connection.execute(update(_files).where(_files.c.id == file_id).values(mtime=mtime, size=size))


def remove(database: Database, file_id: int) -> None:
    """Forget a file, and who needs and produces it; the file itself stays.

    Raises
    ------
    NotFound
        There is none of that id.
    """
    producers = select(_relations.c.job_id).where(_relations.c.file_id == file_id, _relations.c.relation == "produces")
    with database.write() as connection:
        path = connection.scalar(select(_files.c.path).where(_files.c.id == file_id))
        recorded_files.forget(connection, producers, path or "")
        connection.execute(delete(_relations).where(_relations.c.file_id == file_id))
        if not connection.execute(delete(_files).where(_files.c.id == file_id)).rowcount:
            raise NotFound(f"There is no file {file_id}; `%torc files list` shows those there are.")


def relate(connection: Connection, job_id: int, file_ids: Iterable[int], relation: str) -> None:
    """Note what a job needs or produces; saying it twice does it once.

    Raises
    ------
    Conflict
        Another job produces one of them.
    """
    for file_id in sorted(set(file_ids)):
        connection.execute(select(_files.c.id).where(_files.c.id == file_id).with_for_update())
        others = select(_relations.c.job_id).where(
            _relations.c.file_id == file_id, _relations.c.relation == "produces", _relations.c.job_id != job_id
        )
        if relation == "produces" and (other := connection.scalars(others).first()) is not None:
            path = connection.scalar(select(_files.c.path).where(_files.c.id == file_id))
            raise Conflict(f"{path} is produced by job {other} already; two jobs that write one file spoil it.")
        row = {"job_id": job_id, "file_id": file_id, "relation": relation}
        statement = bulk.insert_on_conflict(connection.dialect.name, _relations)
        connection.execute(statement.values(row).on_conflict_do_nothing())


def _model(row: Row[Any]) -> FileModel:
    return FileModel(**row._mapping)
