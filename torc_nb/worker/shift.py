"""A worker's life: join, run jobs until there are none, leave."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import select
import shutil
import sys
import time
from pathlib import Path

from torc_nb.errors import TorcError
from torc_nb.models import Introduction, WorkerSettings
from torc_nb.store import Database, allocations, claims, exclusions, leases, machine, trust, workflows
from torc_nb.store.spool import Spool
from torc_nb.worker import node
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.backlog import Backlog
from torc_nb.worker.beginning import Beginning
from torc_nb.worker.bell import Bell
from torc_nb.worker.crew import Crew
from torc_nb.worker.departure import Departure, cancel_what_waits
from torc_nb.worker.guard import Guard
from torc_nb.worker.ledger import Ledger
from torc_nb.worker.live import Live
from torc_nb.worker.log import Log
from torc_nb.worker.nurseries import Nurseries
from torc_nb.worker.nursery import Nursery
from torc_nb.worker.packing import Packing
from torc_nb.worker.place import check_folder, host, open_database
from torc_nb.worker.relief import Relief
from torc_nb.worker.reports import Reports
from torc_nb.worker.telling import Telling

#: How often running jobs are looked after, in seconds.
ROUND = 0.1
#: While children are busy with short jobs their answers are let gather for this long, in seconds.
GATHER = 0.003

_NOTHING_LEFT = "nothing was left to do"
_ASKED = "it was asked to leave"


class Shift:
    """One worker from its start to its end."""

    def __init__(self, settings: WorkerSettings, nursery: Nursery, bell: Bell) -> None:
        self._settings = settings
        self._nursery = nursery
        self._bell = bell

    def work(self) -> None:
        """Work until there is nothing left to do, or until told to stop."""
        # Claims and results come by the thousand and hold no cycles: looking for some takes a third of our time.
        gc.freeze()
        gc.set_threshold(50_000, 50, 50)
        try:
            database = open_database(self._settings)
            workflow = workflows.get(database, self._settings.workflow_id)
            trust.check(database, workflow, "Workers run their own user's workflows")
            files = Path(workflow.files)
            check_folder(files, self._settings.trust)
            relief = Relief(database, self._settings)
            relief.start()
            self._telling = Telling(database, self._settings)
            self._telling.start()
            try:
                reason = self._work_on(database, files)
                relief.call()
            except TorcError:
                self._telling.call()
                raise
            if reason != _ASKED:
                self._telling.call()
        except TorcError as error:
            sys.exit(f"torc_nb worker: {error}")
        finally:
            self._nursery.close()

    def _work_on(self, database: Database, files: Path) -> str:
        """Be a worker as long as there is something to do; returns why it left for good."""
        while (reason := self._join_and_leave(database, files)) == _NOTHING_LEFT:
            # Whoever declares work and then looks for a worker may have found this one just before it left.
            if not claims.can_still_get_work(database, self._settings.workflow_id, self._settings.only):
                cancel_what_waits(database, self._settings.workflow_id)
                break
        return reason

    def _join_and_leave(self, database: Database, files: Path) -> str:
        """Be a worker once; returns why it left."""
        whole = node.capacity(self._settings)
        slurm_node = self._slurm_node(database)
        assignments = Assignments(database, self._settings.workflow_id)
        try:
            worker = leases.join(database, self._introduction(whole.num_cpus, whole.num_gpus, whole.memory))
        except BaseException:
            shutil.rmtree(assignments.scratch, ignore_errors=True)
            raise
        if slurm_node is not None and (excluded := _excluded(database, worker.workflow_id, slurm_node)):
            shutil.rmtree(assignments.scratch, ignore_errors=True)
            leases.leave(database, worker, message=excluded)
            return excluded
        packing = Packing(whole, node.cpu_set(), node.gpus(os.environ))
        backlog = Backlog(Spool(files, worker.id))
        beginning = Beginning(database, worker, assignments, whole, host(), slurm_node)
        ledger = Ledger(
            database, worker, assignments, backlog, beginning, self._bell.ring, only=self._settings.only
        )
        had = whole.time_left
        walltime = None if had is None else node.walltime(os.environ, had)
        departure = Departure(database, worker, files, walltime, had, lambda: packing.time_left)
        with contextlib.ExitStack() as at_the_end:  # each of these whatever became of those below it
            at_the_end.callback(backlog.close)
            at_the_end.callback(departure.leave)
            at_the_end.callback(beginning.hand_back)  # then those who stay for it find it
            at_the_end.callback(shutil.rmtree, assignments.scratch, ignore_errors=True)
            log = at_the_end.enter_context(contextlib.closing(Log(files / "logs", worker.id)))
            reports = Reports(assignments, packing, log)
            nurseries = Nurseries(self._nursery, packing, worker.workflow_id, files, assignments.scratch)
            crew = Crew(nurseries, packing, assignments, reports)
            guard = Guard(crew, packing, assignments, reports)
            live = at_the_end.enter_context(contextlib.closing(Live(files)))
            ledger.start()
            at_the_end.callback(ledger.finish)
            at_the_end.callback(lambda: ledger.record(reports.take(), urgent=True))
            at_the_end.callback(crew.stop)
            try:
                departure.message = self._loop(crew, guard, reports, ledger, departure, live)
            except TorcError as error:
                departure.message = str(error)
                raise
        return departure.message

    def _slurm_node(self, database: Database) -> str | None:
        """What Slurm calls the node that it gave us; None where nobody gave it, be it within an allocation."""
        name = os.environ.get("SLURMD_NODENAME")
        if not name or not self._settings.allocation_id:
            return name or None
        return name if allocations.get(database, self._settings.allocation_id).kind == "slurm" else None

    def _introduction(self, cpus: int, gpus: int, memory: int) -> Introduction:
        return Introduction(
            workflow_id=self._settings.workflow_id,
            allocation_id=self._settings.allocation_id or None,
            host=host(),
            pid=os.getpid(),
            boot_id=machine.boot_id(),
            process_start=machine.process_start(),
            num_cpus=cpus,
            num_gpus=gpus,
            memory=memory,
            python=platform.python_version(),
            scheduler_job=node.scheduler_job(os.environ),
        )

    def _loop(
        self, crew: Crew, guard: Guard, reports: Reports, ledger: Ledger, departure: Departure, live: Live
    ) -> str:
        """Run jobs; returns why it ended."""

        def running() -> dict[int, float]:
            # Whoever ends an allocation signals the jobs' processes too, which may be faster than we are.
            return reports.doubtful() | crew.running()

        idle_since = time.monotonic()
        last_round = 0.0
        while self._bell.told_to_stop is None:
            news = ledger.news()
            if news.error is not None:
                raise news.error
            if news.is_suspect is not None:
                return news.is_suspect
            if news.state in ("deleted", "leaving"):
                return "its workflow was deleted" if news.state == "deleted" else _ASKED
            if news.had_lost_lease:
                crew.forget_waiting()
            crew.accept(news.claims)
            crew.cancel(news.cancel)
            live.show(news.show)
            crew.collect()
            if news.state == "paused":
                ledger.give_back(crew.take_waiting())
            elif news.stopped:
                ledger.give_back(crew.take_waiting(news.stopped))
            crew.hand_out()
            now = time.monotonic()
            if now - last_round > ROUND:
                ledger.mark_started(guard.make_a_round())
                live.make_a_round(crew.children)
                ledger.secure()
                departure.foresee(running)
                if not ledger.is_cut_off:  # then nobody else can have them
                    ledger.give_back(crew.take_unserved())
                last_round = now
            if done := reports.take():
                ledger.record(done, urgent=crew.is_idle)
            ledger.ask(None if departure.is_out_of_time else crew.appetite())
            self._telling.note(nothing_left=crew.is_idle and not news.may_get_work)
            if not crew.is_idle:
                idle_since = now
            elif departure.is_out_of_time:
                return departure.end_of_walltime({})
            elif reason := self._reason_to_leave(now - idle_since, news.may_get_work):
                return reason
            if crew.is_gone:
                return "its nursery was killed"
            self._wait(crew)
        return departure.stopped(self._bell.told_to_stop, running())

    def _reason_to_leave(self, idle: float, may_get_work: bool) -> str | None:
        if not may_get_work and idle >= self._settings.linger:
            return _NOTHING_LEFT
        if idle >= self._settings.idle_timeout:
            return f"it had nothing to do for {self._settings.idle_timeout:.0f} s"
        return None

    def _wait(self, crew: Crew) -> None:
        if crew.is_busy_with_short_jobs:
            time.sleep(GATHER)
            timeout = 0.0
        else:
            timeout = ROUND
        readable, _, _ = select.select([self._bell.fileno(), *crew.descriptors()], crew.outboxes(), [], timeout)
        if self._bell.fileno() in readable:
            self._bell.silence()


def _excluded(database: Database, workflow_id: int, node_name: str) -> str:
    """Say that this node is not to be used, and why; "" where it may be."""
    reason = exclusions.reason(database, workflow_id, node_name)
    if reason is None:
        return ""
    return (
        f"the node {node_name} is excluded ({reason.rstrip('. ') or 'by the user'}); "
        f"`%torc hpc slurm excluded-nodes remove {node_name}` lets it be used again"
    )
