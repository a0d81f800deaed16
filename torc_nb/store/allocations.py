"""What was asked of Slurm, or started on this machine, to bring workers."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from torc_nb import models
from torc_nb.errors import NotFound
from torc_nb.models import FINISHED
from torc_nb.store import counts, events, machine, schema
from torc_nb.store.database import Database
from torc_nb.store.slices import number_of, slice_of

_allocations = schema.allocations

#: States in which an allocation still brings, or will bring, a worker.
ALIVE = ("submitted", "running")

#: A launch that takes longer has failed, in seconds: sbatch is given two minutes.
LAUNCHES_WITHIN = 300.0

_UNSEEN = frozenset({"asked", "process", "ahead", "only", "chain"})


def create(
    database: Database,
    workflow_id: int,
    kind: str,
    n: int,
    scheduler_id: int | None = None,
    *,
    up_to: bool = False,
    only: Sequence[int] = (),
) -> list[int]:
    """Enter ``n`` allocations before they are launched, so that their workers can name them; returns their ids.

    With ``up_to`` only those that are missing to ``n``: of two who ask at once, the second finds what the first
    entered. Of local ones those of this machine count, and none that are there for some jobs ``only``.
    """
    with database.write() as connection:
        hold(connection, workflow_id)
        lasting = [one for one in those_alive(connection, workflow_id, kind) if not one["only"]]
        known = len(lasting) if up_to else 0
        return enter(database, connection, workflow_id, kind, [None] * (n - known), scheduler_id, only)


def enter(
    database: Database,
    connection: Connection,
    workflow_id: int,
    kind: str,
    chains: Sequence[int | None],
    scheduler_id: int | None = None,
    only: Sequence[int] = (),
) -> list[int]:
    """Enter allocations in a transaction that holds the workflow's, each in its chain; returns their ids."""
    if not chains:
        return []
    values = {
        "workflow_id": workflow_id,
        "scheduler_id": scheduler_id,
        "kind": kind,
        "state": "submitted",
        "submitted": database.now(connection),
        "log": "",
        "message": f"{len(only)} jobs first" if only else "",
        "only": list(only) or None,
        "process": _process(os.getpid()),
        "ahead": _is_done(connection, workflow_id),
    }
    entering = insert(_allocations).returning(_allocations.c.id)
    ids = [int(connection.scalar(entering.values(values | {"chain": chain})) or 0) for chain in chains]
    events.add(database, connection, workflow_id, "allocations submitted", scheduler=kind, ids=ids)
    return ids


def launched(database: Database, allocation_id: int, scheduler_job: str, log: str) -> bool:
    """Write where an allocation that was launched is found; False where it was canceled or removed meanwhile."""
    with database.write() as connection:
        found = connection.execute(
            select(_allocations.c.kind, _allocations.c.state).where(_allocations.c.id == allocation_id)
        ).first()
        if found is None:
            return False
        connection.execute(
            update(_allocations)
            .where(_allocations.c.id == allocation_id)
            .values(
                scheduler_job=scheduler_job,
                log=log,
                process=_process(int(scheduler_job)) if found.kind == "local" else None,
            )
        )
    return bool(found.state != "canceled")


def withdraw(database: Database, ids: Collection[int]) -> None:
    """Take back what was entered and could not be launched now, as if nobody had asked for it."""
    with database.write() as connection:
        connection.execute(
            delete(_allocations).where(_allocations.c.id.in_(sorted(ids)), _allocations.c.scheduler_job.is_(None))
        )


def put_back(database: Database, workflow_id: int, allocation_id: int, n: int) -> bool:
    """Note that an allocation which has ended goes back into Slurm's queue, unless ``n`` are alive; whether so."""
    with database.write() as connection:
        hold(connection, workflow_id)
        if len(those_alive(connection, workflow_id, "slurm")) >= n:
            return False
        done = connection.execute(
            update(_allocations)
            .where(_allocations.c.id == allocation_id, _allocations.c.state == "ended")
            .values(state="submitted", ended=None, message="queued again", asked=database.now(connection))
        )
    return bool(done.rowcount)


def cancel_surplus(database: Database, workflow_id: int, n: int) -> list[str]:
    """Cancel the newest of what waits in Slurm's queue, but for ``n``; returns Slurm's ids of those canceled."""
    with database.write() as connection:
        hold(connection, workflow_id)
        alive = those_alive(connection, workflow_id, "slurm")
        waiting = [one["id"] for one in alive if one["state"] == "submitted" and one["scheduler_job"] is not None]
        canceled = connection.execute(
            update(_allocations)
            .where(_allocations.c.id.in_(waiting[n:]), _allocations.c.state == "submitted")
            .values(state="canceled", message="no job was left for it", ended=database.now(connection))
            .returning(_allocations.c.scheduler_job)
        )
        return [str(row.scheduler_job) for row in canceled]


def hold(connection: Connection, workflow_id: int) -> None:
    """Let one after the other count a workflow's allocations and act upon it; on SQLite the transaction itself does."""
    workflows = schema.workflows
    connection.execute(select(workflows.c.id).where(workflows.c.id == workflow_id).with_for_update(key_share=True))


def those_alive(connection: Connection, workflow_id: int, kind: str) -> list[Mapping[str, Any]]:
    """Return the allocations of a kind that are alive; of local ones those of this machine."""
    rows = connection.execute(
        select(_allocations)
        .where(_allocations.c.workflow_id == workflow_id, _allocations.c.kind == kind, _allocations.c.state.in_(ALIVE))
        .order_by(_allocations.c.id)
    ).mappings()
    return [dict(row) for row in rows if kind != "local" or row["process"]["boot_id"] == machine.boot_id()]


