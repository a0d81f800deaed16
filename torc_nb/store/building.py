"""A map that is being built: written in pieces that nobody sees; discarded if it is not finished."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, select, update

from torc_nb.errors import Conflict
from torc_nb.models import JobStatus
from torc_nb.store import bulk, machine, schema
from torc_nb.store.database import Database
from torc_nb.store.matching import Matcher, Parameters

_maps = schema.maps
_jobs = schema.jobs

#: Rows per transaction: about 20 ms of writing, so that claims and completions of others pass in between.
PIECE = 2000

#: A map being built on another machine that wrote nothing for this long is given up, in seconds.
ABANDONED = 600.0

#: What this process builds now, by database and id: its other half-built maps are left from an interrupt.
_under_way: set[tuple[str, int]] = set()

_COLUMNS = (
    "id", "workflow_id", "map_id", "row", "status", "priority", "requirement_id", "params", "params_digest",
    "declared_digest", "key_digest", "key", "name", "rev", "attempt", "interruptions", "source_id",
)  # fmt: skip


def _unnamed(_row: int) -> None:
    """Give no name: a job is called by its row's number."""


@dataclass(frozen=True)
class Declaration:
    """What ``map`` declares besides its rows.

    Attributes
    ----------
    blocked_by_maps, blocked_by_jobs
        What a new map waits for.
    first_row
        The number of the first row of a new map.
    job_name
        What the job of a row is called, where its number is not enough.
    is_new
        There must be no map of this name.
    source_map
        The map whose results are the rows.
    retry
        When its failed jobs are tried again, as `Retry.stored` tells; None: never.
    max_failures
        At how many failed jobs it is stopped; None: never.
    growth
        How those that run out of memory ask for more, as `Growth.stored` tells; None: they fail.
    postprocess_partial
        Whether its postprocess is given what there is where not all have completed.
    """

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
    blocked_by_jobs: tuple[int, ...] = ()
    priority: int = 0
    drop: bool = False
    first_row: int = 0
    job_name: Callable[[int], str | None] = _unnamed
    is_new: bool = False
    source_map: int | None = None
    retry: dict[str, Any] | None = None
    max_failures: int | None = None
    growth: dict[str, Any] | None = None
    postprocess_partial: bool = False
    declared_requirement_id: int | None = None  # what the call asked for, where the map keeps what was set since

    @property
    def declared_requirement(self) -> int:
        """What the call asked for."""
        return self.declared_requirement_id or self.requirement_id

    @property
    def is_blocked(self) -> bool:
        """Whether a new map waits for anything."""
        return bool(self.blocked_by_maps or self.blocked_by_jobs)

    @property
    def status(self) -> JobStatus:
        """Where a new row begins: it waits for its source where it has one."""
        return JobStatus.READY if self.source_map is None else JobStatus.BLOCKED


def begin(database: Database, workflow_id: int, declaration: Declaration, extends: int | None) -> int:
    """Enter a map that only its builder sees; returns its id."""
    with database.write() as connection:
        now = database.now(connection)
        map_id: int = connection.scalar(
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
                declared_requirement_id=declaration.declared_requirement,
                scheduler_id=declaration.scheduler_id,
                blocked=declaration.is_blocked,
                priority=declaration.priority,
                declared_priority=declaration.priority,
                call=declaration.call,
                shape=declaration.shape,
                retry=declaration.retry,
                max_failures=declaration.max_failures,
                growth=declaration.growth,
                postprocess_partial=declaration.postprocess_partial,
            )
            .returning(_maps.c.id)
        )
        # Before the commit: a sweep by another thread must not find a map of this process that is not under way.
        _under_way.add((database.url, map_id))
    return map_id


