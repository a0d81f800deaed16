"""A database cluster of PostgreSQL's: its folder, its roles, and who may connect."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from torc_nb import private
from torc_nb.errors import DatabaseError
from torc_nb.server_db import binaries, network
from torc_nb.store import address

Administrator = psycopg.Connection[Any]
#: What a server says that is ending.
Error = psycopg.Error
#: A database that clients still use.
InUse = psycopg.errors.ObjectInUse

#: The superuser: for `db` commands on the server's own machine alone.
ADMINISTRATOR = "torc_admin"
ADMINISTRATORS_PASSFILE = "admin-passfile"
DATA = "data"
LOG = "server.log"

_PR_SET_PDEATHSIG = 1
#: Workers keep two connections each, and a kernel some: enough for a thousand nodes.
_CONNECTIONS = 2500
#: A log that has grown beyond this is begun anew when the server starts, in bytes.
_LOG_LIMIT = 16 * 2**20


def create(folder: Path) -> None:
    """Make the files of a cluster, with a superuser and passwords that nobody needs to know.

    Raises
    ------
    DatabaseError
        PostgreSQL refused; with its words.
    """
    passwords = {name: secrets.token_urlsafe(24) for name in (ADMINISTRATOR, address.ROLE)}
    for name, file in ((ADMINISTRATOR, ADMINISTRATORS_PASSFILE), (address.ROLE, address.PASSFILE)):
        private.write_text(folder / file, f"*:*:*:{name}:{passwords[name]}\n")
    half = folder / f"{DATA}.new"
    password_file = folder / "password.new"
    private.write_text(password_file, passwords[ADMINISTRATOR])
    try:
        done = subprocess.run(
            [
                binaries.program("initdb"), "-D", half, "-U", ADMINISTRATOR, f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
            ],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        password_file.unlink()
    if done.returncode:
        raise DatabaseError(f"PostgreSQL could not make a database in {half}: {done.stderr.strip()[-1000:]}")
    half.rename(folder / DATA)


def run(folder: Path, host: str, port: int, networks: Iterable[str], lock: int) -> subprocess.Popen[bytes]:
    """Start the server; it ends with this process, and keeps the lock as long as any process of it lives."""
    data = folder / DATA
    private.write_text(data / "pg_hba.conf", _who_may_connect(networks))
    log = folder / LOG
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    # Nobody has the data, as we hold the lock; the process of another host that this names may be somebody else here.
    (data / "postmaster.pid").unlink(missing_ok=True)
    listen = ",".join(dict.fromkeys((network.LOOPBACK, host)))
    options = {
        "listen_addresses": listen, "port": port, "unix_socket_directories": "", "max_connections": _CONNECTIONS,
        "password_encryption": "scram-sha-256", "logging_collector": "off", "log_timezone": "UTC",
        "shared_buffers": "256MB", "max_wal_size": "2GB",
    }  # fmt: skip
    parent = os.getpid()
    with log.open("ab") as output:
        return subprocess.Popen(
            [
                binaries.program("postgres", binaries.data_version(data)), "-D", data,
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=data, pass_fds=[lock],
            preexec_fn=lambda: _end_with(parent),  # noqa: PLW1509 - the keeper has one thread
        )  # fmt: skip


def is_up(folder: Path, server: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server answers; it may first have much to read again, after a crash.

    Raises
    ------
    DatabaseError
        It has ended; with the last lines of its log.
    """
    if server.poll() is not None:
        words = (folder / LOG).read_text(errors="replace").strip().splitlines()[-8:]
        raise DatabaseError("\n".join([f"The database server of {folder} ended; its log says:", *words]))
    try:
        administrator(folder, port).close()
        return True
    except psycopg.OperationalError:
        return False


def prepare(folder: Path, port: int) -> None:
    """Make the role of workers and its database, where they are not there yet."""
    password = (folder / address.PASSFILE).read_text().strip().rpartition(":")[2]
    role, name = sql.Identifier(address.ROLE), sql.Identifier(address.DATABASE)
    with administrator(folder, port) as connection:
        if not _is_there(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", address.ROLE):
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                    role, sql.Literal(password)
                )
            )
        if not _is_there(connection, "SELECT 1 FROM pg_database WHERE datname = %s", address.DATABASE):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, role))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def administrator(folder: Path, port: int, database: str = "postgres") -> Administrator:
    """Connect as the superuser, which is possible on the server's own machine alone."""
    return psycopg.connect(
        host=network.LOOPBACK,
        port=port,
        user=ADMINISTRATOR,
        dbname=database,
        passfile=str(folder / ADMINISTRATORS_PASSFILE),
        connect_timeout=5,
        autocommit=True,
    )


def size(folder: Path) -> int:
    """Return the bytes of the database."""
    question = "SELECT pg_database_size(%s)"
    with administrator(folder, int(address.parameters(folder)["port"])) as connection:
        (found,) = connection.execute(question, (address.DATABASE,)).fetchone() or (0,)
        return int(found)


def free_port(host: str, wanted: int) -> int:
    """Return the wanted port where it is free, else another one."""
    for port in (wanted, 0):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DatabaseError(f"No port of {host} can be listened on: is it an address of this machine? Give --address.")


def _is_there(connection: Administrator, question: str, name: str) -> bool:
    return connection.execute(question.encode(), (name,)).fetchone() is not None


def _who_may_connect(networks: Iterable[str]) -> str:
    lines = [f"host all {ADMINISTRATOR} {network.LOOPBACK}/32 scram-sha-256"]
    lines += [f"host {address.DATABASE} all {one} scram-sha-256" for one in networks]
    return "# Written anew at each start.\n" + "\n".join(lines) + "\n"


def _end_with(parent: int) -> None:
    """Have the server shut down, in order, when its keeper dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        os._exit(1)
