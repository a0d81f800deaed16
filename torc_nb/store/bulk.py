"""Thousands of rows in one statement: executemany on SQLite, COPY and unnest on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Column, Connection, Dialect, Table, bindparam, cast, func, insert, select, update
from sqlalchemy import column as sql_column

Row = Sequence[Any]


def insert_on_conflict(dialect: str, table: Table) -> Any:
    """Return an INSERT that knows what to do about rows that are there: it is each dialect's own."""
    # Imported here: each costs a worker's start some hundredths of a second, and it needs one of them.
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def insert_rows(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert tuples, given in the order of ``columns``."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_sql(connection.dialect, table, columns), list(map(tuple, rows)))
        return
    cursor = connection.connection.cursor()
    with cursor.copy(_copy_sql(connection.dialect, table, columns)) as copy:
        copy.set_types([_postgresql_type(connection.dialect, table.c[name]) for name in columns])
        for row in rows:
            copy.write_row(row)


def lock_rows(connection: Connection, table: Table, ids: Sequence[int]) -> None:
    """Lock rows by id in one order, so that transactions which change many of the same rows cannot deadlock.

    On SQLite the transaction has the whole database already.
    """
    if ids and connection.dialect.name != "sqlite":
        connection.execute(_lock_by_ids(table), {"ids": list(ids)})


def update_rows(
    connection: Connection, table: Table, keys: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Row]
) -> set[int]:
    """Update by key, and return the ids (the first key) of the rows that were found.

    Each row gives the new values of ``columns``, then the values of ``keys`` that it must still have: a row that
    somebody else moved meanwhile is left alone and is not among the ids returned.
    """
    if not rows:
        return set()
    if connection.dialect.name == "sqlite":
        return _update_each(connection, table, keys, columns, rows)
    names = [f"new_{name}" for name in columns] + [f"old_{name}" for name in keys]
    arrays = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    found = connection.execute(_update_from_arrays(table, keys, columns), arrays)
    return {int(row[0]) for row in found}


def _update_each(
    connection: Connection, table: Table, keys: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Row]
) -> set[int]:
    place = len(columns)
    sql = _update_sql(connection.dialect, table, keys, columns)
    together = connection.begin_nested()
    if connection.exec_driver_sql(sql, list(map(tuple, rows))).rowcount == len(rows):
        together.commit()
        return {row[place] for row in rows}
    # Somebody else moved some of them. executemany does not tell which: again, one by one.
    together.rollback()
    return {row[place] for row in rows if connection.exec_driver_sql(sql, tuple(row)).rowcount}


@cache
def _lock_by_ids(table: Table) -> Any:
    ids = _unmeasured("ids", table.c.id.type)
    return select(table.c.id).where(table.c.id == func.any(ids)).order_by(table.c.id).with_for_update()


@cache
def _insert_sql(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    statement = insert(table).values({name: bindparam(name) for name in columns})
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    order = [str(name) for name in compiled.positiontup or ()]
    if order != list(columns):
        raise AssertionError(f"give the columns of {table.name} in the table's order: {order}")
    return str(compiled)


@cache
def _update_sql(dialect: Dialect, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    statement = (
        update(table)
        .values({name: bindparam(f"new_{name}") for name in columns})
        .where(*(table.c[name] == bindparam(f"old_{name}") for name in keys))
    )
    compiled = statement.compile(dialect=dialect)
    order = [str(name) for name in compiled.positiontup or ()]
    if order != [f"new_{name}" for name in columns] + [f"old_{name}" for name in keys]:
        raise AssertionError(f"give the columns of {table.name} in the table's order: {order}")
    return str(compiled)


@cache
def _copy_sql(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in columns)
    return f"COPY {quote(table.name)} ({names}) FROM STDIN WITH (FORMAT BINARY)"


@cache
def _postgresql_type(dialect: Dialect, column: Column[Any]) -> str:
    name = str(column.type.compile(dialect=dialect)).lower()
    return {"double precision": "float8", "bigint": "int8", "integer": "int4", "smallint": "int2"}.get(
        name, "varchar" if name.startswith("varchar") else name
    )


@cache
def _update_from_arrays(table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    typed = [(f"new_{name}", table.c[name].type) for name in columns]
    typed += [(f"old_{name}", table.c[name].type) for name in keys]
    arrays = [_unmeasured(name, type_) for name, type_ in typed]
    given = (
        func.unnest(*arrays)
        .table_valued(*(sql_column(name, type_) for name, type_ in typed), name="given")
        .render_derived()
    )
    return (
        update(table)
        .values({name: given.c[f"new_{name}"] for name in columns})
        .where(*(table.c[name] == given.c[f"old_{name}"] for name in keys))
        .returning(table.c[keys[0]])
    )


def _unmeasured(name: str, type_: Any) -> Any:
    """Return a parameter that is an array, whose length PostgreSQL does not see when it plans.

    For thousands of ids it would read the whole table; by the index each costs some microseconds.
    """
    array: Any = ARRAY(type_)
    return cast(select(bindparam(name, type_=array)).scalar_subquery(), array)
