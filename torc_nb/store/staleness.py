"""Which jobs would give another result by now: whose parameters or code are not those that were used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from torc_nb.functions.submitted import SUBMITTED
from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import Ids, among

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results
_functions = schema.functions

#: Rows fetched from the driver at a time.
CHUNK = 10_000

#: A job set aside is blocked and yet has a result: a reinitialize or rerun is under way, or was interrupted.
SET_ASIDE = (_jobs.c.status == literal_column(str(int(JobStatus.BLOCKED)))) & _jobs.c.result_attempt.is_not(None)

_ENDED = _jobs.c.status.between(
    literal_column(str(int(JobStatus.COMPLETED))), literal_column(str(int(JobStatus.TERMINATED)))
)

#: The attempt that tells what a job used: that of its result, of a canceled one its last.
_used = (_results.c.job_id == _jobs.c.id) & (
    _results.c.attempt == func.coalesce(_jobs.c.result_attempt, _jobs.c.attempt)
)

# A fingerprint is the digest of the parameters, which some jobs have none of, and that of the code.
_params_used = func.substr(_results.c.fingerprint, 1, func.length(_jobs.c.params_digest), type_=LargeBinary)
_code_used = func.substr(_results.c.fingerprint, func.length(_jobs.c.params_digest) + 1, type_=LargeBinary)


class Code(NamedTuple):
    """The digests of the code as it now is, of maps and of jobs; what is not named counts as it was mapped last."""

    of_maps: Mapping[int, bytes]
    of_jobs: Mapping[int, bytes]
    is_compared: bool = True


class Digests(NamedTuple):
    """The digest of the code that each job would run now."""

    of_maps: Mapping[int, bytes | None]
    of_jobs: Mapping[int, bytes]
    of_functions: Mapping[int, bytes]

    def of(self, job: Row[Any]) -> bytes | None:
        """Return a job's, given its row; None where it runs a command, or code that is not there any more."""
        if job.map_id:
            return self.of_maps.get(job.map_id)
        return self.of_jobs.get(job.id) or self.of_functions.get(job.function_id)


@dataclass
class Stale:
    """Jobs whose results are not what they would be now, by the reason."""

    params: Ids = field(default_factory=Ids)
    code: Ids = field(default_factory=Ids)
    resumed: Ids = field(default_factory=Ids)  # set aside by a reinitialize that was interrupted, and not stale else

    def all(self) -> Ids:
        """Return all of them."""
        found = Ids(self.params)
        for others in (self.code, self.resumed):
            for job_id in others:
                found.add(job_id)
        return found


def find(database: Database, workflow_id: int, code: Code) -> Stale:
    """Compare every job of a workflow with what its result, or its running attempt, was given."""
    stale = Stale()
    with database.read() as connection:
        for statement in _statements(connection, workflow_id, code):
            with connection.execution_options(yield_per=CHUNK).execute(statement) as found:
                for job_id, params, other_code in found:
                    if params:
                        stale.params.add(job_id)
                    elif other_code:
                        stale.code.add(job_id)
                    else:
                        stale.resumed.add(job_id)
    return stale


def still(connection: Connection, workflow_id: int, code: Code, job_ids: Sequence[int]) -> set[int]:
    """Return those of these jobs that are stale at this moment."""
    chosen = among(connection, _jobs.c.id, job_ids)
    return {
        row[0]
        for statement in _statements(connection, workflow_id, code)
        for row in connection.execute(statement.where(chosen))
    }


def digests(connection: Connection, workflow_id: int, code: Code) -> Digests:
    """Return the digests of the code of a workflow's jobs as it now is."""
    of_functions = connection.execute(
        select(_functions.c.id, _functions.c.digest).where(_functions.c.workflow_id == workflow_id)
    )
    of_maps = {map_.id: code.of_maps.get(map_.id, map_.digest) for map_ in _digests_of_maps(connection, workflow_id)}
    return Digests(of_maps, code.of_jobs, {row.id: bytes(row.digest) for row in of_functions})


