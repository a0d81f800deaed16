"""A worker's life: join, run jobs until there are none, leave."""

from __future__ import annotations

import contextlib
import os
import platform
import select
import shutil
import signal
import socket
import time
from pathlib import Path
from types import FrameType

from torc_nb.errors import DatabaseElsewhere, TorcError
from torc_nb.models import WorkerModel, WorkerSettings, WorkflowModel
from torc_nb.store import Database, leases, machine, workflows
from torc_nb.worker import node
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.crew import Crew
from torc_nb.worker.ledger import Ledger
from torc_nb.worker.log import Log
from torc_nb.worker.nursery import Nursery
from torc_nb.worker.packing import Packing

#: How often running jobs are looked after, in seconds.
ROUND = 0.1
#: While children are busy with short jobs their answers are let gather for this long, in seconds.
GATHER = 0.003

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shift:
    """One worker from its start to its end."""

    def __init__(self, settings: WorkerSettings, nursery: Nursery) -> None:
        self._settings = settings
        self._nursery = nursery
        self._told_to_stop: str | None = None
        self._wake_read, self._wake_write = os.pipe()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)

    def work(self) -> None:
        """Work until there is nothing left to do, or until told to stop."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._stop)
        database = self._open()
        workflow = workflows.get(database, self._settings.workflow_id)
        whole = node.capacity(self._settings)
        folder = Path(workflow.files)
        self._check_folder(folder)
        worker = leases.join(database, self._introduction(whole.num_cpus, whole.num_gpus, whole.memory))
        assignments = Assignments(database, workflow)
        with contextlib.closing(Log(folder / "logs", worker.id or 0)) as log:
            packing = Packing(whole, node.cpu_set(), node.gpus(os.environ))
            crew = Crew(self._nursery, packing, assignments, workflow, log)
            ledger = Ledger(database, worker, assignments, self._wake)
            ledger.start()
            message = "failed"
            try:
                message = self._loop(crew, ledger, workflow)
            finally:
                crew.stop()
                ledger.record(crew.completions(), urgent=True)
                ledger.finish()
                shutil.rmtree(assignments.scratch, ignore_errors=True)
                leases.leave(database, worker, message=message)
                self._nursery.close()

    def _open(self) -> Database:
        if self._settings.database.startswith("sqlite") and self._settings.origin not in ("", machine.boot_id()):
            raise DatabaseElsewhere(
                f"The SQLite database {self._settings.database.removeprefix('sqlite:///')} serves workers on its own "
                f"machine only, and this is {socket.gethostname()}. Use a PostgreSQL database: `%torc db start`."
            )
        return Database.open(self._settings.database, create=False)

    def _check_folder(self, folder: Path) -> None:
        """Prove that this node sees the workflow's folder."""
        try:
            (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise TorcError(
                f"{socket.gethostname()} cannot use the workflow's folder {folder}: {error.strerror}. "
                "Give the workflow a folder that all nodes see and may write."
            ) from error

    def _introduction(self, cpus: int, gpus: int, memory: int) -> WorkerModel:
        return WorkerModel(
            workflow_id=self._settings.workflow_id,
            allocation_id=self._settings.allocation_id or None,
            host=os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
            pid=os.getpid(),
            boot_id=machine.boot_id(),
            process_start=machine.process_start(),
            num_cpus=cpus,
            num_gpus=gpus,
            memory=memory,
            python=platform.python_version(),
        )

    def _loop(self, crew: Crew, ledger: Ledger, workflow: WorkflowModel) -> str:
        """Run jobs; returns why it ended."""
        idle_since = time.monotonic()
        looked_after = 0.0
        while self._told_to_stop is None:
            news = ledger.news()
            if news.error is not None:
                raise news.error
            if news.state == "deleted":
                return "its workflow was deleted"
            if news.state == "leaving":
                return "it was asked to leave"
            crew.accept(news.claims)
            crew.cancel(news.cancel)
            crew.collect()
            crew.hand_out()
            now = time.monotonic()
            if now - looked_after > ROUND:
                ledger.mark_started(crew.look_after())
                looked_after = now
            if done := crew.completions():
                ledger.record(done, urgent=crew.is_idle)
            ledger.ask(crew.appetite())
            if not crew.is_idle:
                idle_since = now
            elif reason := self._reason_to_leave(now - idle_since, news.may_get_work):
                return reason
            if crew.is_gone:
                return "its nursery was killed"
            self._wait(crew)
        return self._told_to_stop

    def _reason_to_leave(self, idle: float, may_get_work: bool) -> str | None:
        if not may_get_work and idle >= self._settings.linger:
            return "nothing was left to do"
        if idle >= self._settings.idle_timeout:
            return f"it had nothing to do for {self._settings.idle_timeout:.0f} s"
        return None

    def _wait(self, crew: Crew) -> None:
        if crew.is_busy_with_short_jobs:
            time.sleep(GATHER)
            timeout = 0.0
        else:
            timeout = ROUND
        readable, _, _ = select.select([self._wake_read, *crew.descriptors()], [], [], timeout)
        if self._wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = f"it was stopped by {signal.Signals(number).name}"


