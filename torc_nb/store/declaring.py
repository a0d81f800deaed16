"""Declaring a map: its new rows become jobs, its known rows keep theirs, and all of it is made visible at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from torc_nb.errors import Conflict, TorcError
from torc_nb.models import JobStatus
from torc_nb.store import (
    blockers,
    building,
    bulk,
    counts,
    dependencies,
    events,
    limits,
    postprocessing,
    requirements,
    schema,
    sources,
    watch,
    workflows,
)
from torc_nb.store.building import Declaration
from torc_nb.store.database import Database
from torc_nb.store.matching import Matcher, Parameters

_maps = schema.maps
_jobs = schema.jobs


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
    policy_changed: bool = False
    #: At how many failures it is stopped from now on, and at how many it was before, where that differs.
    new_limit: tuple[int | None, int | None] | None = None
    # what its jobs ask now, which was set since where the call repeats what it said before
    requirement_id: int = field(default=0, compare=False)


def declare(database: Database, workflow_id: int, declaration: Declaration, rows: Iterable[Parameters]) -> Outcome:
    """Declare a map: its new rows become jobs, its known rows keep theirs.

    A failure, a Ctrl-C or the kernel's death at any moment leaves nothing of the call visible.

    Raises
    ------
    Conflict
        Another process declared the same map at the same moment.
    """
    building.sweep(database, workflow_id)
    existing = find(database, workflow_id, declaration.name)
    if existing is not None and declaration.is_new:
        raise _declared_meanwhile(declaration)
    known = None if existing is None else existing.id
    if existing is not None and existing.declared_requirement_id == declaration.requirement_id:
        declaration = replace(
            declaration,
            requirement_id=existing.requirement_id,
            declared_requirement_id=existing.declared_requirement_id,
        )
    half = building.begin(database, workflow_id, declaration, known)
    try:
        matcher = Matcher(database, workflow_id, known, declaration.first_row)
        new = building.write(database, workflow_id, half, declaration, matcher, rows)
        outcome = _publish(database, workflow_id, half, declaration, matcher, new, existing)
    except BaseException:
        # Where the database does not answer either, the next call sweeps.
        with suppress(TorcError):
            building.discard(database, workflow_id, half)
        raise
    finally:
        building.finish(database, half)
    take_requirement(database, workflow_id, outcome.map_id, declaration.requirement_id)
    if declaration.source_map is not None or outcome.dropped:
        dependencies.release_all(database, workflow_id)
    # A map without unfinished rows keeps nobody waiting, and no completion will say so.
    dependencies.release(
        database, workflow_id, {outcome.map_id, *declaration.blocked_by_maps}, declaration.blocked_by_jobs
    )
    limits.tell(database, workflow_id, {outcome.map_id})
    return outcome


def find(database: Database, workflow_id: int, name: str) -> Row[Any] | None:
    """Return the visible map of a name, if there is one."""
    with database.read() as connection:
        return connection.execute(
            select(_maps).where(_maps.c.workflow_id == workflow_id, _maps.c.name == name, _maps.c.state == "ready")
        ).first()


def _publish(
    database: Database,
    workflow_id: int,
    half: int,
    declaration: Declaration,
    matcher: Matcher,
    new: int,
    existing: Row[Any] | None,
) -> Outcome:
    """Make the map, or what the call adds to it, visible: one small transaction."""
    absent = matcher.absent()
    outcome = Outcome(
        map_id=half if existing is None else existing.id,
        before=len(matcher.order) - new - len(matcher.changed),
        new=new,
        changed=len(matcher.changed),
        absent=0 if declaration.drop else len(absent),
        dropped=len(absent) if declaration.drop else 0,
        code_changed=existing is not None and existing.function_id != declaration.function_id,
        new_limit=_new_limit(declaration, existing),
        policy_changed=existing is not None and _policy(existing, declaration) != _policy(declaration, declaration),
        requirement_id=declaration.requirement_id,
    )
    in_order = not outcome.absent and matcher.is_in_order_of_ids()
    with database.write() as connection:
        building.touch(database, connection, half, declaration.name)
        tally = counts.Tally(workflow_id)
        tally.add(outcome.map_id, declaration.requirement_id, declaration.status, new)
        if existing is None:
            _show(connection, half, declaration)
        else:
            _extend(database, connection, half, declaration, existing)
        _change_values(connection, matcher.changed)
        _give_keys(connection, matcher.keyed)
        if declaration.drop:
            _drop(connection, absent, tally)
        order = None if in_order else matcher.order.tobytes()
        connection.execute(update(_maps).where(_maps.c.id == outcome.map_id).values(order=order))
        if declaration.source_map is not None:
            sources.take_from(connection, outcome.map_id, declaration.source_map)
        postprocessing.declare(connection, workflow_id, outcome.map_id, declaration, new, tally)
        events.add(
            database, connection, workflow_id, "map declared", map_id=outcome.map_id, name=declaration.name, new=new,
            changed=outcome.changed, absent=len(absent),
        )  # fmt: skip
        tally.write(connection)
        watch.announce(connection, workflow_id)
    return outcome


def _new_limit(declaration: Declaration, existing: Row[Any] | None) -> tuple[int | None, int | None] | None:
    if existing is None or existing.max_failures == declaration.max_failures:
        return None
    return declaration.max_failures, existing.max_failures


def _show(connection: Connection, half: int, declaration: Declaration) -> None:
    try:
        connection.execute(update(_maps).where(_maps.c.id == half).values(state="ready", builder=None))
    except IntegrityError as error:
        raise _declared_meanwhile(declaration) from error
    for other in declaration.blocked_by_maps:
        dependencies.after_map(connection, other, map_id=half)
    blockers.keep(connection, half, declaration.blocked_by_jobs)


def _extend(
    database: Database, connection: Connection, half: int, declaration: Declaration, existing: Row[Any]
) -> None:
    """Let the new rows join the map, which takes the call's code and settings."""
    priority = {} if existing.declared_priority == declaration.priority else {"priority": declaration.priority}
    unchanged = connection.execute(
        update(_maps)
        # Whoever declared it since we read it has written this time anew.
        .where(
            _maps.c.id == existing.id,
            _maps.c.state == "ready",
            _maps.c.touched == existing.touched,
            _maps.c.requirement_id == existing.requirement_id,
        )
        .values(
            touched=database.now(connection),
            function_id=declaration.function_id,
            environment_id=declaration.environment_id,
            requirement_id=declaration.requirement_id,
            declared_requirement_id=declaration.declared_requirement,
            scheduler_id=declaration.scheduler_id,
            declared_priority=declaration.priority,
            call=declaration.call,
            shape=declaration.shape,
            max_failures=declaration.max_failures,
            **_policy(declaration, declaration),
            **priority,
        )
    )
    if not unchanged.rowcount:
        raise _declared_meanwhile(declaration)
    connection.execute(
        update(_jobs)
        .where(_jobs.c.workflow_id == existing.workflow_id, _jobs.c.map_id == half)
        .values(map_id=existing.id)
    )
    connection.execute(delete(_maps).where(_maps.c.id == half))


