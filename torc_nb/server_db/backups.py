"""Copies of a private server's database: made each day, kept for some, put back."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from psycopg import sql

from torc_nb import private
from torc_nb.errors import DatabaseError, InvalidRequest
from torc_nb.server_db import binaries, cluster, readers
from torc_nb.server_db.lease import Lease
from torc_nb.store import address

SUFFIX = ".dump"
#: How old the newest copy may be before another is made, in seconds, and how many are kept.
INTERVAL, KEPT = 24 * 3600.0, 7


def copies(folder: Path) -> list[Path]:
    """Return the copies in a folder, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def is_due(folder: Path) -> bool:
    """Whether the newest copy is too old."""
    there = copies(folder)
    return not there or time.time() - there[-1].stat().st_mtime > INTERVAL


def make_backup(server: Path, folder: Path) -> Path:
    """Copy the database into a new file of a folder, while workers go on; old copies are removed.

    Raises
    ------
    DatabaseError
        It failed; nothing that was there is touched.
    """
    try:
        private.make_folder(folder)
    except OSError as error:
        raise DatabaseError(f"{folder}, for copies of the database, cannot be made: {error.strerror}.") from error
    target = folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}{SUFFIX}"
    half = target.with_suffix(".part")
    where = address.parameters(server)
    _run(
        [
            binaries.program("pg_dump", binaries.data_version(server / cluster.DATA)), "--format=custom",
            "--no-privileges",
            f"--host={where['host']}", f"--port={where['port']}", f"--username={address.ROLE}", "--no-password",
            f"--file={half}", address.DATABASE,
        ],
        where["passfile"],
    )  # fmt: skip
    half.replace(target)
    for old in copies(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def restore(server: Path, copy: Path) -> str:
    """Put a copy in the place of the database; what was there stays under the name that is returned.

    Raises
    ------
    InvalidRequest
        The copy is none, or the server runs on another machine.
    DatabaseError
        It failed; the database is as it was.
    """
    lease = Lease.read(server)
    if not lease.is_here:
        raise InvalidRequest(
            f"The database server runs on {lease.host}, and a copy is put back where it runs: there, or here after "
            "`%torc db start --on host`, which brings it here."
        )
    if not copy.is_file():
        raise InvalidRequest(f"There is no file {copy}.")
    new = f"{address.DATABASE}_restored"
    before = f"{address.DATABASE}_before_{time.strftime('%Y%m%d_%H%M%S')}"
    port = int(address.parameters(server)["port"])
    with cluster.administrator(server, port) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(new)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                sql.Identifier(new), sql.Identifier(address.ROLE)
            )
        )
        _run(
            [
                binaries.program("pg_restore", binaries.data_version(server / cluster.DATA)), "--exit-on-error",
                "--no-owner", "--no-privileges", f"--role={address.ROLE}", "--host=127.0.0.1", f"--port={port}",
                f"--username={cluster.ADMINISTRATOR}", "--no-password", f"--dbname={new}", str(copy),
            ],
            str(server / cluster.ADMINISTRATORS_PASSFILE),
        )  # fmt: skip
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(new)))
        _let_readers_in(server, port, new)
        _swap(connection, new, before)
    return before


def _let_readers_in(server: Path, port: int, new: str) -> None:
    """Let those with whom the server was ever shared read the new database, once they come in."""
    with cluster.administrator(server, port, new) as connection:
        if readers.is_there(connection):
            readers.let_read(connection, new)


def _swap(connection: cluster.Administrator, new: str, before: str) -> None:
    """Rename the database away and the new one to its name, with all clients put out: they connect again."""
    name = sql.Identifier(address.DATABASE)
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
    try:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (address.DATABASE,)
        )
        _patiently(connection, sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, sql.Identifier(before)))
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new), name))
    finally:
        for one in (address.DATABASE, before):
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (one,)).fetchone():
                connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(one)))


def _patiently(connection: cluster.Administrator, statement: sql.Composed) -> None:
    """Execute a statement for which all clients must be gone, which takes them a moment."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            connection.execute(statement)
            return
        except cluster.InUse:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _run(command: list[str], passfile: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PGPASSFILE": passfile},
    )
    if done.returncode:
        raise DatabaseError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-1000:]}")
