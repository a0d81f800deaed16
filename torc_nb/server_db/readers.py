"""The role of those with whom a server is shared: it may read the tables, and nothing else."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from torc_nb.errors import DatabaseUnavailable
from torc_nb.server_db import cluster, group_folder
from torc_nb.store import address, shared

#: How often it is looked after, in seconds.
_LOOK_AFTER = 60.0
#: What one reader may hold up, in seconds: a transaction keeps PostgreSQL from clearing away what was changed since.
_LONGEST_TRANSACTION = 3600.0
#: Of all connections, so that workers always get theirs.
_CONNECTIONS = 100

_ROLE, _OWNER = sql.Identifier(shared.ROLE), sql.Identifier(address.ROLE)

#: What a session begins with. A reader can set it otherwise, and then still has no right to anything else.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "10min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
}

_MAY_READ = (
    sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),  # before PostgreSQL 15 everybody might
    sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(_OWNER),
    sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(_ROLE),
    sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(_ROLE),
    sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT SELECT ON TABLES TO {}").format(_OWNER, _ROLE),
)

#: PostgreSQL lets every role make large objects, take the advisory locks that others wait for, and fill the log.
_RESERVE_FUNCTIONS = sql.SQL(
    """
    DO $$
    DECLARE
        one regprocedure;
    BEGIN
        FOR one IN
            SELECT oid FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace
            AND (
                proname ~ '^pg_(try_)?advisory_(xact_)?lock'
                OR proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lowrite', 'pg_logical_emit_message')
            )
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {}', one);
        END LOOP;
    END $$
    """
).format(_OWNER)

#: What a role may change of itself, whatever else it may not.
_OF_ITSELF = """
    SELECT rolpassword, (SELECT array_agg(setconfig::text ORDER BY 1) FROM pg_db_role_setting WHERE setrole = oid)
    FROM pg_authid WHERE rolname = %s
"""


class Readers:
    """Lets readers into a server that has just been started, and out, as the group's folder says."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._folder = shared.beside(server)
        self._password: str | None = ""  # not known yet
        self._of_itself: Any = None
        self._looked = 0.0
        self._complaint = ""

    def follow(self) -> None:
        """Do what the folder says where that has changed, and now and then look after those who are in.

        What goes wrong is said once, and tried again: the owner's work goes on without readers.
        """
        try:
            password = shared.password(self._folder)
            if password != self._password:
                self._admit(password)
            if password is not None:
                self._tell_address()
                self._look_after(password)
            self._complaint = ""
        except (cluster.Error, OSError, DatabaseUnavailable) as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                print(f"The database cannot be shared by {self._folder}: {error}", file=sys.stderr)

    def _admit(self, password: str | None) -> None:
        """Let in who knows the password, and nobody else; whoever is in comes in again."""
        with self._administrator() as connection:
            if password is not None:
                self._of_itself = _let_in(connection, password)
            elif is_there(connection):
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(_ROLE))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (shared.ROLE,)
            )
        self._password = password

    def _tell_address(self) -> None:
        """Hand on where the server is."""
        now = (self._server / address.ADDRESS).read_text(encoding="utf-8")
        told = self._folder / address.ADDRESS
        if not told.exists() or told.read_text(encoding="utf-8") != now:
            group_folder.write(self._folder, address.ADDRESS, now)

    def _look_after(self, password: str) -> None:
        """End transactions that last too long, and put back what a reader changed of the role."""
        if time.monotonic() - self._looked < _LOOK_AFTER:
            return
        self._looked = time.monotonic()
        with self._administrator() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = %s AND xact_start < now() - make_interval(secs => %s)",
                (shared.ROLE, _LONGEST_TRANSACTION),
            )
            if connection.execute(_OF_ITSELF, (shared.ROLE,)).fetchone() != self._of_itself:
                self._of_itself = _let_in(connection, password)

    def _administrator(self) -> cluster.Administrator:
        port = int(address.parameters(self._server)["port"])
        return cluster.administrator(self._server, port, address.DATABASE)


def new_password() -> str:
    """Make one up."""
    return secrets.token_urlsafe(24)


def is_there(connection: cluster.Administrator) -> bool:
    """Whether the role was ever made."""
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (shared.ROLE,)).fetchone() is not None


def let_read(connection: cluster.Administrator, database: str) -> None:
    """Let the role read a database, to which the administrator is connected: all tables of now and later."""
    with connection.transaction():
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), _ROLE))
        for statement in (*_MAY_READ, _RESERVE_FUNCTIONS):
            connection.execute(statement)


def may_enter(server: Path, password: str) -> bool:
    """Whether somebody with this password comes in now."""
    where = address.parameters(server)
    try:
        psycopg.connect(
            host=where["host"],
            port=where["port"],
            user=shared.ROLE,
            password=password,
            dbname=address.DATABASE,
            connect_timeout=5,
        ).close()
        return True
    except psycopg.OperationalError:
        return False


def _let_in(connection: cluster.Administrator, password: str) -> Any:
    """Make the role what it is to be; returns what it might change of that."""
    # Scrambled here: a statement may come to stand in the server's log.
    scrambled = connection.pgconn.encrypt_password(password.encode(), shared.ROLE.encode(), b"scram-sha-256").decode()
    with connection.transaction():
        if not is_there(connection):
            connection.execute(sql.SQL("CREATE ROLE {}").format(_ROLE))
        connection.execute(
            sql.SQL(
                "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
                "CONNECTION LIMIT {} PASSWORD {}"
            ).format(_ROLE, _CONNECTIONS, scrambled)
        )
        connection.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(_ROLE))
        name = sql.Identifier(address.DATABASE)
        connection.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(_ROLE, name))
        for setting, value in _SETTINGS.items():
            connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(_ROLE, sql.Identifier(setting), value))
    let_read(connection, address.DATABASE)
    return connection.execute(_OF_ITSELF, (shared.ROLE,)).fetchone()
