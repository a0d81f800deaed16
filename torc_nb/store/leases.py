"""A worker's lease: its claims are its own while it is renewed; what an expired one held is freed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, case, func, insert, select, update

from torc_nb import models
from torc_nb.errors import Conflict, NotFound
from torc_nb.models import Introduction, JobStatus, Membership
from torc_nb.models.quantities import format_duration
from torc_nb.store import (
    bulk,
    cancellations,
    counts,
    dependencies,
    events,
    leftovers,
    limits,
    machine,
    requirements,
    schema,
    watch,
)
from torc_nb.store.database import Database
from torc_nb.store.slices import number_of, slice_of
from torc_nb.store.spool import Cut, Farewell

#: How long a lease lasts, in seconds. A worker on another machine may be silent for two of them: it may have been the
#: database that did not answer, so whoever finds a lease run out grants one more first.
LEASE = 60.0

#: A lease that was renewed so lately is not renewed again, in seconds.
RENEWED = 1.0

#: A job that was running when its worker died this many times is failed: it takes its workers down.
MAX_INTERRUPTIONS = 3

#: A job that had a full walltime for itself this many times and did not end in it is failed: it needs more.
MAX_WALLTIMES = 2

#: States of a worker that holds a lease.
PRESENT = ("running", "leaving")

_workers = schema.workers
_jobs = schema.jobs


def join(database: Database, worker: Introduction) -> Membership:
    """Enter a worker.

    Raises
    ------
    NotFound
        Its workflow was deleted.
    Conflict
        Its allocation was canceled before it began.
    """
    workflows = schema.workflows
    with database.write() as connection:
        if connection.scalar(select(workflows.c.id).where(workflows.c.id == worker.workflow_id)) is None:
            raise NotFound(f"There is no workflow {worker.workflow_id} in {database!r} any more.")
        now = database.now(connection)
        entry = worker._asdict()
        del entry["scheduler_job"]
        times = {"started": now, "last_seen": now, "lease_expires": now + LEASE}
        worker_id: int = connection.scalar(
            insert(_workers).values(entry | times | {"state": "running", "packages": {}}).returning(_workers.c.id)
        )
        if worker.allocation_id is not None:
            _occupy(connection, worker.allocation_id, worker.scheduler_job)
        events.add(database, connection, worker.workflow_id, "worker joined", worker_id=worker_id, host=worker.host)
    return Membership(worker_id, worker.workflow_id, worker.allocation_id)


def _occupy(connection: Connection, allocation_id: int, scheduler_job: str | None) -> None:
    """Note that an allocation runs; and its name in Slurm, should the kernel that submitted it have died before."""
    allocations = schema.allocations
    found = connection.execute(
        select(allocations.c.kind, allocations.c.state, allocations.c.scheduler_job).where(
            allocations.c.id == allocation_id
        )
    ).first()
    if found is None:
        return
    if found.state == "canceled":
        raise Conflict(f"Allocation {allocation_id} was canceled before its worker began.")
    _change_allocation(connection, allocation_id, state="running", message="", ended=None)
    # A worker on this machine may be within a Slurm job too: that of the kernel, which is not ours to cancel.
    if found.kind == "slurm" and found.scheduler_job is None:
        _change_allocation(connection, allocation_id, scheduler_job=scheduler_job)


def renew(database: Database, connection: Connection, worker_id: int) -> str:
    """Renew a lease in the caller's transaction; one that was declared lost is taken up again.

    Returns the state before: ``running``, ``leaving`` where the worker was asked to leave, ``lost``.
    """
    now = database.now(connection)
    before = connection.execute(_STANDING, {"worker": worker_id}).first()
    if before is None:
        return "lost"
    if before.state == "running" and 0 <= now - before.last_seen < RENEWED:
        return "running"
    connection.execute(
        update(_workers)
        .where(_workers.c.id == worker_id)
        .values(
            last_seen=now,
            lease_expires=now + LEASE,
            state=case((_workers.c.state == "lost", "running"), else_=_workers.c.state),
        )
    )
    if before.state == "lost" and before.allocation_id is not None:
        _change_allocation(connection, before.allocation_id, state="running", message="", ended=None)
    return str(before.state)


_STANDING = (
    select(_workers.c.state, _workers.c.allocation_id, _workers.c.last_seen)
    .where(_workers.c.id == bindparam("worker"))
    .with_for_update(key_share=True)
)


def note_packages(database: Database, worker_id: int, packages: dict[str, str]) -> None:
    """Keep which versions of packages a worker's jobs run with."""
    with database.write() as connection:
        connection.execute(update(_workers).where(_workers.c.id == worker_id).values(packages=packages))


def ask_to_leave(database: Database, workflow_id: int, allocation_ids: Collection[int] | None = None) -> int:
    """Ask the workers of a workflow, or of some allocations of it, to leave, what they run given back.

    Returns how many those are.
    """
    present = (_workers.c.workflow_id == workflow_id, _workers.c.state == "running")
    of_some = () if allocation_ids is None else (_workers.c.allocation_id.in_(sorted(allocation_ids)),)
    with database.write() as connection:
        asked = connection.execute(update(_workers).where(*present, *of_some).values(state="leaving"))
        watch.announce(connection, workflow_id)
    return int(asked.rowcount)


