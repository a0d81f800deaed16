"""Maps: declared in pieces that nobody sees, made visible whole; declaring again matches rows and changes nothing else."""

from __future__ import annotations

import os
import socket
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from torc_nb.errors import NotFound
from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import bulk, counts, dependencies, events, machine, schema, workflows
from torc_nb.store.database import Database

_maps = schema.maps
_jobs = schema.jobs

#: Rows per transaction: about 20 ms of writing, so that claims and completions of others pass in between.
PIECE = 2000

#: A map being built on another machine that wrote nothing for this long is given up, in seconds.
ABANDONED = 600.0

_COLUMNS = (
    "id", "workflow_id", "map_id", "row", "status", "priority", "requirement_id", "params", "params_digest",
    "declared_digest", "key_digest", "key", "rev", "attempt", "interruptions",
)  # fmt: skip


class Parameters(NamedTuple):
    """One row to map over, encoded: the text, its digest, and the digest and text of its key where it has one."""

    text: str
    digest: bytes
    key_digest: bytes | None = None
    key: str | None = None


@dataclass(frozen=True)
class Declaration:
    """What ``map`` declares besides its rows."""

    name: str
    function_id: int
    environment_id: int
    requirement_id: int
    postprocess_id: int | None = None
    postprocess_requirement_id: int = 0
    scheduler_id: int | None = None
    call: str = "argument"
    shape: dict[str, Any] = field(default_factory=dict)
    blocked_by_maps: tuple[int, ...] = ()
    priority: int = 0
    drop: bool = False


@dataclass
class Outcome:
    """What became of the rows of a declaration."""

    map_id: int = 0
    before: int = 0
    new: int = 0
    changed: int = 0
    absent: int = 0
    dropped: int = 0
    code_changed: bool = False


def declare(database: Database, workflow_id: int, declaration: Declaration, rows: Iterable[Parameters]) -> Outcome:
    """Declare a map: its new rows become jobs, its known rows keep theirs.

    A failure, a Ctrl-C or the kernel's death at any moment leaves nothing of the call visible.
    """
    sweep(database, workflow_id)
    existing = find(database, workflow_id, declaration.name)
    building = _begin(database, workflow_id, declaration, None if existing is None else existing.id)
    matcher = _Matcher(database, workflow_id, existing)
    try:
        new = _write_pieces(database, workflow_id, building, declaration, matcher, rows)
        return _publish(database, workflow_id, building, declaration, matcher, new, existing)
    except BaseException:
        _discard(database, workflow_id, building)
        raise


def find(database: Database, workflow_id: int, name: str) -> Row[Any] | None:
    """Return the visible map of a name, if there is one."""
    with database.read() as connection:
        return connection.execute(
            select(_maps).where(_maps.c.workflow_id == workflow_id, _maps.c.name == name, _maps.c.state == "ready")
        ).first()


def get(database: Database, map_id: int) -> Row[Any]:
    """Return a map.

    Raises
    ------
    NotFound
        No visible map of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_maps).where(_maps.c.id == map_id, _maps.c.state == "ready")).first()
    if row is None:
        raise NotFound(f"There is no map {map_id} in {database!r}.")
    return row


def listed(database: Database, workflow_id: int) -> list[Row[Any]]:
    """Return the visible maps of a workflow in the order of their declaration."""
    with database.read() as connection:
        return list(
            connection.execute(
                select(_maps).where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready").order_by(_maps.c.id)
            )
        )


def order_of(map_: Row[Any]) -> array[int] | None:
    """Return the job ids of the last call's rows in its order; None where that is all rows in the order of their ids."""
    if map_.order is None:
        return None
    ids = array("q")
    ids.frombytes(map_.order)
    return ids


class _Matcher:
    """Pairs the rows of a call with the jobs that the map already has: by key, else by value, equal ones in order."""

    def __init__(self, database: Database, workflow_id: int, existing: Row[Any] | None) -> None:
        self.order = array("q")
        self.changed: list[tuple[int, Parameters]] = []
        self.next_row = 0
        self._open: dict[bytes, deque[tuple[int, bytes]]] = {}
        if existing is not None:
            self._load(database, workflow_id, existing.id)

    def _load(self, database: Database, workflow_id: int, map_id: int) -> None:
        statement = (
            select(_jobs.c.id, _jobs.c.row, _jobs.c.declared_digest, _jobs.c.key_digest)
            .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == map_id)
            .order_by(_jobs.c.id)
        )
        with database.read() as connection:
            for job_id, row, declared, key in connection.execute(statement):
                self._open.setdefault(bytes(key or declared), deque()).append((job_id, bytes(declared)))
                self.next_row = max(self.next_row, row + 1)

    def match(self, row: Parameters) -> bool:
        """Whether a job of the map takes this row; it is noted as changed where its declared value differs."""
        candidates = self._open.get(row.key_digest or row.digest)
        if not candidates:
            return False
        job_id, declared = candidates.popleft()
        self.order.append(job_id)
        if declared != row.digest:
            self.changed.append((job_id, row))
        return True

    def absent(self) -> list[int]:
        """The jobs that no row of the call took."""
        return sorted(job_id for candidates in self._open.values() for job_id, _ in candidates)


