"""What a worker and the database tell each other: results in, jobs out, in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from torc_nb.models import FINISHED, Claim, Completion, JobStatus
from torc_nb.store import bulk, counts, dependencies, leases, schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_cancellations = schema.cancellations

#: Says how many jobs of a group a worker has room for, given how many are ready and how many workers share them.
RoomFor = Callable[[counts.Group, int, int], int]

_RESULT_COLUMNS = (
    "job_id", "attempt", "run_id", "status", "return_code", "late", "worker_id", "function_id", "fingerprint",
    "started", "seconds", "cpu_seconds", "peak_memory", "value", "error_type", "error", "traceback", "log_offset",
    "stdout_bytes", "stderr_bytes",
)  # fmt: skip


@dataclass
class Answer:
    """What the database answers: new claims, attempts to stop, and whether the workflow still has work."""

    claims: list[Claim] = field(default_factory=list)
    cancel: list[tuple[int, int]] = field(default_factory=list)
    state: str = "started"  # of the workflow; deleted; or leaving: the worker is asked to leave
    had_lost_lease: bool = False


def exchange(
    database: Database,
    workflow_id: int,
    worker_id: int,
    *,
    completions: Sequence[Completion] = (),
    started: Sequence[Completion | Claim] = (),
    room: RoomFor | None = None,
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
    """
    answer = Answer()
    tally = counts.Tally(workflow_id)
    with database.write() as connection:
        lease = leases.renew(database, connection, worker_id)
        answer.had_lost_lease = lease == "lost"
        _record(connection, worker_id, completions, tally)
        _mark_running(connection, worker_id, started, tally)
        workflow = connection.execute(
            select(schema.workflows.c.state, schema.workflows.c.run_id).where(schema.workflows.c.id == workflow_id)
        ).first()
        answer.state = "deleted" if workflow is None else lease if lease == "leaving" else workflow.state
        if workflow is not None and room is not None and answer.state == "started":
            answer.claims = _claim(connection, workflow_id, worker_id, workflow.run_id, room, tally)
        answer.cancel = _take_cancellations(connection, worker_id)
        tally.write(connection, worker_id)
    if completions:
        dependencies.release(
            database, workflow_id, {done.map_id for done in completions}, [done.job_id for done in completions]
        )
    return answer


def _record(connection: Connection, worker_id: int, completions: Sequence[Completion], tally: counts.Tally) -> None:
    """Move the jobs that ended and keep their results; those whose claim was lost meanwhile are judged one by one."""
    rows = [
        (
            done.status,
            done.attempt,
            None,
            done.job_id,
            int(JobStatus.RUNNING if done.was_running else JobStatus.PENDING),
            done.attempt,
            worker_id,
        )
        for done in completions
    ]
    moved = bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt", "worker_id"),
        ("status", "result_attempt", "worker_id"),
        rows,
    )
    kept = [done for done in completions if done.job_id in moved]
    for done in kept:
        old = JobStatus.RUNNING if done.was_running else JobStatus.PENDING
        tally.move(done.map_id, done.requirement_id, old, done.status)
    late = [
        (done, verdict)
        for done in completions
        if done.job_id not in moved and (verdict := _judge_late(connection, done, tally)) is not None
    ]
    bulk.insert_rows(
        connection,
        _results,
        _RESULT_COLUMNS,
        [_result_row(done, worker_id, False) for done in kept] + [_result_row(done, worker_id, is_late) for done, is_late in late],
    )


def _result_row(done: Completion, worker_id: int, late: bool) -> tuple[object, ...]:
    return (
        done.job_id, done.attempt, done.run_id, done.status, done.return_code, late, worker_id, done.function_id,
        done.fingerprint, done.started, done.seconds, done.cpu_seconds, done.peak_memory, done.value, done.error_type,
        done.error, done.traceback, done.log_offset, done.stdout_bytes, done.stderr_bytes,
    )  # fmt: skip