def _is_done(connection: Connection, workflow_id: int) -> bool:
    """Whether all jobs have finished and no map is being written."""
    maps = schema.maps
    building = select(maps.c.id).where(maps.c.workflow_id == workflow_id, maps.c.state == "building").limit(1)
    return all(status in FINISHED for status in counts.total(connection, workflow_id)) and not connection.scalar(
        building
    )


def _process(pid: int) -> dict[str, Any]:
    return {"boot_id": machine.boot_id(), "pid": pid, "process_start": machine.process_start(pid)}


def here(database: Database, workflow_id: int) -> list[models.AllocationModel]:
    """Return the allocations that are alive on this machine."""
    with database.read() as connection:
        return [_record(row) for row in those_alive(connection, workflow_id, "local")]


def unreported(database: Database, workflow_id: int) -> list[int]:
    """Return the process ids of workers on this machine that were started and did not join yet."""
    with database.read() as connection:
        rows = those_alive(connection, workflow_id, "local")
    return [
        row["process"]["pid"]
        for row in rows
        if row["state"] == "submitted" and row["scheduler_job"] is not None and _lives(row["process"])
    ]


def stillborn(database: Database, workflow_id: int) -> list[models.AllocationModel]:
    """Return those from which no worker will come: what launches them, or the worker that they were, has ended.

    Where that cannot be known, as it is another machine's, or where the launch itself does not end, time tells.
    """
    with database.read() as connection:
        before = database.now(connection) - LAUNCHES_WITHIN
        rows = connection.execute(
            select(_allocations).where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.state == "submitted",
                _allocations.c.process.is_not(None),
            )
        ).mappings()
        return [_record(row) for row in map(dict, rows) if _is_stillborn(row, before)]


def _is_stillborn(row: Mapping[str, Any], before: float) -> bool:
    alive = _lives(row["process"])
    is_under_way = row["scheduler_job"] is None or alive is None
    return alive is False or (is_under_way and row["submitted"] < before)


def _lives(process: Mapping[str, Any]) -> bool | None:
    """Whether a process lives; None where it is another machine's."""
    # One that was gone already when it was looked at has no start.
    return bool(process["process_start"]) and machine.is_alive(
        process["boot_id"], process["pid"], process["process_start"]
    )


def cancel_idle(database: Database, workflow_id: int) -> list[str]:
    """Cancel what is in Slurm's queue for a workflow in which nothing is left to do; returns Slurm's ids of it.

    What was asked for ahead of any work stays until something is mapped.
    """
    maps = schema.maps
    mapped = select(func.max(maps.c.touched)).where(maps.c.workflow_id == workflow_id).scalar_subquery()
    with database.write() as connection:
        hold(connection, workflow_id)
        if not _is_done(connection, workflow_id):
            return []
        canceled = connection.execute(
            update(_allocations)
            .where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.kind == "slurm",
                _allocations.c.state == "submitted",
                _allocations.c.scheduler_job.is_not(None),
                _allocations.c.ahead.is_(False) | (_allocations.c.submitted < mapped),
            )
            .values(state="canceled", message="nothing was left to do", ended=database.now(connection))
            .returning(_allocations.c.scheduler_job)
        )
        return [str(row.scheduler_job) for row in canceled]


def change(database: Database, allocation_id: int, **values: Any) -> None:
    """Write what became known of an allocation."""
    with database.write() as connection:
        connection.execute(update(_allocations).where(_allocations.c.id == allocation_id).values(values))


def end(database: Database, allocation_id: int, state: str, message: str) -> None:
    """End an allocation that is alive, in ``ended``, ``failed`` or ``canceled``."""
    with database.write() as connection:
        connection.execute(
            update(_allocations)
            .where(_allocations.c.id == allocation_id, _allocations.c.state.in_(ALIVE))
            .values(state=state, message=message, ended=database.now(connection))
        )


def get(database: Database, allocation_id: int) -> models.AllocationModel:
    """Return an allocation.

    Raises
    ------
    NotFound
        None of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_allocations).where(_allocations.c.id == allocation_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no allocation {allocation_id}.")
    return _record(dict(row))


def may_ask(database: Database, workflow_id: int, age: float) -> bool:
    """Whether Slurm's last answer about a workflow's allocations is older than ``age`` seconds.

    Whoever gets True has promised to ask: the others wait for the answer to grow old again.
    """
    with database.write() as connection:
        now = database.now(connection)
        asked = connection.execute(
            update(_allocations)
            .where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.kind == "slurm",
                _allocations.c.state.in_(ALIVE),
                func.coalesce(_allocations.c.asked, 0.0) < now - age,
            )
            .values(asked=now)
        )
    return bool(asked.rowcount)


def listed(
    database: Database,
    workflow_id: int,
    *,
    alive: bool = False,
    limit: int | None = None,
    offset: int = 0,
    newest_first: bool = False,
) -> list[models.AllocationModel]:
    """Return a workflow's allocations, oldest first unless asked otherwise; those that are alive only, if asked."""
    order = _allocations.c.id.desc() if newest_first else _allocations.c.id
    statement = select(_allocations).where(_allocations.c.workflow_id == workflow_id).order_by(order)
    if alive:
        statement = statement.where(_allocations.c.state.in_(ALIVE))
    with database.read() as connection:
        rows = connection.execute(slice_of(statement, limit, offset)).mappings().all()
    return [_record(dict(row)) for row in rows]


def number(database: Database, workflow_id: int) -> int:
    """Return how many allocations a workflow ever had."""
    with database.read() as connection:
        return connection.scalar(number_of(_allocations, workflow_id)) or 0


def _record(row: Mapping[str, Any]) -> models.AllocationModel:
    return models.AllocationModel(**{name: value for name, value in row.items() if name not in _UNSEEN})
