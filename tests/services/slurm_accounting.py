"""A real Slurm that keeps account: with slurmdbd and MariaDB in the cluster's folder, and limits that are enforced."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from services.ports import free_ports
from services.slurm_cluster import START_SECONDS, SlurmCluster, search_path

PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd")

#: The account that the user of the cluster may use; there is no other.
ACCOUNT = "torc"

_CONFIGURATION = """\
AuthType=auth/none
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser={user}
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
"""

# What slurmdbd asks of its database, and no more memory than a test's needs.
_DATABASE_OPTIONS = (
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=8M",
    "--innodb-lock-wait-timeout=900",
    "--innodb-flush-log-at-trx-commit=0",
    "--performance-schema=OFF",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
)

#: Where MariaDB's package puts what its own tables are made with.
_TABLES = Path("/usr/share/mysql")

_GRANTS = """\
CREATE DATABASE slurm;
CREATE USER slurm@localhost IDENTIFIED BY 'slurm';
CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';
GRANT ALL ON slurm.* TO slurm@localhost;
GRANT ALL ON slurm.* TO slurm@'127.0.0.1';
"""


class AccountingCluster(SlurmCluster):
    """A private Slurm cluster with accounting, in which a job needs an account, and limits bind.

    The user has one account, ``torc``, and no limits until :meth:`limit` sets some.
    """

    @staticmethod
    def missing() -> list[str]:
        """The programs that this machine lacks for a cluster with accounting."""
        lacking = [program for program in PROGRAMS if shutil.which(program, path=search_path()) is None]
        return SlurmCluster.missing() + lacking

    def limit(self, **limits: int) -> None:
        """Set limits of the user's, for instance ``MaxSubmitJobs=3``; -1 takes one away."""
        words = [f"{name}={value}" for name, value in limits.items()]
        self.run("sacctmgr", "-i", "modify", "user", "where", f"name={self._user}", "set", *words)

    def clear(self) -> None:
        """Cancel all jobs, take the limits away, and wait until all nodes are free again."""
        self.limit(MaxSubmitJobs=-1, MaxJobs=-1)
        super().clear()

    def _accounting(self) -> str:
        self._port, self._database_port = free_ports(2)
        return "\n".join(
            [
                "AccountingStorageType=accounting_storage/slurmdbd",
                "AccountingStorageHost=127.0.0.1",
                f"AccountingStoragePort={self._port}",
                "AccountingStorageEnforce=associations,limits,qos",
            ]
        )

    def _before_controller(self) -> None:
        self._start_database()
        path = self.folder / "slurmdbd.conf"
        path.touch(mode=0o600)  # slurmdbd refuses one that others may read
        path.write_text(
            _CONFIGURATION.format(
                folder=self.folder, user=self._user, port=self._port, database_port=self._database_port
            )
        )
        self._spawn("slurmdbd", "slurmdbd", "-D")
        self._once("sacctmgr", "-i", "add", "cluster", "torc")
        self._once("sacctmgr", "-i", "add", "account", ACCOUNT, "cluster=torc")
        self._once("sacctmgr", "-i", "add", "user", self._user, f"account={ACCOUNT}", f"defaultaccount={ACCOUNT}")

    def _start_database(self) -> None:
        data = self.folder / "mariadb"
        data.mkdir()
        # What mariadb-install-db does, which asks for MariaDB's client too.
        sources = (_TABLES / "mysql_system_tables.sql", _TABLES / "mysql_system_tables_data.sql")
        bootstrap = "\n".join(["CREATE DATABASE mysql;", "USE mysql;", *(path.read_text() for path in sources)])
        subprocess.run(
            [*self._within("mariadbd"), *self._mariadbd(), f"--datadir={data}", *_DATABASE_OPTIONS, "--bootstrap"],
            env=self._environment(), input=bootstrap.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            check=True,
        )  # fmt: skip
        script = self.folder / "grants.sql"
        script.write_text(_GRANTS)
        self._spawn(
            "mariadbd",
            *self._mariadbd(),
            f"--datadir={data}",
            f"--socket={self.folder}/mariadb.sock",
            f"--pid-file={self.folder}/mariadb.pid",
            f"--port={self._database_port}",
            f"--init-file={script}",
            *_DATABASE_OPTIONS,
        )

    def _mariadbd(self) -> list[str]:
        as_root = ["--user=root"] if self._user == "root" else []  # it wants to hear that
        return ["mariadbd", "--no-defaults", *as_root]

    def _once(self, program: str, *arguments: str) -> None:
        """Run a command as soon as whom it asks answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.run(program, *arguments)
                return
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