def _judge_late(connection: Connection, done: Completion, tally: counts.Tally) -> bool | None:
    """Judge a completion whose claim was taken away: None, already kept; False, it counts; True, kept as late only."""
    known = connection.scalar(
        select(_results.c.job_id).where(_results.c.job_id == done.job_id, _results.c.attempt == done.attempt)
    )
    job = connection.execute(select(_jobs).where(_jobs.c.id == done.job_id).with_for_update()).first()
    if known is not None or job is None:
        return None
    counts_now = (
        done.status == JobStatus.COMPLETED
        and job.status in (JobStatus.READY, JobStatus.PENDING, JobStatus.RUNNING)
        and job.map_id == done.map_id
        and _same_inputs(job.params_digest, done)
    )
    if not counts_now:
        return True
    connection.execute(
        update(_jobs)
        .where(_jobs.c.id == done.job_id)
        .values(status=int(done.status), result_attempt=done.attempt, worker_id=None)
    )
    tally.move(job.map_id, job.requirement_id, job.status, done.status)
    return False


def _same_inputs(params_digest: bytes, done: Completion) -> bool:
    """The fingerprint begins with the digest of the parameters that the attempt used."""
    return bytes(done.fingerprint[: len(params_digest)]) == bytes(params_digest)


def _mark_running(
    connection: Connection, worker_id: int, started: Sequence[Completion | Claim], tally: counts.Tally
) -> None:
    moved = bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt", "worker_id"),
        ("status",),
        [
            (int(JobStatus.RUNNING), job.job_id, int(JobStatus.PENDING), job.attempt, worker_id)
            for job in started
        ],
    )
    for job in started:
        if job.job_id in moved:
            tally.move(job.map_id, job.requirement_id, JobStatus.PENDING, JobStatus.RUNNING)


def _claim(
    connection: Connection, workflow_id: int, worker_id: int, run_id: int, room: RoomFor, tally: counts.Tally
) -> list[Claim]:
    claims: list[Claim] = []
    workers = leases.alive(connection, workflow_id)
    functions = _functions_of_maps(connection, workflow_id)
    for group, ready in counts.ready(connection, workflow_id).items():
        n = min(ready, room(group, ready, workers))
        if n > 0:
            rows = connection.execute(
                _CLAIM,
                {"workflow": workflow_id, "map": group.map_id, "requirement": group.requirement_id, "n": n,
                 "worker": worker_id},
            ).all()  # fmt: skip
            function_id = functions.get(group.map_id, 0)
            claims += [
                Claim(row[0], row[1], run_id, group.map_id, row[2], row[3] or function_id, group.requirement_id, *row[4:])
                for row in rows
            ]
            tally.move(*group, JobStatus.READY, JobStatus.PENDING, len(rows))
    return claims


def _functions_of_maps(connection: Connection, workflow_id: int) -> dict[int, int]:
    maps = schema.maps
    return {
        row.id: row.function_id
        for row in connection.execute(select(maps.c.id, maps.c.function_id).where(maps.c.workflow_id == workflow_id))
    }


_chosen = (
    select(_jobs.c.id)
    .where(
        _jobs.c.workflow_id == bindparam("workflow"),
        _jobs.c.map_id == bindparam("map"),
        _jobs.c.requirement_id == bindparam("requirement"),
        schema.READY,
    )
    .order_by(_jobs.c.priority.desc(), _jobs.c.id)
    .limit(bindparam("n"))
    .with_for_update(skip_locked=True)
)

_CLAIM = (
    update(_jobs)
    .where(_jobs.c.id.in_(_chosen.scalar_subquery()))
    .values(status=int(JobStatus.PENDING), worker_id=bindparam("worker"), attempt=_jobs.c.attempt + 1)
    .returning(
        _jobs.c.id,
        _jobs.c.attempt,
        _jobs.c.row,
        _jobs.c.function_id,
        _jobs.c.interruptions,
        _jobs.c.params,
        _jobs.c.params_digest,
    )
)


def _take_cancellations(connection: Connection, worker_id: int) -> list[tuple[int, int]]:
    rows = connection.execute(
        select(_cancellations.c.job_id, _cancellations.c.attempt).where(_cancellations.c.worker_id == worker_id)
    ).all()
    if rows:
        pairs = [(row.job_id, row.attempt) for row in rows]
        connection.execute(
            delete(_cancellations).where(
                _cancellations.c.worker_id == worker_id,
                tuple_(_cancellations.c.job_id, _cancellations.c.attempt).in_(pairs),
            )
        )
        return pairs
    return []


def can_still_get_work(database: Database, workflow_id: int) -> bool:
    """Whether any job of a workflow may yet become ready, so that an idle worker has a reason to stay."""
    finished = {int(status) for status in FINISHED}
    with database.read() as connection:
        return any(status not in finished for status in counts.total(connection, workflow_id))
