"""What a worker and the database tell each other: results in, jobs out, in one short transaction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from torc_nb.models import FAILURES, FINISHED, Claim, Completion, JobStatus
from torc_nb.store import bulk, canaries, cancellations, counts, dependencies, leases, limits, retrying, schema
from torc_nb.store.completions import newest_attempts, record
from torc_nb.store.database import Database
from torc_nb.store.idsets import among

_jobs = schema.jobs
_maps = schema.maps
_workflows = schema.workflows

#: Says how many jobs of a group a worker has room for, given how many are ready and how many workers share them.
RoomFor = Callable[[counts.Group, int, int], int]
#: Given how many jobs of each group are ready and how many workers share them, says how urgent each is among those
#: whose maps have the same priority: the highest comes first.
Urgency = Callable[[Mapping[counts.Group, int], int], Mapping[counts.Group, tuple[float, ...]]]


@dataclass
class Answer:
    """What the database answers: new claims, attempts to stop and to show, and whether the workflow still has work."""

    claims: list[Claim] = field(default_factory=list)
    cancel: list[tuple[int, int]] = field(default_factory=list)
    show: list[tuple[int, int]] = field(default_factory=list)
    state: str = "started"  # of the workflow; paused: nothing begins; deleted; or leaving: the worker is asked to leave
    had_lost_lease: bool = False
    next_retry: float = math.inf  # the seconds until a job that waits for its next try may be claimed
    found_nothing: bool = False  # it was only to claim, and nothing was there: nothing else is told
    stopped: set[int] = field(default_factory=set)  # maps of which too many jobs have failed, these the last
    may_have_released: bool = False  # jobs that waited for what ended, after the claims were made


def exchange(
    database: Database,
    workflow_id: int,
    worker_id: int,
    *,
    completions: Sequence[Completion] = (),
    started: Sequence[Completion | Claim] = (),
    room: RoomFor | None = None,
    urgency: Urgency | None = None,
    longest: float = math.inf,
    only_to_claim: bool = False,
    only: Sequence[int] = (),
) -> Answer:
    """Record what ended and what began, claim what fits, renew the lease: one transaction.

    Parameters
    ----------
    completions : sequence of Completion
        Attempts that ended. Repeating one changes nothing.
    started : sequence of Claim
        Jobs that are pending here and run by now.
    room : callable, optional
        How many jobs of a group to claim; None claims nothing.
    urgency : callable, optional
        Which groups are asked about first among those of equal priority; those that are equally urgent, or all where
        nothing is said, in the order of their maps.
    longest : float, optional
        Claim none that the end of a walltime has cut when it had already run for so many seconds.
    only_to_claim : bool, default False
        Where there is nothing to claim nothing is written, so that idle workers do not wake one another.
    only : sequence of int, optional
        Claim none but these jobs.
    """
    answer = Answer()
    tally = counts.Tally(workflow_id)
    told: set[int] = set()
    with database.write() as connection:
        state = connection.scalar(_STATE, {"workflow": workflow_id})
        wanted: list[tuple[counts.Group, int]] = []
        due = retrying.Due()
        if room is not None and state == "started":
            due = retrying.due(database, connection, workflow_id)
            wanted = _wanted(connection, workflow_id, room, urgency, due, only)
        if only_to_claim and not wanted:
            return Answer(found_nothing=True, next_retry=due.wait)
        answer.next_retry = due.wait
        lease = leases.renew(database, connection, worker_id)
        answer.had_lost_lease = lease == "lost"
        bulk.lock_rows(connection, _jobs, [job.job_id for job in (*completions, *started)])
        if record(database, connection, worker_id, completions, tally):
            answer.next_retry = 0.0  # it was not waited for when it was looked
        _mark_running(connection, worker_id, started, tally)
        answer.state = "deleted" if state is None else lease if lease == "leaving" else state
        if wanted and answer.state == "started":
            answer.claims, told = _claim(connection, tally, worker_id, wanted, longest, due, only)
        answer.cancel, answer.show = cancellations.take(connection, worker_id)
        tally.write(connection, worker_id)
    if completions:
        answer.may_have_released = dependencies.release(
            database, workflow_id, {done.map_id for done in completions}, [done.job_id for done in completions]
        )
    if told:  # what can be claimed is not stopped
        limits.forget(database, told)
    if failed := {done.map_id for done in completions if done.status in FAILURES and done.map_id}:
        answer.stopped = limits.tell(database, workflow_id, failed)
    return answer


def _mark_running(
    connection: Connection, worker_id: int, started: Sequence[Completion | Claim], tally: counts.Tally
) -> None:
    newest = newest_attempts(started)
    moved = bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt", "worker_id"),
        ("status",),
        [(int(JobStatus.RUNNING), job.job_id, int(JobStatus.PENDING), job.attempt, worker_id) for job in newest],
    )
    for job in newest:
        if job.job_id in moved:
            tally.move(job.map_id, job.requirement_id, JobStatus.PENDING, JobStatus.RUNNING)


def _claim(
    connection: Connection,
    tally: counts.Tally,
    worker_id: int,
    wanted: Sequence[tuple[counts.Group, int]],
    longest: float,
    due: retrying.Due,
    only: Sequence[int],
) -> tuple[list[Claim], set[int]]:
    """Claim what there is room for; returns it, and those of its maps that were told to be stopped before."""
    taken = _take(connection, tally.workflow_id, worker_id, wanted, longest, due, only)
    if not taken:
        return [], set()
    # Read after the jobs are locked: before that they may have been made to run again by another transaction, with
    # other code and as another run, or their map to wait. Whoever does so from now on waits for this one.
    standing = connection.execute(_STANDING, {"workflow": tally.workflow_id}).all()
    held = {map_.id for map_ in standing if map_.blocked}
    _give_back(connection, [job[0] for group, jobs in taken if group.map_id in held for job in jobs])
    taken = [(group, jobs) for group, jobs in taken if group.map_id not in held]
    for group, jobs in taken:
        tally.move(*group, JobStatus.READY, JobStatus.PENDING, len(jobs))
    functions = {map_.id: map_.function_id or 0 for map_ in standing}
    claims = [
        Claim(
            job[0],
            job[1],
            standing[0].run_id,
            group.map_id,
            job[2],
            job[3] or functions.get(group.map_id, 0),
            group.requirement_id,
            *job[4:-1],
        )
        for group, jobs in taken
        for job in jobs
    ]
    return claims, {group.map_id for group, _ in taken} & {map_.id for map_ in standing if map_.told_stopped}


def _take(
    connection: Connection,
    workflow_id: int,
    worker_id: int,
    wanted: Sequence[tuple[counts.Group, int]],
    longest: float,
    due: retrying.Due,
    only: Sequence[int],
) -> list[tuple[counts.Group, list[Any]]]:
    """Lock jobs and give them to a worker; returns their rows by group, the most urgent first."""
    statement, chosen = (_CLAIM_OF, {"only": list(only)}) if only else (_CLAIM, {})
    taken = []
    for group, n in wanted:
        rows = connection.execute(
            statement,
            {"workflow": workflow_id, "map": group.map_id, "requirement": group.requirement_id, "n": n,
             "worker": worker_id, "longest": longest, "now": due.now, **chosen},
        ).all()  # fmt: skip
        if rows:
            taken.append((group, sorted(rows, key=_urgency)))
    return taken


def _give_back(connection: Connection, job_ids: Sequence[int]) -> None:
    """Take back a claim that nobody was told of."""
    if job_ids:
        as_before = {"status": int(JobStatus.READY), "worker_id": None, "attempt": _jobs.c.attempt - 1}
        connection.execute(update(_jobs).where(among(connection, _jobs.c.id, job_ids)).values(as_before))


def _wanted(
    connection: Connection,
    workflow_id: int,
    room: RoomFor,
    urgency: Urgency | None,
    due: retrying.Due,
    only: Sequence[int],
) -> list[tuple[counts.Group, int]]:
    """Of which groups there is room for how many jobs."""
    ready = counts.by_priority(connection, workflow_id)
    waiting = due.waiting
    if only:
        of_these, waiting = canaries.ready(connection, workflow_id, only, due.now), {}
        ready = [(group, of_these[group], priority) for group, _, priority in ready if group in of_these]
    workers = leases.alive(connection, workflow_id) if ready else 0
    if urgency is not None and len(ready) > 1:
        urgent = urgency({group: n for group, n, _ in ready}, workers)
        ready.sort(key=lambda one: (one[2], urgent[one[0]]), reverse=True)  # equal ones keep their order
    found = []
    for group, n_ready, _ in ready:
        n = n_ready - waiting.get(group, 0)
        if n > 0 and (wanted := min(n, room(group, n, workers))) > 0:
            found.append((group, wanted))
    return found


# A statement that is made once costs half of one that is made each time it is executed.
_STATE = select(_workflows.c.state).where(_workflows.c.id == bindparam("workflow"))
# A workflow may have no map: then its jobs are commands.
_STANDING = (
    select(_workflows.c.run_id, _maps.c.id, _maps.c.function_id, _maps.c.told_stopped, _maps.c.blocked)
    .outerjoin_from(_workflows, _maps, _maps.c.workflow_id == _workflows.c.id)
    .where(_workflows.c.id == bindparam("workflow"))
)


_chosen = (
    select(_jobs.c.id)
    .where(
        _jobs.c.workflow_id == bindparam("workflow"),
        _jobs.c.map_id == bindparam("map"),
        _jobs.c.requirement_id == bindparam("requirement"),
        schema.READY,
        _jobs.c.not_before <= bindparam("now"),
        _jobs.c.longest_cut.is_(None) | (_jobs.c.longest_cut < bindparam("longest")),
    )
    .order_by(_jobs.c.priority.desc(), _jobs.c.not_before, _jobs.c.id)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)

def _claim_of(chosen: Select[int]) -> ReturningUpdate[Any]:
    return (
        update(_jobs)
        .where(_jobs.c.id.in_(chosen.scalar_subquery()))
        .values(
            status=int(JobStatus.PENDING),
            worker_id=bindparam("worker"),
            attempt=_jobs.c.attempt + 1,
            replaced=None,
            note=None,
        )
        .returning(
            _jobs.c.id,
            _jobs.c.attempt,
            _jobs.c.row,
            _jobs.c.function_id,
            _jobs.c.interruptions,
            _jobs.c.params,
            _jobs.c.params_digest,
            _jobs.c.environment_id,
            _jobs.c.name,
            _jobs.c.priority,
        )
    )


_CLAIM = _claim_of(_chosen)
_CLAIM_OF = _claim_of(_chosen.where(_jobs.c.id.in_(bindparam("only", expanding=True))))


def _urgency(row: Row[Any]) -> tuple[int, int]:
    """What UPDATE … RETURNING gives has no order: the most urgent first, then by id."""
    return -row[-1], row[0]


def can_still_get_work(database: Database, workflow_id: int, only: Sequence[int] = ()) -> bool:
    """Whether any job of a workflow may yet become ready, so that an idle worker has a reason to stay.

    What waits for jobs that have all finished is released first: their worker may be about to do so, or have died.
    ``only``: the jobs that the worker is there for.
    """
    if only:
        return canaries.are_left(database, only)
    if _may_move(database, workflow_id):
        return True
    limits.tell(database, workflow_id)  # should a worker have died between recording the last failure and telling
    with database.read() as connection:
        waits = any(status not in FINISHED for status in counts.total(connection, workflow_id))
    if waits:
        dependencies.release_all(database, workflow_id)
    return waits and _may_move(database, workflow_id)


def _may_move(database: Database, workflow_id: int) -> bool:
    """Whether any job is claimed, or ready and neither held by another map nor stopped, or a worker may leave some."""
    with database.read() as connection:
        if leases.is_any_leaving(connection, workflow_id):
            return True
        held = set(connection.scalars(select(_maps.c.id).where(_maps.c.workflow_id == workflow_id, _maps.c.blocked)))
        stopped = limits.stopped(connection, workflow_id)
        found = counts.by_map(connection, workflow_id)
    still = {JobStatus.BLOCKED, *FINISHED}
    return any(
        status not in still and not (status is JobStatus.READY and map_id in stopped)
        for map_id, statuses in found.items()
        if map_id not in held
        for status in statuses
    )
