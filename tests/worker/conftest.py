"""A workflow with maps, and real workers on it, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from services.postgres_server import PostgresServer

import torc_nb
from torc_nb import functions, values
from torc_nb.models import JobStatus, ResourceRequirementsModel, WorkerSettings, WorkflowModel
from torc_nb.store import Database, environments, jobs, leases, maps, requirements, results, workflows
from torc_nb.store import functions as stored_functions
from torc_nb.worker import log

FINISHED = {"completed", "failed", "canceled", "terminated"}


class Site:
    """One workflow, and those who work on it.

    Parameters
    ----------
    url : str
        The database.
    folder : Path
        Holds the workflow's files, the workers' logs and, in ``here``, the folder that the jobs run in.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.here = folder / "here"
        self.here.mkdir()
        self.database = Database.open(url)
        workflow = workflows.create(self.database, WorkflowModel(name="site", files=str(folder / "files")))
        self.id = workflow.id or 0
        self.files = Path(workflow.files)
        self.variables = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.processes: list[subprocess.Popen[bytes]] = []
        workflows.set_state(self.database, self.id, "started")

    def map(
        self,
        function: Callable[..., Any],
        rows: Iterable[Any],
        *,
        name: str = "run",
        postprocess: Callable[[list[Any]], Any] | None = None,
        cwd: Path | None = None,
        policy: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> int:
        """Map a function over rows, each one its argument; returns the map's id.

        ``policy``: what becomes of its failures, as a declaration tells.
        """
        requirement = self.requirement(**request)
        encoded = (maps.Parameters(e.text, e.digest) for e in map(values.encode, rows))
        declaration = maps.Declaration(
            name,
            stored_functions.keep(self.database, self.id, functions.capture(function)),
            environments.keep(
                self.database, self.id, environments.Environment(str(cwd or self.here), dict(self.variables))
            ),
            requirement,
            **(policy or {}),
        )
        if postprocess is not None:
            kept = stored_functions.keep(self.database, self.id, functions.capture(postprocess))
            declaration = replace(
                declaration, postprocess_id=kept, postprocess_requirement_id=self.requirement()
            )
        return maps.declare(self.database, self.id, declaration, encoded).map_id

    def requirement(self, **request: Any) -> int:
        """The id of a request."""
        model = ResourceRequirementsModel(workflow_id=self.id, **request)
        return requirements.keep(self.database, model).id or 0

    def worker(
        self,
        *,
        environ: dict[str, str] | None = None,
        lock_timeout: float | None = None,
        prelude: str = "",
        within: Sequence[str] = (),
        allocation_id: int = 0,
        **settings: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a worker; what it prints goes to a file, see ``said``.

        ``lock_timeout``: how long it waits for another writer, in seconds, where that is not to be as usual;
        ``prelude``: what its process executes first; ``within``: the command that starts it.
        """
        wanted = WorkerSettings(self.url, self.id, allocation_id, **settings)
        command = f"from torc_nb import worker, models; worker.run(models.WorkerSettings(*{tuple(wanted)!r}))"
        if lock_timeout is not None:
            command = f"from torc_nb.store import sqlite_file; sqlite_file.LOCK_TIMEOUT = {lock_timeout}; {command}"
        command = f"{prelude}{command}"
        source = str(Path(torc_nb.__file__).parent.parent)
        said = self.folder / f"worker-{len(self.processes)}.txt"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [*within, sys.executable, "-c", command],
                env={**os.environ, "PYTHONPATH": source, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def said(self, number: int = 0) -> str:
        """What a worker printed."""
        return (self.folder / f"worker-{number}.txt").read_text()

    def statuses(self, map_id: int | None = None) -> dict[str, int]:
        """How many jobs stand where."""
        if map_id is None:
            found = workflows.statuses(self.database, self.id)
        else:
            found = workflows.by_map(self.database, self.id)[map_id]
        return {status.label: n for status, n in found.items()}

    def wait(self, seconds: float = 40.0, map_id: int | None = None) -> dict[str, int]:
        """Wait until every job has finished; returns how many stand where."""
        self.until(lambda: set(self.statuses(map_id)) <= FINISHED, seconds)
        return self.statuses(map_id)

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                said = "\n".join(self.said(number) for number in range(len(self.processes)))
                raise AssertionError(f"it did not come to pass: {self.statuses()}\n{said}")
            time.sleep(0.02)

    def run(self, **settings: Any) -> dict[str, int]:
        """Start a worker and wait for its end; returns how many jobs stand where."""
        process = self.worker(**settings)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker stays: {self.statuses()}\n{self.said(len(self.processes) - 1)}") from None
        return self.statuses()

    def jobs(self, *statuses: JobStatus) -> list[Any]:
        """The jobs, of some statuses only if given."""
        return jobs.listed(self.database, self.id, statuses=statuses or None)

    def values(self, map_id: int) -> list[Any]:
        """The results of a map in the order of its rows; None where there is none."""
        folder = self.files / "values"
        found = results.of_map(self.database, self.id, map_id)
        return [None if row[4] is None else values.decode(row[4], spill_folder=folder) for row in found]

    def attempts(self, job_id: int | None = None) -> list[Any]:
        """All attempts, of one job only if given."""
        return results.attempts(self.database, self.id, job_id)

    def result(self, job_id: int) -> Any:
        """What the newest attempt of a job ended with."""
        return results.effective(self.database, job_id)

    def printed(self, job_id: int) -> tuple[str, str]:
        """What the newest attempt of a job printed."""
        row = self.result(job_id)
        return log.read(self.files / "logs", row.worker_id, row.log_offset, row.stdout_bytes, row.stderr_bytes)

    def workers(self) -> list[Any]:
        """The workers' records."""
        return leases.listed(self.database, self.id)

    def lines(self, name: str = "ran") -> list[str]:
        """The lines that jobs appended to a file of their folder."""
        path = self.here / name
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        """End all workers, and fail where one leaves anything behind."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.database.close()


def children_of(pid: int) -> list[psutil.Process]:
    """All living descendants of a process."""
    return psutil.Process(pid).children(recursive=True)


def are_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these lives; a zombie that nobody reaps is dead too."""
    return not any(map(_lives, processes))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A workflow in an SQLite database."""
    made = Site(f"sqlite:///{tmp_path / 'torc.db'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def any_site(store_url: str, tmp_path: Path) -> Iterator[Site]:
    """A workflow, on each of the two kinds of database in turn."""
    made = Site(store_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def far_site(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    """A workflow on a server that the test can stop."""
    url = postgres_server.create_database()
    site = Site(url, tmp_path)
    yield site
    site.close()
    postgres_server.drop_database(url)


@contextlib.contextmanager
def outage(server: PostgresServer, site: Site) -> Iterator[None]:
    """Stop the server for a while."""
    site.database.close()
    server.shut_down()
    try:
        yield
    finally:
        server.bring_up()
