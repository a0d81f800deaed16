"""The versions of the code of a workflow, and by which each standing result was made."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from torc_nb.models import JobStatus
from torc_nb.store import schema
from torc_nb.store.database import Database

_jobs = schema.jobs
_maps = schema.maps
_results = schema.results
_functions = schema.functions


class CodeVersion(NamedTuple):
    """One version of a function.

    Attributes
    ----------
    id : int
        Of the stored function.
    name : str
        The function's, with its module where it is imported from one.
    label : str
        The version's: ``v1``, ``v2``, …
    created : float
        When it was first mapped, in seconds since the epoch.
    python : str
        Of which Python.
    results : int
        How many standing results it made.
    source : str
        Its text.
    """

    id: int
    name: str
    label: str
    created: float
    python: str
    results: int
    source: str


def made(database: Database, workflow_id: int) -> list[CodeVersion]:
    """Return the versions of all functions of a workflow, oldest first, with what they made."""
    standing = (
        select(_results.c.function_id, func.count())
        .select_from(_jobs)
        .join(_results, (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt))
        .where(_jobs.c.workflow_id == workflow_id, _jobs.c.status == int(JobStatus.COMPLETED))
        .group_by(_results.c.function_id)
    )
    columns = [_functions.c[name] for name in ("id", "module", "name", "version", "created", "python", "source")]
    known = select(*columns).where(_functions.c.workflow_id == workflow_id).order_by(_functions.c.id)
    with database.read() as connection:
        numbers = {row[0]: row[1] for row in connection.execute(standing)}
        return [
            CodeVersion(
                row.id, f"{row.module}.{row.name}" if row.module else row.name, f"v{row.version}", row.created,
                row.python, numbers.get(row.id, 0), row.source,
            )
            for row in connection.execute(known)
        ]  # fmt: skip


def counted(database: Database, workflow_id: int) -> dict[str, dict[str, int]]:
    """Return for each map with results of several versions how many are by which: ``{"run": {"v1": 9, "v2": 3}}``.

    A map whose code has one version costs nothing; of others every result is looked at.
    """
    with database.read() as connection:
        found = {name: _of_map(connection, workflow_id, id_) for id_, name in _with_versions(connection, workflow_id)}
    return {name: versions for name, versions in found.items() if len(versions) > 1}


def _with_versions(connection: Connection, workflow_id: int) -> list[tuple[int, str]]:
    """Find the maps of whose function the workflow keeps several versions."""
    several = (
        select(_functions.c.name)
        .where(_functions.c.workflow_id == workflow_id)
        .group_by(_functions.c.name)
        .having(func.count() > 1)
    )
    rows = connection.execute(
        select(_maps.c.id, _maps.c.name)
        .join(_functions, _functions.c.id == _maps.c.function_id)
        .where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready", _functions.c.name.in_(several))
        .order_by(_maps.c.id)
    )
    return [(row.id, row.name) for row in rows]


def _of_map(connection: Connection, workflow_id: int, map_id: int) -> dict[str, int]:
    rows = connection.execute(
        select(_functions.c.version, func.count())
        .select_from(_jobs)
        .join(_results, (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt))
        .join(_functions, _functions.c.id == _results.c.function_id)
        .where(
            _jobs.c.workflow_id == workflow_id,
            _jobs.c.map_id == map_id,
            _jobs.c.status == int(JobStatus.COMPLETED),
        )
        .group_by(_functions.c.version)
        .order_by(_functions.c.version)
    )
    return {f"v{version}": n for version, n in rows}