def write(
    database: Database,
    workflow_id: int,
    map_id: int,
    declaration: Declaration,
    matcher: Matcher,
    rows: Iterable[Parameters],
) -> int:
    """Write the rows that the map does not know, a piece a transaction; returns how many.

    Raises
    ------
    Conflict
        Somebody gave the map up meanwhile.
    """
    written = 0
    status = int(declaration.status)
    for piece in _pieces((row for row in rows if not matcher.match(row)), PIECE):
        with database.write() as connection:
            first = take_ids(connection, len(piece))
            bulk.insert_rows(
                connection,
                _jobs,
                _COLUMNS,
                [
                    (
                        first + i, workflow_id, map_id, matcher.next_row + i, status,
                        declaration.priority, declaration.requirement_id, row.text, row.digest, row.digest,
                        row.key_digest, row.key, declaration.job_name(matcher.next_row + i), 1, 0, 0, row.source,
                    )
                    for i, row in enumerate(piece)
                ],
            )  # fmt: skip
            touch(database, connection, map_id, declaration.name)
        matcher.written(range(first, first + len(piece)))
        written += len(piece)
    return written


def touch(database: Database, connection: Connection, map_id: int, name: str) -> None:
    """Show that the builder lives, and hold the map until the caller's transaction ends.

    Raises
    ------
    Conflict
        Somebody gave the map up meanwhile.
    """
    still = connection.execute(
        update(_maps).where(_maps.c.id == map_id, _maps.c.state == "building").values(touched=database.now(connection))
    )
    if not still.rowcount:
        raise Conflict(
            f"Map {name!r} was given up by another process, as nothing was heard of this one for "
            f"{ABANDONED / 60:.0f} minutes; run the cell again."
        )


def take_ids(connection: Connection, n: int) -> int:
    """Reserve ``n`` consecutive job ids in the caller's transaction, and return the first."""
    after: int = connection.scalar(_TAKE_IDS, {"n": n})
    return after - n


_sequences = schema.sequences
_TAKE_IDS = (
    update(_sequences)
    .where(_sequences.c.name == "jobs")
    .values(next=_sequences.c.next + bindparam("n", type_=BigInteger))
    .returning(_sequences.c.next)
)


def _pieces(rows: Iterable[Parameters], size: int) -> Iterator[list[Parameters]]:
    iterator = iter(rows)
    while piece := list(islice(iterator, size)):
        yield piece


def finish(database: Database, map_id: int) -> None:
    """Note that this process builds the map no more."""
    _under_way.discard((database.url, map_id))


def discard(database: Database, workflow_id: int, map_id: int) -> None:
    """Remove a map that was not made visible, in short pieces; one that was stays as it is."""
    with database.write() as connection:
        given_up = connection.execute(
            update(_maps)
            .where(_maps.c.id == map_id, _maps.c.state.in_(["building", "discarded"]))
            .values(state="discarded")
        )
    if not given_up.rowcount:
        return
    of_map = (_jobs.c.workflow_id == workflow_id) & (_jobs.c.map_id == map_id)
    while True:
        with database.write() as connection:
            ids = connection.scalars(select(_jobs.c.id).where(of_map).order_by(_jobs.c.id).limit(PIECE)).all()
            if not ids:
                connection.execute(delete(_maps).where(_maps.c.id == map_id, _maps.c.state == "discarded"))
                return
            connection.execute(delete(_jobs).where(of_map, _jobs.c.id <= ids[-1]))


def sweep(database: Database, workflow_id: int) -> int:
    """Remove what dead kernels and interrupts left half built; returns how many maps that were."""
    with database.read() as connection:
        now = database.now(connection)
        left = connection.execute(
            select(_maps.c.id, _maps.c.state, _maps.c.builder, _maps.c.touched).where(
                _maps.c.workflow_id == workflow_id, _maps.c.state != "ready"
            )
        ).all()
    abandoned = [
        half.id
        for half in left
        if (database.url, half.id) not in _under_way
        and (half.state == "discarded" or _is_abandoned(half.builder, half.touched, now))
    ]
    for map_id in abandoned:
        discard(database, workflow_id, map_id)
    return len(abandoned)


def _is_abandoned(builder: dict[str, Any], touched: float, now: float) -> bool:
    """Whether the builder of a map died; this process knows best what it builds itself."""
    if builder["boot_id"] == machine.boot_id() and builder["pid"] == os.getpid():
        return True
    alive = machine.is_alive(builder["boot_id"], builder["pid"], builder["process_start"])
    return not alive if alive is not None else now - touched > ABANDONED
