"""The code of a map, given anew without its rows being declared again."""

from __future__ import annotations

from sqlalchemy import update

from torc_nb.store import events, schema
from torc_nb.store.database import Database

_maps = schema.maps
_jobs = schema.jobs


def set_function(database: Database, workflow_id: int, map_id: int, function_id: int) -> None:
    """Let the jobs of a map that begin from now on run this function."""
    with database.write() as connection:
        connection.execute(
            update(_maps)
            .where(_maps.c.id == map_id, _maps.c.workflow_id == workflow_id)
            .values(function_id=function_id, touched=database.now(connection))
        )
        events.add(database, connection, workflow_id, "code changed", map_id=map_id, function_id=function_id)


def set_postprocess(database: Database, workflow_id: int, job_id: int, function_id: int) -> None:
    """Let a postprocess job run this function when it begins next."""
    with database.write() as connection:
        connection.execute(
            update(_jobs)
            .where(_jobs.c.id == job_id, _jobs.c.workflow_id == workflow_id)
            .values(function_id=function_id)
        )
        events.add(database, connection, workflow_id, "code changed", job_id=job_id, function_id=function_id)