def _policy(map_: Row[Any] | Declaration, declaration: Declaration) -> dict[str, Any]:
    """What becomes of a map's failures, as far as a call says it: one without postprocess leaves what there is."""
    said = ("retry", "growth", *(("postprocess_partial",) if declaration.postprocess_id is not None else ()))
    return {name: getattr(map_, name) for name in said}


def _declared_meanwhile(declaration: Declaration) -> Conflict:
    return Conflict(f"Map {declaration.name!r} was declared by another process at the same moment; run the cell again.")


def _change_values(connection: Connection, changed: Sequence[tuple[int, Parameters]]) -> None:
    """Give jobs other parameters; what their newest attempt was given stays known as long as it is something else."""
    ids = sorted(job_id for job_id, _ in changed)
    begun = _jobs.c.status >= int(JobStatus.PENDING)
    parts = [_jobs.c.id.in_(ids[start : start + 500]) for start in range(0, len(ids), 500)]
    for part in parts:
        connection.execute(update(_jobs).where(part, begun, _jobs.c.replaced.is_(None)).values(replaced=_jobs.c.params))
    rows = sorted(((row.text, row.digest, row.digest, job_id) for job_id, row in changed), key=_id)
    bulk.update_rows(connection, _jobs, ("id",), ("params", "params_digest", "declared_digest"), rows)
    still_other = case((_jobs.c.replaced != _jobs.c.params, _jobs.c.replaced))
    for part in parts:
        connection.execute(update(_jobs).where(part).values(rev=_jobs.c.rev + 1, replaced=still_other))


