"""Rows copied into an empty database with the ids that they have: a whole SQLite file's to a server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, Text, cast, func, select

from torc_nb.errors import Conflict, DatabaseError
from torc_nb.store import bulk, leases, machine, schema
from torc_nb.store.database import Database
from torc_nb.store.sqlite_file import HAS_MOVED, MOVED

#: How many rows are in memory at a time: each may hold a mebibyte.
_PIECE = 1000


def move(source: Database, target: Database) -> dict[str, int]:
    """Copy all of an SQLite file to an empty database on a server, count it, and give the file another name.

    Nobody writes to the file meanwhile; all is there, or nothing.

    Returns
    -------
    dict
        How many rows each table has.

    Raises
    ------
    Conflict
        Workers still use the file, or the target holds workflows.
    DatabaseError
        The counts differ; nothing was copied.
    """
    file = Path(source.engine.url.database or "")
    with source.write() as reading:
        _refuse_workers(source, reading)
        with target.write() as writing:
            if not _is_copied(reading, writing):  # whoever moved it before was killed before the file had its new name
                _refuse_workflows(target, writing)
                for table in schema.metadata.sorted_tables:
                    copy(reading, writing, table)
                    _continue_numbers(writing, table)
            counts = _counted(reading)
            if counts != (arrived := _counted(writing)):
                raise DatabaseError(f"{file} holds {counts}, but {arrived} arrived. Nothing was moved.")
        reading.exec_driver_sql(f"PRAGMA user_version = {HAS_MOVED:d}")
        file.rename(file.with_name(file.name + MOVED))
    source.close()
    for beside in ("-wal", "-shm"):  # they go with the file, where SQLite has left any
        left = file.with_name(file.name + beside)
        if left.exists():
            left.rename(file.with_name(file.name + MOVED + beside))
    return counts


def refuse_workers(source: Database) -> None:
    """Make sure that nobody works in an SQLite file.

    Raises
    ------
    Conflict
        Somebody does.
    """
    with source.read() as connection:
        _refuse_workers(source, connection)


def _refuse_workers(source: Database, connection: Connection) -> None:
    workers = schema.workers
    present = connection.execute(select(workers).where(workers.c.state.in_(leases.PRESENT))).all()
    alive = [one for one in present if machine.is_alive(one.boot_id, one.pid, one.process_start)]
    if alive:
        raise Conflict(
            f"{len(alive)} worker(s) still use {source.place} (process {alive[0].pid} first): wait for them, or "
            "cancel them with `%torc workflows cancel`, and start the server then."
        )


def _refuse_workflows(target: Database, connection: Connection) -> None:
    if connection.scalar(select(func.count()).select_from(schema.workflows)):
        raise Conflict(
            f"{target.place} holds workflows already; `%torc workflows export` and `import` take single ones there."
        )


def _is_copied(reading: Connection, writing: Connection) -> bool:
    """Whether all of it is there already, by the numbers and by the workflows."""
    made = select(schema.workflows.c.id, schema.workflows.c.name, schema.workflows.c.created).order_by(
        schema.workflows.c.id
    )
    known = reading.execute(made).all()
    return bool(known) and known == writing.execute(made).all() and _counted(reading) == _counted(writing)


def _counted(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
        for table in schema.metadata.sorted_tables
    }


def copy(
    reading: Connection,
    writing: Connection,
    table: Table,
    *conditions: ColumnElement[bool],
    instead: Mapping[str, ColumnElement[Any]] | None = None,
) -> None:
    """Copy the rows of a table for which conditions hold, in place of those that are there.

    Parameters
    ----------
    instead
        What is written instead of what a column holds, by its name.
    """
    writing.execute(table.delete())
    columns = {column.name: _as_stored(column) for column in table.columns} | dict(instead or {})
    statement = select(*(value.label(name) for name, value in columns.items())).select_from(table).where(*conditions)
    found = reading.execute(statement.execution_options(yield_per=_PIECE)).partitions()
    if writing.dialect.name == "sqlite":
        for rows in found:
            bulk.insert_rows(writing, table, tuple(columns), rows)
        return
    from psycopg import sql

    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor: Any = writing.connection.cursor()
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)) as into:
        for rows in found:
            for row in rows:
                into.write_row(row)


def _as_stored(column: Column[Any]) -> ColumnElement[Any]:
    """JSON as the text that it is: read, its null could not be told from no value."""
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _continue_numbers(writing: Connection, table: Table) -> None:
    """Let the server number new rows after those that came."""
    (key, *others) = table.primary_key.columns
    sequence = func.pg_get_serial_sequence(table.name, key.name)
    if not others and writing.scalar(select(sequence)) is not None:
        writing.execute(
            select(func.setval(sequence, select(func.coalesce(func.max(key), 0) + 1).scalar_subquery(), False))
        )
