"""Jobs made to run again, and what follows from them with them; interrupted at any moment, it can be done again.

Three steps, each in short pieces. First the chosen jobs are *set aside*: blocked, and yet with a result, so that
neither they nor what waits for them can begin, and whoever comes later sees what was begun. Then what follows from them
is made to wait. Last, those set aside become ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import index  # a DataFrame's labels are numpy's, of which a driver would make blobs
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal_column, or_, select, update

from torc_nb.models import CLAIMED, FINISHED, JobStatus
from torc_nb.store import (
    cancellations,
    counts,
    dependencies,
    downstream,
    events,
    moves,
    notifications,
    requirements,
    schema,
    shortfall,
    staleness,
    watch,
)
from torc_nb.store.database import Database
from torc_nb.store.downstream import Downstream
from torc_nb.store.idsets import Ids, among

_jobs = schema.jobs
_maps = schema.maps
_workflows = schema.workflows
_by_job = schema.job_dependencies
_by_map = schema.map_dependencies

#: How many jobs one transaction moves.
PIECE = 5000

#: Says, within the transaction that sets them aside, which of some jobs are still to run again.
StillChosen = Callable[[Connection, Sequence[int]], set[int]]

#: Jobs as users see them: not those of a map that is being built.
_VISIBLE = (_jobs.c.map_id == 0) | _jobs.c.map_id.in_(select(_maps.c.id).where(_maps.c.state == "ready"))


@dataclass
class Done:
    """What was done: how many jobs are ready again, how many wait for these, and the run that this is."""

    ready: int = 0
    waits: int = 0
    run_id: int = 0


class Chosen(NamedTuple):
    """Jobs to run again: as was asked for, and those that others set aside."""

    asked: Ids
    aside: Ids

    def all(self) -> Ids:
        """Return all of them."""
        found = Ids(self.asked)
        for job_id in self.aside:
            found.add(job_id)
        return found


def chosen(
    database: Database, workflow_id: int, statuses: Sequence[JobStatus], job_ids: Iterable[int] | None = None
) -> Chosen:
    """Return the finished jobs of some statuses, of these ids alone where given, that nothing keeps from running.

    Those that an interrupted call set aside come with them; a call that is under way may have done so too.
    """
    with database.read() as connection:
        conditions: list[ColumnElement[bool]] = [_stands_in(statuses)]
        if job_ids is not None:
            conditions = [and_(one, *conditions) for one in _by_id(connection, job_ids)]
        asked = _fulfilling(connection, workflow_id, conditions)
        is_any_blocked = counts.total(connection, workflow_id).get(JobStatus.BLOCKED)
        aside = _fulfilling(connection, workflow_id, [staleness.SET_ASIDE] if is_any_blocked else [])
        found = Chosen(asked, aside)
        while hindered := _hindered(connection, workflow_id, found.all()):
            for job_id in hindered:
                asked.discard(job_id)
                aside.discard(job_id)
    return found


def _fulfilling(connection: Connection, workflow_id: int, conditions: Sequence[ColumnElement[bool]]) -> Ids:
    found = Ids()
    for condition in conditions:
        ids = select(_jobs.c.id).where(_jobs.c.workflow_id == workflow_id, _VISIBLE, condition)
        for job_id in connection.scalars(ids.execution_options(yield_per=PIECE)):
            found.add(job_id)
    return found


def _stands_in(statuses: Sequence[JobStatus]) -> ColumnElement[bool]:
    return _jobs.c.status.in_([int(status) for status in statuses if status in FINISHED])


def rerun(
    database: Database,
    workflow_id: int,
    statuses: Sequence[JobStatus],
    job_ids: Iterable[int] | None = None,
    instead: Callable[[int], int] | None = None,
) -> Done:
    """Make finished jobs of some statuses ready again, of these ids alone where given, and let what follows wait.

    ``instead``: makes, of the id of what jobs would ask, that of what they are to ask.
    """
    jobs = chosen(database, workflow_id, statuses, job_ids)

    def still_chosen(connection: Connection, piece: Sequence[int]) -> set[int]:
        rows = connection.execute(
            select(_jobs.c.id, _stands_in(statuses)).where(
                among(connection, _jobs.c.id, piece), or_(_stands_in(statuses), staleness.SET_ASIDE)
            )
        )
        # What another call set aside, released, and saw end meanwhile has run again already.
        return {job_id for job_id, has_ended in rows if not has_ended or job_id in jobs.asked}

    asked = None if instead is None else {id_: instead(id_) for id_ in _would_ask(database, workflow_id, jobs.all())}
    return run_again(database, workflow_id, jobs.all(), still_chosen, asked=asked)


def _would_ask(database: Database, workflow_id: int, jobs: Ids) -> set[int]:
    """Return the ids of what these jobs would ask if they ran again."""
    found: set[int] = set()
    with database.write() as connection:  # what jobs ask that ran out of memory may have to be kept first
        asked_now = requirements.AskedNow(connection, workflow_id)
        for piece in jobs.pieces(PIECE):
            alike = select(_jobs.c.map_id, _jobs.c.requirement_id).where(among(connection, _jobs.c.id, piece))
            found |= {asked_now.anew(row) for row in connection.execute(alike.distinct()).all()}
    return found


def run_again(
    database: Database,
    workflow_id: int,
    jobs: Ids,
    still_chosen: StillChosen | None = None,
    *,
    once_aside: Callable[[], None] | None = None,
    kind: str = "jobs rerun",
    asked: Mapping[int, int] | None = None,
) -> Done:
    """Make jobs ready again, and let what follows from them wait; their earlier attempts stay.

    They ask what their map asks by now, and run its code. Attempts that run at this moment are stopped.

    Parameters
    ----------
    still_chosen : callable, optional
        Leaves out what changed since it was decided that these run again.
    once_aside : callable, optional
        Called when none of them can begin with the code of before, and none begins yet.
    kind : str
        What the event is called.
    asked : mapping, optional
        What they are to ask, by the id of what their map asks.
    """
    done = Done()
    aside = _set_aside(database, workflow_id, jobs, still_chosen)
    if once_aside is not None:
        once_aside()
    if len(aside):
        following = downstream.of(database, aside)
        for job_id in _set_aside(database, workflow_id, following.upstream, None, is_new_run=False):
            aside.add(job_id)
        if _any_aside(database, aside):  # or another process did the rest meanwhile
            done.waits = _let_wait(database, workflow_id, following, aside)
            notifications.begin_run(database, workflow_id)
            held = _release(database, workflow_id, following, aside, done, None if asked is None else (jobs, asked))
            dependencies.release_all(database, workflow_id)
            begun = len(held) - count(database, held, JobStatus.BLOCKED)
            done.ready, done.waits = done.ready + begun, done.waits + len(held) - begun
    with database.write() as connection:
        done.run_id = int(connection.scalar(select(_workflows.c.run_id).where(_workflows.c.id == workflow_id)) or 0)
        if done.ready or done.waits:
            events.add(
                database, connection, workflow_id, kind, count=done.ready, waiting=done.waits, run_id=done.run_id
            )
    return done


def _by_id(connection: Connection, job_ids: Iterable[int]) -> list[ColumnElement[bool]]:
    return [among(connection, _jobs.c.id, piece) for piece in Ids(map(index, job_ids)).pieces(PIECE)]


def _hindered(connection: Connection, workflow_id: int, ids: Ids) -> list[int]:
    """Find those of these jobs that wait for one that did not complete and is none of these."""
    blocker = _jobs.alias("blocker")
    failed = and_(
        blocker.c.workflow_id == workflow_id,
        # in the words of the index of unsuccessful jobs
        blocker.c.status.between(literal_column(str(int(JobStatus.FAILED))), literal_column("8")),
    )
    pairs = [
        select(_by_job.c.job_id, blocker.c.id).join(blocker, blocker.c.id == _by_job.c.blocked_by),
        select(_jobs.c.id, blocker.c.id).join(blocker, blocker.c.id == _jobs.c.source_id),
        select(_by_map.c.job_id, blocker.c.id)
        .join(blocker, blocker.c.map_id == _by_map.c.blocked_by_map_id)
        .where(_by_map.c.job_id.is_not(None), _by_map.c.job_id.not_in(shortfall.bearing(connection, workflow_id))),
    ]
    found: set[int] = set()
    for pair in pairs:
        with connection.execute(pair.where(failed).execution_options(yield_per=PIECE)) as rows:
            found |= {job_id for job_id, before in rows if job_id in ids and before not in ids}
    return sorted(found)


def _set_aside(
    database: Database, workflow_id: int, jobs: Ids, still_chosen: StillChosen | None, *, is_new_run: bool = True
) -> Ids:
    """Block jobs, their results kept; returns those that stand aside, whoever set them so."""
    aside = Ids()
    for piece in jobs.pieces(PIECE):
        tally = counts.Tally(workflow_id)
        with database.write() as connection:
            rows = [row for row in moves.locked(connection, workflow_id, piece) if _may_run_again(row)]
            if still_chosen is not None:
                wanted = still_chosen(connection, [row.id for row in rows])
                rows = [row for row in rows if row.id in wanted]
            new = [row for row in rows if not _is_aside(row)]
            cancellations.ask(connection, workflow_id, new)
            kept = func.coalesce(_jobs.c.result_attempt, _jobs.c.attempt)
            moves.move(connection, new, JobStatus.BLOCKED, tally, result_attempt=kept)
            # Where some stand aside already, somebody else began this run, or an interrupted call.
            is_new_run = is_new_run and len(new) == len(rows)
            if new and is_new_run:
                connection.execute(
                    update(_workflows).where(_workflows.c.id == workflow_id).values(run_id=_workflows.c.run_id + 1)
                )
                is_new_run = False
            tally.write(connection)
        for row in rows:
            aside.add(row.id)
    return aside


def _may_run_again(job: Row[Any]) -> bool:
    return job.status in FINISHED or job.status in CLAIMED or _is_aside(job)


def _is_aside(job: Row[Any]) -> bool:
    return bool(job.status == JobStatus.BLOCKED and job.result_attempt is not None)


def _any_aside(database: Database, jobs: Ids) -> bool:
    with database.read() as connection:
        return any(
            connection.scalar(
                select(_jobs.c.id).where(among(connection, _jobs.c.id, piece), staleness.SET_ASIDE).limit(1)
            )
            for piece in jobs.pieces(PIECE)
        )


def would_wait(database: Database, workflow_id: int, following: Downstream, jobs: Ids) -> Ids:
    """Return what would wait, and does not yet, if these jobs ran again; these jobs themselves left out."""
    found = Ids()
    with database.read() as connection:
        for piece in following.jobs.pieces(PIECE):
            others = [job_id for job_id in piece if job_id not in jobs]
            for row in moves.standing(connection, workflow_id, others):
                if _has_to_wait(row, following):
                    found.add(row.id)
    return found


def _let_wait(database: Database, workflow_id: int, following: Downstream, aside: Ids) -> int:
    """Hold the maps that follow as a whole, then take back what the jobs that follow have done; returns how many."""
    if held := sorted({*following.maps, *following.behind}):
        with database.write() as connection:
            connection.execute(update(_maps).where(_maps.c.id.in_(held)).values(blocked=True))
    n = 0
    for piece in following.jobs.pieces(PIECE):
        others = [job_id for job_id in piece if job_id not in aside]
        tally = counts.Tally(workflow_id)
        with database.write() as connection:
            rows = [row for row in moves.locked(connection, workflow_id, others) if _has_to_wait(row, following)]
            cancellations.ask(connection, workflow_id, rows)
            for status in (JobStatus.READY, JobStatus.BLOCKED):
                moved = [row for row in rows if _place(row, following) is status]
                moves.start_over(connection, moved, status, tally)
            tally.write(connection)
        n += len(rows)
    return n


def _place(job: Row[Any], following: Downstream) -> JobStatus:
    """Return where a job that follows waits: in a map that is held as a whole it stands as ready."""
    return JobStatus.READY if following.holds(job.map_id) else JobStatus.BLOCKED


def _has_to_wait(job: Row[Any], following: Downstream) -> bool:
    """Whether a job does not wait yet."""
    return bool(job.status not in (JobStatus.DISABLED, _place(job, following)) or _is_aside(job))


def _release(
    database: Database,
    workflow_id: int,
    following: Downstream,
    aside: Ids,
    done: Done,
    asked: tuple[Ids, Mapping[int, int]] | None,
) -> Ids:
    """Let those that were set aside begin; returns those that have to wait for others still.

    ``asked``: jobs, and what these are to ask instead of what they would.
    """
    waiting = _waiting_by_name(database, workflow_id)
    held = Ids()
    for piece in aside.pieces(PIECE):
        tally = counts.Tally(workflow_id)
        with database.write() as connection:
            rows = [row for row in moves.locked(connection, workflow_id, piece) if _is_aside(row)]
            kept = [
                row
                for row in rows
                if row.id in waiting
                or row.source_id is not None  # what that one returns may have come anew
                or (row.id in following.jobs and _place(row, following) is JobStatus.BLOCKED)
            ]
            _start_over(connection, kept, JobStatus.BLOCKED, tally, asked)
            for row in kept:
                held.add(row.id)
            free = [row for row in rows if row.id not in held]
            _start_over(connection, free, JobStatus.READY, tally, asked)
            tally.write(connection)
            watch.announce(connection, workflow_id)
        done.ready += sum(not following.holds(row.map_id) for row in free)
        done.waits += sum(following.holds(row.map_id) for row in free)
    return held


def _start_over(
    connection: Connection,
    rows: Sequence[Row[Any]],
    status: JobStatus,
    tally: counts.Tally,
    asked: tuple[Ids, Mapping[int, int]] | None,
) -> None:
    chosen, instead = asked or ((), {})
    moves.start_over(connection, [row for row in rows if row.id in chosen], status, tally, instead)
    moves.start_over(connection, [row for row in rows if row.id not in chosen], status, tally)


def _waiting_by_name(database: Database, workflow_id: int) -> Ids:
    """Return the jobs that wait for others, or for whole maps, by themselves: what they wait for may be unfinished."""
    found = Ids()
    with database.read() as connection:
        for waiting in (_by_job.c.job_id, _by_map.c.job_id):
            among_ours = select(waiting).join(_jobs, _jobs.c.id == waiting).where(_jobs.c.workflow_id == workflow_id)
            for job_id in connection.scalars(among_ours.execution_options(yield_per=PIECE)):
                found.add(job_id)
    return found


def count(database: Database, jobs: Ids, status: JobStatus) -> int:
    """Count those of these jobs that stand in a status."""
    n = 0
    with database.read() as connection:
        for piece in jobs.pieces(PIECE):
            chosen = (among(connection, _jobs.c.id, piece), _jobs.c.status == int(status))
            n += connection.scalar(select(func.count()).select_from(_jobs).where(*chosen)) or 0
    return n
