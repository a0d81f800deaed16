"""A worker's lease: its claims are its own while it is renewed; what an expired one held is freed."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from torc_nb.models import CLAIMED, JobStatus, WorkerModel
from torc_nb.store import bulk, counts, events, machine, schema
from torc_nb.store.database import Database

#: How long a worker on another machine may be silent before its jobs are given to others, in seconds.
LEASE = 120.0

#: A job that was running when its worker died this many times is failed: it takes its workers down.
MAX_INTERRUPTIONS = 3

#: States of a worker that holds a lease.
PRESENT = ("running", "leaving")

_workers = schema.workers
_jobs = schema.jobs


def join(database: Database, worker: WorkerModel) -> WorkerModel:
    """Enter a worker; returns it with its id."""
    with database.write() as connection:
        now = database.now(connection)
        values = worker.model_dump(exclude={"id"}) | {
            "started": now,
            "last_seen": now,
            "lease_expires": now + LEASE,
            "state": "running",
        }
        worker_id = connection.scalar(insert(_workers).values(values).returning(_workers.c.id))
        if worker.allocation_id is not None:
            allocations = schema.allocations
            connection.execute(
                update(allocations)
                .where(allocations.c.id == worker.allocation_id)
                .values(state="running", message="")
            )
        events.add(database, connection, worker.workflow_id, "worker joined", worker_id=worker_id, host=worker.host)
    return worker.model_copy(update={"id": worker_id, **values})


def renew(database: Database, connection: Connection, worker_id: int) -> str:
    """Renew a lease in the caller's transaction; one that was declared lost is taken up again.

    Returns the state before: ``running``, ``leaving`` where the worker was asked to leave, ``lost``.
    """
    now = database.now(connection)
    state = connection.scalar(select(_workers.c.state).where(_workers.c.id == worker_id))
    connection.execute(
        update(_workers)
        .where(_workers.c.id == worker_id)
        .values(last_seen=now, lease_expires=now + LEASE, state="leaving" if state == "leaving" else "running")
    )
    return str(state)


def ask_to_leave(database: Database, workflow_id: int) -> int:
    """Ask the workers of a workflow to leave, what they run given back; returns how many those are."""
    with database.write() as connection:
        asked = connection.execute(
            update(_workers)
            .where(_workers.c.workflow_id == workflow_id, _workers.c.state == "running")
            .values(state="leaving")
        )
    return int(asked.rowcount)


def leave(database: Database, worker: WorkerModel, *, message: str = "") -> int:
    """End a worker's lease: what it claimed and did not finish is ready again. Returns how many jobs that were."""
    assert worker.id is not None
    with database.write() as connection:
        freed = _free(database, connection, worker.workflow_id, worker.id, interrupted=False)
        connection.execute(
            update(_workers)
            .where(_workers.c.id == worker.id)
            .values(state="left", last_seen=database.now(connection))
        )
        if worker.allocation_id is not None:
            allocations = schema.allocations
            connection.execute(
                update(allocations)
                .where(allocations.c.id == worker.allocation_id)
                .values(state="ended", ended=database.now(connection), message=message)
            )
        events.add(
            database, connection, worker.workflow_id, "worker left", worker_id=worker.id, message=message, freed=freed
        )
    return freed


def expire(database: Database, workflow_id: int) -> int:
    """Free what dead workers of a workflow held: returns how many jobs that were.

    A worker of this machine is dead when its process is; one elsewhere, when its lease has run out.
    """
    with database.read() as connection:
        now = database.now(connection)
        running = connection.execute(
            select(_workers).where(_workers.c.workflow_id == workflow_id, _workers.c.state.in_(PRESENT))
        ).all()
    freed = 0
    for worker in running:
        alive = machine.is_alive(worker.boot_id, worker.pid, worker.process_start)
        if alive or (alive is None and worker.lease_expires >= now):
            continue
        freed += _declare_lost(database, workflow_id, worker.id, worker.lease_expires)
    return freed


def _declare_lost(database: Database, workflow_id: int, worker_id: int, lease_expires: float) -> int:
    with database.write() as connection:
        lost = connection.execute(
            update(_workers)
            .where(
                _workers.c.id == worker_id,
                _workers.c.state.in_(PRESENT),
                _workers.c.lease_expires == lease_expires,  # it did not renew since we looked
            )
            .values(state="lost")
            .returning(_workers.c.allocation_id)
        ).first()
        if lost is None:
            return 0
        freed = _free(database, connection, workflow_id, worker_id, interrupted=True)
        allocations = schema.allocations
        connection.execute(
            update(allocations)
            .where(allocations.c.id == lost.allocation_id, allocations.c.state == "running")
            .values(state="ended", ended=database.now(connection), message="its worker died")
        )
        events.add(database, connection, workflow_id, "worker lost", worker_id=worker_id, freed=freed)
    return freed


def _free(database: Database, connection: Connection, workflow_id: int, worker_id: int, *, interrupted: bool) -> int:
    """Make a worker's unfinished jobs ready again; one that was running when it died too often is failed."""
    claimed = connection.execute(
        select(
            _jobs.c.id,
            _jobs.c.map_id,
            _jobs.c.requirement_id,
            _jobs.c.status,
            _jobs.c.attempt,
            _jobs.c.interruptions,
            _jobs.c.note,
        )
        .where(_jobs.c.worker_id == worker_id, _jobs.c.status.in_([int(status) for status in CLAIMED]))
        .order_by(_jobs.c.id)
        .with_for_update()
    ).all()
    tally = counts.Tally(workflow_id)
    rows = []
    for job in claimed:
        interruptions = job.interruptions + (interrupted and job.status == JobStatus.RUNNING)
        took_down = interruptions >= MAX_INTERRUPTIONS
        status = JobStatus.FAILED if took_down else JobStatus.READY
        note = f"took down its worker {interruptions} times" if took_down else job.note
        rows.append((int(status), None, interruptions, note, job.id, job.status, job.attempt))
        tally.move(job.map_id, job.requirement_id, job.status, status)
        if took_down:
            events.add(database, connection, workflow_id, "job failed", job_id=job.id, worker_id=worker_id, reason=note)
    bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt"),
        ("status", "worker_id", "interruptions", "note"),
        rows,
    )
    tally.write(connection, worker_id)
    return len(rows)


def alive(connection: Connection, workflow_id: int) -> int:
    """Count the workers of a workflow that hold a lease."""
    return int(
        connection.scalar(
            select(func.count())
            .select_from(_workers)
            .where(_workers.c.workflow_id == workflow_id, _workers.c.state == "running")
        )
        or 0
    )


def listed(database: Database, workflow_id: int) -> list[WorkerModel]:
    """Return the workers of a workflow, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            select(_workers).where(_workers.c.workflow_id == workflow_id).order_by(_workers.c.id)
        ).mappings()
        return [WorkerModel(**row) for row in rows]
