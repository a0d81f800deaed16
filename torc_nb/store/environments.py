"""The working folder and environment variables that jobs run in, as they were when mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import insert, select

from torc_nb.store import schema
from torc_nb.store.database import Database

_environments = schema.environments


class Environment(NamedTuple):
    """A working folder and variables."""

    cwd: str
    variables: Mapping[str, str]


def keep(database: Database, workflow_id: int, environment: Environment) -> int:
    """Return the id of the workflow's record of this environment, making it where there is none."""
    text = json.dumps([environment.cwd, dict(environment.variables)], sort_keys=True)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    with database.write() as connection:
        found = connection.scalar(
            select(_environments.c.id).where(
                _environments.c.workflow_id == workflow_id, _environments.c.digest == digest
            )
        )
        if found is None:
            found = connection.scalar(
                insert(_environments)
                .values(
                    workflow_id=workflow_id,
                    digest=digest,
                    cwd=environment.cwd,
                    variables=dict(environment.variables),
                )
                .returning(_environments.c.id)
            )
    return int(found or 0)


def get(database: Database, environment_id: int) -> Environment:
    """Return an environment."""
    with database.read() as connection:
        row = connection.execute(select(_environments).where(_environments.c.id == environment_id)).one()
    return Environment(row.cwd, row.variables)