def leave(database: Database, worker: Membership, *, message: str = "", cut: Cut | None = None) -> int:
    """End a worker's lease: what it claimed and did not finish is ready again. Returns how many jobs that were.

    A job that the end of a full walltime has ``cut`` for the second time is failed: it would be for ever.
    """
    with database.read() as connection:
        row = connection.execute(_with_files().where(_workers.c.id == worker.id)).first()
    if row is None:  # its workflow was deleted
        return 0
    with leftovers.settled(database, row):
        return _leave(database, row, Farewell(message, cut), _workers.c.id == worker.id)


def _leave(database: Database, worker: Row[Any], farewell: Farewell, condition: ColumnElement[bool]) -> int:
    with database.write() as connection:
        now = database.now(connection)
        # The worker's row comes first, here and wherever a lease ends: the order of locks.
        known = connection.execute(update(_workers).where(condition).values(state="left", last_seen=now)).rowcount
        if not known:
            return 0
        freed, failed = _free(database, connection, worker, cut=farewell.cut)
        cancellations.forget(connection, worker.id)
        message = farewell.message
        if worker.allocation_id is not None:
            _change_allocation(connection, worker.allocation_id, state="ended", ended=now, message=message)
        events.add(
            database, connection, worker.workflow_id, "worker left", worker_id=worker.id, message=message, freed=freed
        )
        watch.announce(connection, worker.workflow_id)  # others may have stayed for what it would leave
    _release(database, worker, failed)
    return freed


def _with_files() -> Select[Any]:
    """Workers, each with the folder of its workflow."""
    workflows = schema.workflows
    return select(_workers, workflows.c.files).join(workflows, workflows.c.id == _workers.c.workflow_id)


def expire(database: Database, workflow_id: int) -> int:
    """Free what dead workers of a workflow held: returns how many jobs that were.

    A worker of this machine is dead when its process is; one elsewhere, when its lease has run out twice. What it had
    finished while the database was away is taken in from its spool before anything of it is freed.
    """
    with database.read() as connection:
        now = database.now(connection)
        is_here = _workers.c.boot_id == machine.boot_id()
        doubtful = connection.execute(
            _with_files().where(
                _workers.c.workflow_id == workflow_id,
                _workers.c.state.in_(PRESENT),
                is_here | (_workers.c.lease_expires < now),
            )
        ).all()
    freed = 0
    for worker in doubtful:
        alive = machine.is_alive(worker.boot_id, worker.pid, worker.process_start)
        if alive or (alive is None and worker.lease_expires >= now):
            continue
        if alive is None and worker.lease_expires - worker.last_seen < 1.5 * LEASE:
            _grant(database, worker, now)
        else:
            freed += _bury(database, worker)
    leftovers.take_in(database, workflow_id)
    return freed


def _bury(database: Database, worker: Row[Any]) -> int:
    with leftovers.settled(database, worker) as farewell:
        if farewell is not None:
            return _leave(database, worker, farewell, _unrenewed(worker))
        return _declare_lost(database, worker)


def _unrenewed(worker: Row[Any]) -> ColumnElement[bool]:
    """The condition that a worker did nothing since it was looked at."""
    return and_(
        _workers.c.id == worker.id,
        _workers.c.state.in_(PRESENT),
        _workers.c.lease_expires == worker.lease_expires,
    )


def _grant(database: Database, worker: Row[Any], now: float) -> None:
    """Give a silent worker one more lease, which shows in that it ends long after the worker was last seen."""
    until = max(now, worker.last_seen + LEASE) + LEASE
    with database.write() as connection:
        connection.execute(update(_workers).where(_unrenewed(worker)).values(lease_expires=until))


def _declare_lost(database: Database, worker: Row[Any]) -> int:
    with database.write() as connection:
        lost = connection.execute(update(_workers).where(_unrenewed(worker)).values(state="lost")).rowcount
        if not lost:
            return 0
        freed, failed = _free(database, connection, worker, interrupted=True)
        cancellations.forget(connection, worker.id)
        if worker.allocation_id is not None:
            now = database.now(connection)
            _change_allocation(connection, worker.allocation_id, state="ended", ended=now, message="its worker died")
        events.add(database, connection, worker.workflow_id, "worker lost", worker_id=worker.id, freed=freed)
        watch.announce(connection, worker.workflow_id)
    _release(database, worker, failed)
    return freed


def _release(database: Database, worker: Row[Any], failed: list[Row[Any]]) -> None:
    if failed:
        map_ids = {job.map_id for job in failed}
        dependencies.release(database, worker.workflow_id, map_ids, [job.id for job in failed])
        limits.tell(database, worker.workflow_id, map_ids)


