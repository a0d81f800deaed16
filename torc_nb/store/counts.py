"""How many jobs of each map stand in each status, kept by the transactions that move them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, func, or_, select

from torc_nb.models import FAILURES, FINISHED, JobStatus
from torc_nb.store import bulk, schema

#: Over how many rows a count is spread on PostgreSQL, so that workers seldom wait for one another.
SHARDS = 16

_counts = schema.job_counts


class Group(NamedTuple):
    """Jobs that are claimed alike: of one map (0: of none) and one requirement."""

    map_id: int
    requirement_id: int


class Tally:
    """The moves of one transaction, added up and written at its end."""

    def __init__(self, workflow_id: int) -> None:
        self.workflow_id = workflow_id
        self._deltas: Counter[tuple[int, int, int]] = Counter()

    def add(self, map_id: int, requirement_id: int, status: int, n: int = 1) -> None:
        """Count ``n`` new jobs of a status."""
        self._deltas[map_id, requirement_id, int(status)] += n

    def move(self, map_id: int, requirement_id: int, old: int, new: int, n: int = 1) -> None:
        """Count ``n`` jobs that went from one status to another."""
        self.add(map_id, requirement_id, old, -n)
        self.add(map_id, requirement_id, new, n)

    def write(self, connection: Connection, shard: int = 0) -> None:
        """Write the sums; last in the transaction and in one order, so that two writers cannot deadlock."""
        rows = [
            {"workflow_id": self.workflow_id, "map_id": map_id, "requirement_id": requirement_id, "status": status,
             "shard": shard % SHARDS, "n": n}
            for (map_id, requirement_id, status), n in sorted(self._deltas.items())
            if n
        ]  # fmt: skip
        if not rows:
            return
        connection.execute(_addition(connection.dialect.name), rows)


@cache
def _addition(dialect: str) -> Any:
    statement = bulk.insert_on_conflict(dialect, _counts)
    return statement.on_conflict_do_update(
        index_elements=list(_counts.primary_key.columns), set_={"n": _counts.c.n + statement.excluded.n}
    )


def by_map(connection: Connection, workflow_id: int) -> dict[int, dict[JobStatus, int]]:
    """Return for each map (0: jobs of no map) the number of jobs in each status."""
    rows = connection.execute(
        select(_counts.c.map_id, _counts.c.status, func.sum(_counts.c.n))
        .where(_counts.c.workflow_id == workflow_id)
        .group_by(_counts.c.map_id, _counts.c.status)
    )
    result: dict[int, dict[JobStatus, int]] = {}
    for map_id, status, n in rows:
        if n:
            result.setdefault(map_id, {})[JobStatus(status)] = int(n)
    return result


def total(connection: Connection, workflow_id: int) -> dict[JobStatus, int]:
    """Return the number of jobs of a workflow in each status."""
    sums: Counter[JobStatus] = Counter()
    for statuses in by_map(connection, workflow_id).values():
        sums.update(statuses)
    return dict(sums)


def unfinished(connection: Connection, workflow_id: int, map_ids: list[int]) -> dict[int, int]:
    """Return how many jobs of each of these maps have not finished."""
    rows = connection.execute(
        select(_counts.c.map_id, func.sum(_counts.c.n))
        .where(
            _counts.c.workflow_id == workflow_id,
            _counts.c.map_id.in_(map_ids),
            _counts.c.status.not_in([int(status) for status in FINISHED]),
        )
        .group_by(_counts.c.map_id)
    )
    found = {map_id: int(n) for map_id, n in rows}
    return {map_id: found.get(map_id, 0) for map_id in map_ids}


def left_of(workflow_id: int | ColumnElement[int], map_id: ColumnElement[int]) -> ScalarSelect[int]:
    """How many jobs of a map have not finished, for use within a query that finds the map."""
    return (
        select(func.coalesce(func.sum(_counts.c.n), 0))
        .where(
            _counts.c.workflow_id == workflow_id,
            _counts.c.map_id == map_id,
            _counts.c.status.not_in([int(status) for status in FINISHED]),
        )
        .scalar_subquery()
    )


def _went_wrong(status: ColumnElement[int]) -> ColumnElement[bool]:
    return or_(*(status == int(one) for one in FAILURES))


def failed_of(workflow_id: int | ColumnElement[int], map_id: ColumnElement[int]) -> ScalarSelect[int]:
    """How many jobs of a map went wrong themselves, for use within a query that finds the map."""
    return (
        select(func.coalesce(func.sum(_counts.c.n), 0))
        .where(
            _counts.c.workflow_id == workflow_id,
            _counts.c.map_id == map_id,
            _went_wrong(_counts.c.status),
        )
        .scalar_subquery()
    )


def ready(connection: Connection, workflow_id: int) -> dict[Group, int]:
    """Return how many jobs of each group may begin, those of maps of the highest priority first.

    Of maps that are visible, neither blocked nor stopped.
    """
    return {group: n for group, n, _ in by_priority(connection, workflow_id)}


def by_priority(connection: Connection, workflow_id: int) -> list[tuple[Group, int, int]]:
    """Return as :func:`ready` does, each group with its map's priority."""
    rows = connection.execute(_READY, {"workflow": workflow_id})
    return [(Group(map_id, requirement_id), int(n), priority) for map_id, requirement_id, n, priority in rows if n > 0]


_maps = schema.maps
_priority = func.coalesce(_maps.c.priority, 0)
_failed = _counts.alias("failed")
# Written out rather than by `failed_of`: within a query over the counts it needs another name for them.
_FAILED = (
    select(func.coalesce(func.sum(_failed.c.n), 0))
    .where(
        _failed.c.workflow_id == bindparam("workflow"),
        _failed.c.map_id == _counts.c.map_id,
        _went_wrong(_failed.c.status),
    )
    .correlate(_counts)
    .scalar_subquery()
)
# It is asked with every exchange, and costs half of what it would if it were made each time. What failed is counted of
# each group once, and where a map has a limit only.
_READY = (
    select(_counts.c.map_id, _counts.c.requirement_id, func.sum(_counts.c.n), _priority)
    .select_from(_counts.outerjoin(_maps, _maps.c.id == _counts.c.map_id))
    .where(
        _counts.c.workflow_id == bindparam("workflow"),
        _counts.c.status == int(JobStatus.READY),
        (_counts.c.map_id == 0) | ((_maps.c.state == "ready") & _maps.c.blocked.is_(False)),
    )
    .group_by(_counts.c.map_id, _counts.c.requirement_id, _maps.c.priority, _maps.c.max_failures)
    .having(_maps.c.max_failures.is_(None) | (_maps.c.max_failures > _FAILED))
    .order_by(_priority.desc(), _counts.c.map_id, _counts.c.requirement_id)
)
