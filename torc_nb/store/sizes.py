"""How large a server's database is, and how many use it."""

from __future__ import annotations

from sqlalchemy import func, select, table, text

from torc_nb.store.database import Database


def of_server(database: Database) -> tuple[int, int]:
    """Return the bytes of the database, and the number of connections to it."""
    activity = table("pg_stat_activity")
    with database.read() as connection:
        size = connection.scalar(select(func.pg_database_size(func.current_database())))
        clients = connection.scalar(
            select(func.count()).select_from(activity).where(text("datname = current_database()"))
        )
    return int(size or 0), int(clients or 0)