def _begin(database: Database, workflow_id: int, declaration: Declaration, extends: int | None) -> int:
    with database.write() as connection:
        now = database.now(connection)
        return int(
            connection.scalar(
                insert(_maps)
                .values(
                    workflow_id=workflow_id,
                    name=declaration.name,
                    state="building",
                    extends=extends,
                    builder={
                        "host": socket.gethostname(),
                        "boot_id": machine.boot_id(),
                        "pid": os.getpid(),
                        "process_start": machine.process_start(),
                    },
                    touched=now,
                    created=now,
                    function_id=declaration.function_id,
                    environment_id=declaration.environment_id,
                    requirement_id=declaration.requirement_id,
                    scheduler_id=declaration.scheduler_id,
                    blocked=bool(declaration.blocked_by_maps),
                    call=declaration.call,
                    shape=declaration.shape,
                )
                .returning(_maps.c.id)
            )
            or 0
        )


def _write_pieces(
    database: Database,
    workflow_id: int,
    map_id: int,
    declaration: Declaration,
    matcher: _Matcher,
    rows: Iterable[Parameters],
) -> int:
    """Write the rows that the map does not know, a piece a transaction; returns how many."""
    written = 0
    unknown = (row for row in rows if not matcher.match(row))
    for piece in _pieces(unknown, PIECE):
        with database.write() as connection:
            first = _take(connection, len(piece))
            bulk.insert_rows(
                connection,
                _jobs,
                _COLUMNS,
                [
                    (
                        first + i, workflow_id, map_id, matcher.next_row + written + i, int(JobStatus.READY),
                        declaration.priority, declaration.requirement_id, row.text, row.digest, row.digest,
                        row.key_digest, row.key, 1, 0, 0,
                    )
                    for i, row in enumerate(piece)
                ],
            )  # fmt: skip
            connection.execute(update(_maps).where(_maps.c.id == map_id).values(touched=database.now(connection)))
        matcher.order.extend(range(first, first + len(piece)))
        written += len(piece)
    return written


def _take(connection: Connection, n: int) -> int:
    """Reserve job ids in the caller's transaction."""
    sequences = schema.sequences
    after = connection.scalar(
        update(sequences).where(sequences.c.name == "jobs").values(next=sequences.c.next + n).returning(sequences.c.next)
    )
    return int(after or 0) - n


def _pieces(rows: Iterable[Parameters], size: int) -> Iterator[list[Parameters]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, size)):
        yield piece


def _publish(
    database: Database,
    workflow_id: int,
    building: int,
    declaration: Declaration,
    matcher: _Matcher,
    new: int,
    existing: Row[Any] | None,
) -> Outcome:
    """Make the map, or what the call adds to it, visible: one small transaction."""
    absent = matcher.absent()
    outcome = Outcome(
        map_id=building if existing is None else existing.id,
        before=len(matcher.order) - new - len(matcher.changed),
        new=new,
        changed=len(matcher.changed),
        absent=len(absent),
    )
    with database.write() as connection:
        tally = counts.Tally(workflow_id)
        tally.add(outcome.map_id, declaration.requirement_id, JobStatus.READY, new)
        if existing is None:
            connection.execute(
                update(_maps).where(_maps.c.id == building).values(state="ready", builder=None)
            )
            for other in declaration.blocked_by_maps:
                dependencies.after_map(connection, other, map_id=building)
        else:
            outcome.code_changed = _extend(connection, building, declaration, existing)
        _change_values(connection, matcher.changed)
        if declaration.drop and absent:
            outcome.dropped, outcome.absent = len(absent), 0
            _drop(connection, workflow_id, absent, tally)
        connection.execute(
            update(_maps).where(_maps.c.id == outcome.map_id).values(order=_order(matcher, outcome.absent))
        )
        _declare_postprocess(connection, workflow_id, outcome, declaration, tally)
        tally.write(connection)
        events.add(
            database, connection, workflow_id, "map declared", map_id=outcome.map_id, name=declaration.name, new=new,
            changed=outcome.changed, absent=len(absent),
        )  # fmt: skip
    return outcome


def _extend(connection: Connection, building: int, declaration: Declaration, existing: Row[Any]) -> bool:
    """Let the new rows join the map, which takes the call's code and settings; says whether the code changed."""
    connection.execute(update(_jobs).where(_jobs.c.map_id == building).values(map_id=existing.id))
    connection.execute(
        update(_maps)
        .where(_maps.c.id == existing.id)
        .values(
            function_id=declaration.function_id,
            environment_id=declaration.environment_id,
            requirement_id=declaration.requirement_id,
            scheduler_id=declaration.scheduler_id,
            call=declaration.call,
            shape=declaration.shape,
        )
    )
    connection.execute(delete(_maps).where(_maps.c.id == building))
    return bool(existing.function_id != declaration.function_id)


