"""A workflow on its way from one database to another: which rows travel, and which of their columns are ids.

Jobs and user data are numbered by one sequence, so all of them move by one distance; a million ids need no table.
Ids of everything else are given anew and looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

from torc_nb.store import schema

#: Counts the ways in which such files were written.
VERSION = 1

JOB, DATUM, JOBS = "job", "datum", "jobs"  # a job's id, a user datum's (twice a job's), packed ids of jobs


class Portable(NamedTuple):
    """A table of which rows travel.

    Attributes
    ----------
    links
        The columns that are ids: of what, as JOB, DATUM, JOBS or the name of a table.
    left
        Columns that mean nothing elsewhere: they stay empty.
    key
        The column by which rows are found: ``workflow_id``, or the id of a job of the workflow.
    """

    table: Table
    links: Mapping[str, str] = {}
    left: frozenset[str] = frozenset()
    key: str = "workflow_id"

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns that are written."""
        return [column for column in self.table.columns if column.name not in self.left]

    @property
    def is_numbered(self) -> bool:
        """Whether its rows get ids of their own in the other database."""
        return "id" in self.table.c and "id" not in self.links


#: In the order in which they are written: what others point to comes first, and jobs before their results, so that a
#: job which ends meanwhile is one that has not run, not one without a result.
TABLES = (
    Portable(schema.functions),
    Portable(schema.environments),
    Portable(schema.resource_requirements),
    Portable(schema.schedulers),
    Portable(schema.workers, left=frozenset({"allocation_id"})),
    Portable(
        schema.maps,
        {
            "function_id": "functions",
            "environment_id": "environments",
            "requirement_id": "resource_requirements",
            "declared_requirement_id": "resource_requirements",
            "scheduler_id": "schedulers",
            "postprocess_id": JOB,
            "order": JOBS,
        },
        left=frozenset({"extends", "builder"}),
    ),
    Portable(schema.files),
    Portable(schema.user_data, {"id": DATUM}),
    Portable(
        schema.jobs,
        {
            "id": JOB,
            "map_id": "maps",
            "requirement_id": "resource_requirements",
            "function_id": "functions",
            "collects": "maps",
            "source_id": JOB,
            "environment_id": "environments",
        },
        left=frozenset({"worker_id"}),
    ),
    Portable(
        schema.results,
        {"job_id": JOB, "worker_id": "workers", "function_id": "functions"},
        key="job_id",
    ),
    Portable(schema.recorded_files, {"job_id": JOB}, key="job_id"),
    Portable(schema.job_dependencies, {"job_id": JOB, "blocked_by": JOB}, key="job_id"),
    Portable(
        schema.map_dependencies,
        {"job_id": JOB, "map_id": "maps", "blocked_by_map_id": "maps"},
        key="blocked_by_map_id",
    ),
    Portable(schema.map_blockers, {"map_id": "maps", "blocked_by": JOB}, key="map_id"),
    Portable(schema.job_user_data, {"job_id": JOB, "user_data_id": DATUM}, key="job_id"),
    Portable(schema.job_files, {"job_id": JOB, "file_id": "files"}, key="job_id"),
)

#: Of these there are as many as jobs: they are written thousands at a time.
MANY = frozenset(
    {"jobs", "results", "recorded_files", "job_dependencies", "map_blockers", "job_user_data", "job_files"}
)