def _give_keys(connection: Connection, keyed: Sequence[tuple[int, Parameters]]) -> None:
    rows = sorted(((row.key_digest, row.key, job_id) for job_id, row in keyed), key=_id)
    bulk.update_rows(connection, _jobs, ("id",), ("key_digest", "key"), rows)


def _id(row: tuple[Any, ...]) -> int:
    return int(row[-1])


def _drop(connection: Connection, job_ids: list[int], tally: counts.Tally) -> None:
    for start in range(0, len(job_ids), 500):
        part = job_ids[start : start + 500]
        chosen = select(_jobs.c.map_id, _jobs.c.requirement_id, _jobs.c.status).where(_jobs.c.id.in_(part))
        for job in connection.execute(chosen.order_by(_jobs.c.id).with_for_update()):
            tally.add(job.map_id, job.requirement_id, job.status, -1)
        workflows.delete_jobs(connection, part)


def take_requirement(database: Database, workflow_id: int, map_id: int, requirement_id: int) -> int:
    """Let the jobs of a map that wait ask what the map asks, but those that were told to ask something else.

    Returns how many these are.
    """
    table = schema.job_counts
    others = (
        select(table.c.map_id, table.c.requirement_id)
        .where(
            table.c.workflow_id == workflow_id,
            table.c.map_id == map_id,
            table.c.status == int(JobStatus.READY),
            table.c.requirement_id != requirement_id,
        )
        .group_by(table.c.map_id, table.c.requirement_id)
        .having(func.sum(table.c.n) > 0)
    )
    with database.read() as connection:
        if connection.execute(others.limit(1)).first() is None:  # nearly always
            return 0
    with database.write() as connection:
        asked_now = requirements.AskedNow(connection, workflow_id)
        asked = {counts.Group(*row): asked_now.of(row) for row in connection.execute(others).all()}
    moved = 0
    for group, wanted in asked.items():
        while group.requirement_id != wanted and (n := _take_piece(database, workflow_id, group, wanted)):
            moved += n
    return moved


def _take_piece(database: Database, workflow_id: int, group: counts.Group, requirement_id: int) -> int:
    """Move some ready jobs of a group to another requirement; returns how many."""
    chosen = (
        select(_jobs.c.id)
        .where(
            _jobs.c.workflow_id == workflow_id,
            _jobs.c.map_id == group.map_id,
            _jobs.c.requirement_id == group.requirement_id,
            schema.READY,
        )
        .order_by(_jobs.c.id)
        .limit(building.PIECE)
        .with_for_update()
    )
    with database.write() as connection:
        ids = connection.scalars(chosen).all()
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            connection.execute(update(_jobs).where(_jobs.c.id.in_(part)).values(requirement_id=requirement_id))
        tally = counts.Tally(workflow_id)
        tally.add(*group, JobStatus.READY, -len(ids))
        tally.add(group.map_id, requirement_id, JobStatus.READY, len(ids))
        tally.write(connection)
        if ids:
            watch.announce(connection, workflow_id)
    return len(ids)
