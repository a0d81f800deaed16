"""The tables. Times are seconds since the epoch in the database's clock, memory is bytes, digests are 16 bytes.

The hot tables (``jobs``, ``results``, ``job_counts``) carry no foreign keys: a million rows would pay for each look-up,
and only this layer writes them. A map's inputs and outputs are columns of its jobs and results; the relation tables
hold what is not a map's own.

No id is given twice, which on SQLite takes AUTOINCREMENT: what another process still does with the id of a row that is
gone must not meet a new row.
"""

from __future__ import annotations

from torc_nb.store.schema.base import REVISION, Id, metadata
from torc_nb.store.schema.declared import (
    environments,
    functions,
    module_sources,
    resource_requirements,
    schedulers,
    workflows,
)
from torc_nb.store.schema.jobs import (
    CLAIMED,
    COMPLETED,
    READY,
    RETRIED,
    UNSUCCESSFUL,
    job_counts,
    jobs,
    maps,
    sequences,
)
from torc_nb.store.schema.relations import (
    files,
    job_dependencies,
    job_files,
    job_user_data,
    map_blockers,
    map_dependencies,
    user_data,
)
from torc_nb.store.schema.running import (
    allocations,
    campaigns,
    cancellations,
    events,
    excluded_nodes,
    notifications,
    recorded_files,
    results,
    tellings,
    workers,
)

__all__ = [
    "CLAIMED",
    "COMPLETED",
    "READY",
    "RETRIED",
    "REVISION",
    "UNSUCCESSFUL",
    "Id",
    "allocations",
    "campaigns",
    "cancellations",
    "environments",
    "events",
    "excluded_nodes",
    "files",
    "functions",
    "job_counts",
    "job_dependencies",
    "job_files",
    "job_user_data",
    "jobs",
    "map_blockers",
    "map_dependencies",
    "maps",
    "metadata",
    "module_sources",
    "notifications",
    "recorded_files",
    "resource_requirements",
    "results",
    "schedulers",
    "sequences",
    "tellings",
    "user_data",
    "workers",
    "workflows",
]
