"""The ends of attempts, written down: the jobs moved, their results kept; told twice, they are written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select, update

from torc_nb.models import CLAIMED, Claim, Completion, JobStatus
from torc_nb.store import bulk, cancellations, counts, dependencies, recorded_files, retrying, schema, watch
from torc_nb.store.database import Database

_jobs = schema.jobs
_results = schema.results
_maps = schema.maps
_files = schema.files

_PENDING, _RUNNING = int(JobStatus.PENDING), int(JobStatus.RUNNING)

#: How many ids go into one IN (…).
_CHUNK = 500

_RESULT_COLUMNS = (
    "job_id", "attempt", "run_id", "status", "return_code", "late", "worker_id", "function_id", "fingerprint",
    "started", "seconds", "cpu_seconds", "peak_memory", "value", "error_type", "error", "traceback", "log_offset",
    "stdout_bytes", "stderr_bytes", "error_place",
)  # fmt: skip


_Attempt = TypeVar("_Attempt", bound=Claim | Completion)


def record(
    database: Database, connection: Connection, worker_id: int, completions: Sequence[Completion], tally: counts.Tally
) -> bool:
    """Move the jobs that ended and keep their results; those whose claim was lost meanwhile are judged one by one.

    Those whose map wants it are tried again; returns whether any is. The jobs' rows are locked by the caller.
    """
    newest = newest_attempts(completions)
    again, full = retrying.retry(database, connection, worker_id, newest, tally)
    tried = [done for done in newest if done.job_id in again]
    if tried or full:
        newest = [full.get(done.job_id, done) for done in newest if done.job_id not in again]
    rows = [
        (
            done.status,
            done.attempt,
            None,
            done.job_id,
            _RUNNING if done.was_running else _PENDING,
            done.attempt,
            worker_id,
        )
        for done in newest
    ]
    moved = bulk.update_rows(
        connection,
        _jobs,
        ("id", "status", "attempt", "worker_id"),
        ("status", "result_attempt", "worker_id"),
        rows,
    )
    kept = [done for done in newest if done.job_id in moved]
    others = _without(completions, kept + tried)
    moves = Counter((done.map_id, done.requirement_id, done.was_running, done.status) for done in kept)
    for (map_id, requirement_id, was_running, status), n in moves.items():
        tally.move(map_id, requirement_id, _RUNNING if was_running else _PENDING, status, n)
    late = [
        (done, verdict)
        # the newest first: of two attempts that are told at once it is the one that was given last
        for done in sorted(unknown(connection, others), key=attrgetter("attempt"), reverse=True)
        if (verdict := _judge_late(connection, worker_id, done, tally)) is not None
    ]
    effective = kept + [done for done, is_late in late if not is_late]
    if with_files := [done for done in effective if done.files]:
        recorded_files.keep(connection, with_files)
        _note_products(connection, tally.workflow_id, [done for done in with_files if not done.function_id])
    bulk.insert_rows(
        connection,
        _results,
        _RESULT_COLUMNS,
        [_result_row(done, worker_id, False) for done in kept + tried]
        + [_result_row(done, worker_id, is_late) for done, is_late in late],
    )
    watch.announce_ends(connection, tally.workflow_id, {done.map_id for done in effective})
    return bool(tried)


def _note_products(connection: Connection, workflow_id: int, commands: Sequence[Completion]) -> None:
    """Keep how commands left what they produce with the records of these files too."""
    found = {path: (mtime, size) for done in commands for path, mtime, size in done.files or ()}
    for path, (mtime, size) in sorted(found.items()):
        here = (_files.c.workflow_id == workflow_id) & (_files.c.path == path)
        connection.execute(update(_files).where(here).values(mtime=mtime, size=size))


def newest_attempts(attempts: Sequence[_Attempt]) -> Sequence[_Attempt]:
    """Return the newest attempt of each job: a worker that got a job again after a lost lease may tell of both."""
    if len({one.job_id for one in attempts}) == len(attempts):
        return attempts
    return list({one.job_id: one for one in sorted(attempts, key=attrgetter("attempt"))}.values())


def _without(completions: Sequence[Completion], kept: Sequence[Completion]) -> list[Completion]:
    if len(kept) == len(completions):  # nearly always
        return []
    known = {(done.job_id, done.attempt) for done in kept}
    return [done for done in completions if (done.job_id, done.attempt) not in known]


def unknown(connection: Connection, completions: Sequence[Completion]) -> list[Completion]:
    """Return those of which the database has no result yet, each once."""
    left = {(done.job_id, done.attempt): done for done in completions}
    ids = sorted({done.job_id for done in completions})
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        for row in connection.execute(select(_results.c.job_id, _results.c.attempt).where(_results.c.job_id.in_(part))):
            left.pop((row.job_id, row.attempt), None)
    return list(left.values())


# One row per job: these gather the attributes in C.
_before = attrgetter("job_id", "attempt", "run_id", "status", "return_code")
_after = attrgetter(*_RESULT_COLUMNS[7:])


def _result_row(done: Completion, worker_id: int, late: bool) -> tuple[object, ...]:
    return (*_before(done), late, worker_id, *_after(done))


def _judge_late(connection: Connection, worker_id: int, done: Completion, tally: counts.Tally) -> bool | None:
    """Judge a completion whose claim was taken away: None, its job is gone; False, it counts; True, kept as late."""
    job = connection.execute(select(_jobs).where(_jobs.c.id == done.job_id)).first()
    if job is None:
        return None
    if not _is_still_held(job, worker_id, done) and not _is_still_wanted(connection, job, done):
        return True
    # Another worker that runs the job meanwhile can stop.
    cancellations.ask(connection, job.workflow_id, [job] if job.worker_id != worker_id else [])
    connection.execute(
        update(_jobs)
        .where(_jobs.c.id == done.job_id)
        .values(status=int(done.status), result_attempt=done.attempt, worker_id=None)
    )
    tally.move(job.map_id, job.requirement_id, job.status, done.status)
    return False


def _is_still_held(job: Row[Any], worker_id: int, done: Completion) -> bool:
    """Whether only the word that it began to run was lost, or told twice."""
    return bool(job.status in CLAIMED and job.worker_id == worker_id and job.attempt == done.attempt)


def _is_still_wanted(connection: Connection, job: Row[Any], done: Completion) -> bool:
    """Whether nobody finished the job meanwhile, and it would run with the same inputs and code again."""
    if done.status != JobStatus.COMPLETED or job.status not in (JobStatus.READY, *CLAIMED):
        return False
    if job.collects is not None and (job.replaced is not None or done.attempt != job.attempt):
        return False  # it was given fewer rows than there are, or may have been
    if done.run_id != _run_id(connection, job.workflow_id) and dependencies.waits(connection, job):
        return False  # what it waited for may have come anew
    if _has_newer_result(connection, done):
        return False  # so that the job was made to run once more since
    code = job.function_id or connection.scalar(select(_maps.c.function_id).where(_maps.c.id == job.map_id))
    return (code or 0) == done.function_id and _same_inputs(job.params_digest, done)


def _has_newer_result(connection: Connection, done: Completion) -> bool:
    """Whether a later attempt of the job has finished."""
    newer = select(_results.c.attempt).where(
        _results.c.job_id == done.job_id, _results.c.attempt > done.attempt, _results.c.late.is_(False)
    )
    return connection.scalar(newer.limit(1)) is not None


def _run_id(connection: Connection, workflow_id: int) -> int:
    workflows = schema.workflows
    return int(connection.scalar(select(workflows.c.run_id).where(workflows.c.id == workflow_id)) or 0)


def _same_inputs(params_digest: bytes, done: Completion) -> bool:
    """The fingerprint begins with the digest of the parameters that the attempt used."""
    return bytes(done.fingerprint[: len(params_digest)]) == bytes(params_digest)