def _change_values(connection: Connection, changed: list[tuple[int, Parameters]]) -> None:
    for job_id, row in changed:
        connection.execute(
            update(_jobs)
            .where(_jobs.c.id == job_id)
            .values(params=row.text, params_digest=row.digest, declared_digest=row.digest, rev=_jobs.c.rev + 1)
        )


def _order(matcher: _Matcher, absent: int) -> bytes | None:
    order = matcher.order
    increasing = all(a < b for a, b in zip(order, islice(order, 1, None), strict=False))
    return None if increasing and not absent else order.tobytes()


def _drop(connection: Connection, workflow_id: int, job_ids: list[int], tally: counts.Tally) -> None:
    for start in range(0, len(job_ids), 500):
        part = job_ids[start : start + 500]
        for job in connection.execute(select(_jobs).where(_jobs.c.id.in_(part))):
            tally.add(job.map_id, job.requirement_id, job.status, -1)
        workflows.delete_jobs(connection, part)


def _declare_postprocess(
    connection: Connection, workflow_id: int, outcome: Outcome, declaration: Declaration, tally: counts.Tally
) -> None:
    """Give the map its postprocess job, or let the one that it has wait for the new rows."""
    if declaration.postprocess_id is None:
        return
    map_ = connection.execute(select(_maps).where(_maps.c.id == outcome.map_id)).one()
    if map_.postprocess_id is None:
        _create_postprocess(connection, workflow_id, outcome.map_id, declaration, tally)
        return
    job = connection.execute(select(_jobs).where(_jobs.c.id == map_.postprocess_id)).one()
    values: dict[str, Any] = {"function_id": declaration.postprocess_id}
    if outcome.new and job.status in FINISHED | {JobStatus.READY}:
        values |= {"status": int(JobStatus.BLOCKED), "note": None}
        tally.move(0, job.requirement_id, job.status, JobStatus.BLOCKED)
    connection.execute(update(_jobs).where(_jobs.c.id == job.id).values(values))


def _create_postprocess(
    connection: Connection, workflow_id: int, map_id: int, declaration: Declaration, tally: counts.Tally
) -> None:
    job_id = _take(connection, 1)
    connection.execute(
        insert(_jobs).values(
            id=job_id,
            workflow_id=workflow_id,
            map_id=0,
            row=0,
            status=int(JobStatus.BLOCKED),
            priority=declaration.priority,
            requirement_id=declaration.postprocess_requirement_id,
            params="",
            params_digest=b"",
            declared_digest=b"",
            name=declaration.shape.get("postprocess_name", "postprocess"),
            rev=1,
            attempt=0,
            interruptions=0,
            function_id=declaration.postprocess_id,
            collects=map_id,
        )
    )
    tally.add(0, declaration.postprocess_requirement_id, JobStatus.BLOCKED)
    dependencies.after_map(connection, map_id, job_id=job_id)
    connection.execute(update(_maps).where(_maps.c.id == map_id).values(postprocess_id=job_id))


def _discard(database: Database, workflow_id: int, building: int) -> None:
    """Remove a map that was not finished, in short pieces."""
    while True:
        with database.write() as connection:
            ids = connection.scalars(
                select(_jobs.c.id)
                .where(_jobs.c.workflow_id == workflow_id, _jobs.c.map_id == building)
                .order_by(_jobs.c.id)
                .limit(workflows.PIECE)
            ).all()
            if not ids:
                connection.execute(delete(_maps).where(_maps.c.id == building, _maps.c.state == "building"))
                return
            connection.execute(
                delete(_jobs).where(
                    _jobs.c.workflow_id == workflow_id,
                    _jobs.c.map_id == building,
                    _jobs.c.id <= max(ids),
                )
            )


def sweep(database: Database, workflow_id: int) -> int:
    """Remove what dead kernels left half built; returns how many maps that were."""
    with database.read() as connection:
        now = database.now(connection)
        left = connection.execute(
            select(_maps.c.id, _maps.c.builder, _maps.c.touched).where(
                _maps.c.workflow_id == workflow_id, _maps.c.state == "building"
            )
        ).all()
    abandoned = [half.id for half in left if _is_abandoned(half.builder, half.touched, now)]
    for map_id in abandoned:
        _discard(database, workflow_id, map_id)
    return len(abandoned)


def _is_abandoned(builder: dict[str, Any], touched: float, now: float) -> bool:
    alive = machine.is_alive(builder["boot_id"], builder["pid"], builder["process_start"])
    return not alive if alive is not None else now - touched > ABANDONED


def job_total(connection: Connection, workflow_id: int, map_id: int) -> int:
    """Count the jobs of a map."""
    table = schema.job_counts
    return int(
        connection.scalar(
            select(func.sum(table.c.n)).where(table.c.workflow_id == workflow_id, table.c.map_id == map_id)
        )
        or 0
    )
