"""Jobs that a whole map waits for: a row for each, not one for each pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from torc_nb.store import schema

_blockers = schema.map_blockers

#: How many ids go into one IN (…).
_CHUNK = 500


def keep(connection: Connection, map_id: int, job_ids: Iterable[int]) -> None:
    """Let a map wait for jobs."""
    rows = [{"map_id": map_id, "blocked_by": job_id} for job_id in sorted(set(job_ids))]
    if rows:
        connection.execute(insert(_blockers), rows)


def of_map(map_id: int) -> Select[Any]:
    """Select the jobs that a map waits for."""
    return select(_blockers.c.blocked_by).where(_blockers.c.map_id == map_id)


_ANY = select(_blockers.c.map_id).limit(1)


def behind(connection: Connection, job_ids: Sequence[int]) -> dict[int, int]:
    """Return the maps that wait for any of these jobs, and one of those jobs for each."""
    found: dict[int, int] = {}
    if connection.scalar(_ANY) is None:
        return found
    for start in range(0, len(job_ids), _CHUNK):
        waiting = select(_blockers).where(_blockers.c.blocked_by.in_(job_ids[start : start + _CHUNK]))
        for row in connection.execute(waiting):
            found.setdefault(row.map_id, row.blocked_by)
    return found


def of_held_maps(connection: Connection, workflow_id: int) -> Sequence[int]:
    """Return one job for each map of a workflow that is held and waits for jobs."""
    maps = schema.maps
    held = select(maps.c.id).where(maps.c.workflow_id == workflow_id, maps.c.blocked)
    rows = connection.execute(select(_blockers).where(_blockers.c.map_id.in_(held)))
    return list({row.map_id: row.blocked_by for row in rows}.values())