def _change_allocation(connection: Connection, allocation_id: int, **values: Any) -> None:
    allocations = schema.allocations
    connection.execute(update(allocations).where(allocations.c.id == allocation_id).values(values))


def _free(
    database: Database, connection: Connection, worker: Row[Any], *, interrupted: bool = False, cut: Cut | None = None
) -> tuple[int, list[Row[Any]]]:
    """Make a worker's unfinished jobs ready again, but those that would never finish: these fail.

    Returns how many jobs the worker held, and those that failed.
    """
    claimed = connection.execute(
        select(
            _jobs.c.id,
            _jobs.c.map_id,
            _jobs.c.requirement_id,
            _jobs.c.status,
            _jobs.c.attempt,
            _jobs.c.interruptions,
            _jobs.c.walltimes,
            _jobs.c.longest_cut,
            _jobs.c.note,
        )
        .where(_jobs.c.worker_id == worker.id, schema.CLAIMED)
        .order_by(_jobs.c.id)
        .with_for_update()
    ).all()
    tally = counts.Tally(worker.workflow_id)
    asked_now = requirements.AskedNow(connection, worker.workflow_id)
    rows = []
    failed: list[Any] = []
    for job in claimed:
        interruptions = job.interruptions + (interrupted and job.status == JobStatus.RUNNING)
        walltimes, longest_cut = _after_cut(job, cut)
        why = _why_hopeless(job.id, interruptions, walltimes, cut)
        status = JobStatus.READY if why is None else JobStatus.FAILED
        requirement_id = asked_now.of(job)
        rows.append(
            (
                int(status), requirement_id, None, interruptions, walltimes, longest_cut, why or job.note, job.id,
                job.status, job.attempt,
            )
        )  # fmt: skip
        tally.add(job.map_id, job.requirement_id, job.status, -1)
        tally.add(job.map_id, requirement_id, status)
        if why is not None:
            failed.append(job)
            events.add(
                database, connection, worker.workflow_id, "job failed", job_id=job.id, worker_id=worker.id, reason=why
            )
    bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt"),
        ("status", "requirement_id", "worker_id", "interruptions", "walltimes", "longest_cut", "note"),
        rows,
    )
    tally.write(connection, worker.id)
    return len(rows), failed


def _after_cut(job: Any, cut: Cut | None) -> tuple[int | None, float | None]:
    """How many full walltimes a job has used up, and the longest that one let it run."""
    if cut is None or job.id not in cut.ran:
        return job.walltimes, job.longest_cut
    longest = max(cut.ran[job.id], job.longest_cut or 0.0)
    return (job.walltimes or 0) + 1 if cut.was_full(job.id) else job.walltimes, longest


def _why_hopeless(job_id: int, interruptions: int, walltimes: int | None, cut: Cut | None) -> str | None:
    """Why a job will not be tried again; None where it will."""
    if interruptions >= MAX_INTERRUPTIONS:
        return f"took down its worker {interruptions} times"
    if cut is not None and cut.was_full(job_id) and (walltimes or 0) >= MAX_WALLTIMES:
        return f"needs more than {format_duration(cut.walltime)}"
    return None


def alive(connection: Connection, workflow_id: int) -> int:
    """Count the workers of a workflow that hold a lease."""
    return int(connection.scalar(_ALIVE, {"workflow": workflow_id}) or 0)


_ALIVE = (
    select(func.count())
    .select_from(_workers)
    .where(_workers.c.workflow_id == bindparam("workflow"), _workers.c.state == "running")
)


def running(database: Database, workflow_id: int) -> int:
    """Count the workers of a workflow that hold a lease, in a transaction of its own."""
    with database.read() as connection:
        return alive(connection, workflow_id)


def present(database: Database) -> int:
    """Count the workers of all workflows that are there: those of this machine that have died are not."""
    with database.read() as connection:
        rows = connection.execute(select(_workers).where(_workers.c.state.in_(PRESENT))).all()
    return sum(machine.is_alive(row.boot_id, row.pid, row.process_start) is not False for row in rows)


def is_any_leaving(connection: Connection, workflow_id: int) -> bool:
    """Whether a worker of a workflow is about to leave."""
    leaving = select(_workers.c.id).where(_workers.c.workflow_id == workflow_id, _workers.c.state == "leaving")
    return connection.scalar(leaving.limit(1)) is not None


def listed(
    database: Database,
    workflow_id: int,
    *,
    limit: int | None = None,
    offset: int = 0,
    newest_first: bool = False,
) -> list[models.WorkerModel]:
    """Return the workers of a workflow, oldest first unless asked otherwise."""
    order = _workers.c.id.desc() if newest_first else _workers.c.id
    statement = select(_workers).where(_workers.c.workflow_id == workflow_id).order_by(order)
    with database.read() as connection:
        rows = connection.execute(slice_of(statement, limit, offset)).mappings()
        return [models.WorkerModel(**row) for row in rows]


def number(database: Database, workflow_id: int) -> int:
    """Return how many workers a workflow ever had."""
    with database.read() as connection:
        return connection.scalar(number_of(_workers, workflow_id)) or 0