def _digests_of_maps(connection: Connection, workflow_id: int) -> list[Row[Any]]:
    return list(
        connection.execute(
            select(_maps.c.id, _maps.c.call, _functions.c.digest)
            .outerjoin(_functions, _functions.c.id == _maps.c.function_id)
            .where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready")
            .order_by(_maps.c.id)
        )
    )


def details(connection: Connection, job_ids: Sequence[int]) -> list[Row[Any]]:
    """Return what is to be told of jobs: as they stand, and what their results used."""
    return list(
        connection.execute(
            select(
                _jobs,
                _maps.c.name.label("map_name"),
                _maps.c.blocked.label("map_blocked"),
                _maps.c.function_id.label("map_function_id"),
                schema.workflows.c.state.label("workflow_state"),
                _results.c.fingerprint,
                _results.c.function_id.label("used_function_id"),
            )
            .select_from(
                _jobs.join(schema.workflows, schema.workflows.c.id == _jobs.c.workflow_id)
                .outerjoin(_maps, _maps.c.id == _jobs.c.map_id)
                .outerjoin(_results, _used)
            )
            .where(among(connection, _jobs.c.id, job_ids))
            .order_by(_jobs.c.id)
        )
    )


def maps_of(connection: Connection, job_ids: Sequence[int]) -> dict[int, str | None]:
    """Return the names of the maps that jobs are of, by job; None of no map."""
    named = select(_jobs.c.id, _maps.c.name).select_from(_jobs.outerjoin(_maps, _maps.c.id == _jobs.c.map_id))
    return {row.id: row.name for row in connection.execute(named.where(among(connection, _jobs.c.id, job_ids)))}


def _statements(connection: Connection, workflow_id: int, code: Code) -> Iterator[Select[Any]]:
    """Yield one statement for each map, for the jobs of none, and for what is claimed: (id, params, code)."""
    for map_ in _digests_of_maps(connection, workflow_id):
        digest = code.of_maps.get(map_.id, map_.digest)
        # Each of the calls that were submitted one by one keeps the code that it was submitted with.
        yield _of_map(workflow_id, map_.id, digest if code.is_compared and map_.call != SUBMITTED else None)
        if code.is_compared and digest != map_.digest:
            yield _claimed(workflow_id, _jobs.c.map_id == map_.id, literal(True))
    yield _of_no_map(workflow_id, code)
    yield _claimed(workflow_id, _jobs.c.replaced != _jobs.c.params, literal(False))


def _of_map(workflow_id: int, map_id: int, digest: bytes | None) -> Select[Any]:
    params = _params_used != _jobs.c.params_digest
    other_code = literal(False) if digest is None else _code_used != literal(digest, LargeBinary)
    return _ended(workflow_id, params, other_code).where(_jobs.c.map_id == map_id)


def _of_no_map(workflow_id: int, code: Code) -> Select[Any]:
    """Each has code of its own, or a command; an edited postprocess is compared with what it is now."""
    params = _params_used != _jobs.c.params_digest
    stored = select(_functions.c.digest).where(_functions.c.id == _jobs.c.function_id).scalar_subquery()
    edited = sorted(code.of_jobs)
    other_code: ColumnElement[bool] = and_(_code_used != stored, _jobs.c.id.not_in(edited))
    for job_id in edited:
        other_code |= (_jobs.c.id == job_id) & (_code_used != literal(code.of_jobs[job_id], LargeBinary))
    if not code.is_compared:
        other_code = literal(False)
    return _ended(workflow_id, params, other_code).where(_jobs.c.map_id == 0)


def _ended(workflow_id: int, params: ColumnElement[bool], code: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_jobs.c.id, params, code)
        .select_from(_jobs.outerjoin(_results, _used))
        .where(_jobs.c.workflow_id == workflow_id, or_(_ENDED & or_(params, code), SET_ASIDE))
    )


def _claimed(workflow_id: int, condition: ColumnElement[bool], code: ColumnElement[bool]) -> Select[Any]:
    """Jobs that a worker holds, found by their workers: there is an index for these."""
    workers = select(schema.workers.c.id).where(schema.workers.c.workflow_id == workflow_id)
    return select(_jobs.c.id, ~code, code).where(_jobs.c.worker_id.in_(workers), schema.CLAIMED, condition)
