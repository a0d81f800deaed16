"""Who is told what became of a workflow: the commands that are called for it, each once in a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from torc_nb import models
from torc_nb.models import FAILURES, FINISHED, JobStatus
from torc_nb.store import allocations, bulk, claims, counts, events, leases, schema
from torc_nb.store.database import Database

_notifications = schema.notifications
_tellings = schema.tellings
_workflows = schema.workflows
_workers = schema.workers
_allocations = schema.allocations
_maps = schema.maps
_events = schema.events

#: What there is to be told, in the order in which it is.
EVENTS = ("failing", "done", "stuck")

#: So many jobs of a run have to fail, and be at least half of those that ended, for it to be failing.
FAILING = 5

#: Whoever was to call a command and has not said for so long that it ended is gone, in seconds: somebody else does.
ABANDONED = 180.0

#: What begins a run, as events call it.
_RUNS = ("jobs rerun", "workflow reinitialized", "jobs tried elsewhere")


class Telling(NamedTuple):
    """A command that is to be called now, and what for.

    ``statuses`` is how many jobs have which status, ``run_id`` and ``finished`` say when it was so.
    """

    notification_id: int
    command: str
    event: str
    run_id: int
    statuses: Mapping[JobStatus, int]

    @property
    def finished(self) -> int:
        """How many jobs have finished."""
        return sum(n for status, n in self.statuses.items() if status in FINISHED)


def keep(database: Database, workflow_id: int, command: str, on: Collection[str]) -> models.NotificationModel:
    """Keep a command that is to be called for some events; the same one again is kept once, for what is said last.

    What is already so at that moment is not told.
    """
    wanted = " ".join(event for event in EVENTS if event in on)
    with database.write() as connection:
        _lock(connection, workflow_id)
        known = connection.scalar(
            update(_notifications)
            .where(_notifications.c.workflow_id == workflow_id, _notifications.c.command == command)
            .values(on=wanted)
            .returning(_notifications.c.id)
        )
        if known is None:
            values = {"workflow_id": workflow_id, "command": command, "on": wanted, "completed": 0, "failed": 0}
            known = connection.scalar(insert(_notifications).values(values).returning(_notifications.c.id))
            events.add(database, connection, workflow_id, "notification declared", command=command, on=wanted)
            now = database.now(connection)
            for telling in [one for one in _untold(connection, workflow_id, now) if one.notification_id == known]:
                _write(connection, telling, claimed=now, told=now)
    return models.NotificationModel(id=known, workflow_id=workflow_id, command=command, on=wanted.split())


def listed(database: Database, workflow_id: int) -> list[models.NotificationModel]:
    """Return the commands that are called for a workflow, in the order in which they were declared."""
    with database.read() as connection:
        return [
            models.NotificationModel(id=row.id, workflow_id=workflow_id, command=row.command, on=row.on.split())
            for row in _of(connection, workflow_id)
        ]


def forget(database: Database, workflow_id: int, ids: Collection[int] | None = None) -> int:
    """Call some commands no more, or none; returns how many those were."""
    chosen = [_notifications.c.workflow_id == workflow_id]
    if ids is not None:
        chosen.append(_notifications.c.id.in_(sorted(ids)))
    with database.write() as connection:
        n = connection.execute(delete(_notifications).where(*chosen)).rowcount
        if n:
            events.add(database, connection, workflow_id, "notifications removed", count=n)
    return int(n)


def begin_run(database: Database, workflow_id: int) -> None:
    """Note what the jobs have come to as a new run begins: what failed before is none of its failures."""
    with database.read() as connection:
        if not _of(connection, workflow_id):
            return
    with database.write() as connection:
        completed, failed = _ended(counts.total(connection, workflow_id))
        connection.execute(
            update(_notifications)
            .where(_notifications.c.workflow_id == workflow_id)
            .values(completed=completed, failed=failed)
        )


def due(database: Database, workflow_id: int, *, leaving: bool = False) -> bool:
    """Whether any command is to be called now.

    ``leaving``: a worker asks that has just left, after which nobody may be there to go on.
    """
    with database.read() as connection:
        if not _of(connection, workflow_id):
            return False
    stays = claims.can_still_get_work(database, workflow_id)
    with database.read() as connection:
        now = database.now(connection)
        return next(_untold(connection, workflow_id, now, leaving=leaving, stays=stays), None) is not None


def claim(database: Database, workflow_id: int, *, leaving: bool = False) -> Telling | None:
    """Take upon oneself to call a command that is to be called now; of several who ask, each one gets it once."""
    stays = claims.can_still_get_work(database, workflow_id)
    with database.write() as connection:
        _lock(connection, workflow_id)
        now = database.now(connection)
        found = next(_untold(connection, workflow_id, now, leaving=leaving, stays=stays), None)
        if found is not None:
            _write(connection, found, claimed=now, told=None)
    return found


def told(database: Database, workflow_id: int, telling: Telling, message: str, failure: str | None) -> None:
    """Note that a command was called, and why it failed, where it did."""
    more: dict[str, Any] = {} if failure is None else {"reason": failure}
    with database.write() as connection:
        connection.execute(
            update(_tellings)
            .where(_tellings.c.notification_id == telling.notification_id, _tellings.c.event == telling.event)
            .values(told=database.now(connection))
        )
        events.add(
            database, connection, workflow_id, "notified" if failure is None else "notification failed",
            event=telling.event, command=telling.command, message=message, **more,
        )  # fmt: skip


def _of(connection: Connection, workflow_id: int) -> Sequence[Row[Any]]:
    of_workflow = _notifications.c.workflow_id == workflow_id
    return connection.execute(select(_notifications).where(of_workflow).order_by(_notifications.c.id)).all()


def _lock(connection: Connection, workflow_id: int) -> None:
    """Let one after the other see what is untold and take it; on SQLite the transaction itself does."""
    connection.execute(select(_workflows.c.id).where(_workflows.c.id == workflow_id).with_for_update(key_share=True))


def _write(connection: Connection, telling: Telling, *, claimed: float, told: float | None) -> None:
    values = {"run_id": telling.run_id, "finished": telling.finished, "claimed": claimed, "told": told}
    statement = bulk.insert_on_conflict(connection.dialect.name, _tellings)
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(_tellings.primary_key.columns), set_=values),
        [{"notification_id": telling.notification_id, "event": telling.event, **values}],
    )


def _untold(
    connection: Connection, workflow_id: int, now: float, *, leaving: bool = False, stays: bool = True
) -> Iterator[Telling]:
    """Yield what is so, is to be told, and is not.

    ``stays``: whether any job may yet begin, so that a worker has a reason to stay.
    """
    workflow = connection.execute(select(_workflows).where(_workflows.c.id == workflow_id)).first()
    if workflow is None or workflow.state != "started":
        return
    statuses = counts.total(connection, workflow_id)
    before = {
        (row.notification_id, row.event): row
        for row in connection.execute(
            select(_tellings)
            .join(_notifications, _notifications.c.id == _tellings.c.notification_id)
            .where(_notifications.c.workflow_id == workflow_id)
        )
    }
    happened: dict[str, bool] = {
        "done": _is_done(connection, workflow_id, statuses),
        "stuck": _is_stuck(connection, workflow_id, statuses, leaving=leaving, stays=stays),
    }
    for event in EVENTS:
        for one in _of(connection, workflow_id):
            is_so = _is_failing(one, statuses) if event == "failing" else happened[event]
            if event in one.on.split() and is_so:
                found = Telling(one.id, one.command, event, workflow.run_id, statuses)
                if _is_untold(before.get((one.id, event)), found, now):
                    yield found


def _is_untold(before: Row[Any] | None, found: Telling, now: float) -> bool:
    """Whether it is news: it was not told in this run, or jobs have ended since, or who was to tell it is gone."""
    if before is None or before.run_id != found.run_id:
        return True
    if before.told is None:
        return bool(before.claimed < now - ABANDONED)
    return found.event != "failing" and before.finished != found.finished


def _ended(statuses: Mapping[JobStatus, int]) -> tuple[int, int]:
    """How many jobs have completed, and how many failed."""
    return statuses.get(JobStatus.COMPLETED, 0), sum(statuses.get(status, 0) for status in FAILURES)


def _is_failing(notification: Row[Any], statuses: Mapping[JobStatus, int]) -> bool:
    completed, failed = _ended(statuses)
    completed, failed = max(0, completed - notification.completed), failed - notification.failed
    return bool(failed >= FAILING and failed >= completed)


def _is_done(connection: Connection, workflow_id: int, statuses: Mapping[JobStatus, int]) -> bool:
    """Whether there were jobs, all have finished, and no map is being written."""
    if not any(statuses.values()) or not all(status in FINISHED for status in statuses):
        return False
    return not connection.scalar(
        select(exists().where(_maps.c.workflow_id == workflow_id, _maps.c.state == "building"))
    )


def _is_stuck(
    connection: Connection, workflow_id: int, statuses: Mapping[JobStatus, int], *, leaving: bool, stays: bool
) -> bool:
    """Whether jobs are left of which none can begin, or nobody is there or coming who would begin any."""
    if all(status in FINISHED for status in statuses):
        return False
    if not stays:
        return True
    present = exists().where(_workers.c.workflow_id == workflow_id, _workers.c.state.in_(leases.PRESENT))
    coming = exists().where(
        _allocations.c.workflow_id == workflow_id, _allocations.c.state.in_(allocations.ALIVE)
    )
    if connection.scalar(select(or_(present, coming))):
        return False
    return leaving or _was_lost(connection, workflow_id)


def _was_lost(connection: Connection, workflow_id: int) -> bool:
    """Whether the newest worker was lost in this run: it could tell nobody."""
    newest = connection.execute(
        select(_workers.c.id, _workers.c.state)
        .where(_workers.c.workflow_id == workflow_id)
        .order_by(_workers.c.id.desc())
        .limit(1)
    ).first()
    if newest is None or newest.state != "lost":
        return False
    lost, began = (
        connection.scalar(select(func.max(_events.c.id)).where(_events.c.workflow_id == workflow_id, condition))
        for condition in (_events.c.worker_id == newest.id, _events.c.kind.in_(_RUNS))
    )
    return bool((lost or 0) > (began or 0))
