"""Maps, their jobs, and how many of these stand where."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.sql import ColumnElement

from torc_nb.models import JobStatus
from torc_nb.store.schema.base import Id, metadata

maps = Table(
    "maps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    # building: its rows are being written and no worker sees them; discarded: they are being removed; ready: visible
    Column("state", String(16), nullable=False),
    # of a map being built: the map that its rows will join, and who is building it
    Column("extends", Id),
    Column("builder", JSON),
    Column("touched", Double, nullable=False),
    Column("created", Double, nullable=False),
    Column("function_id", Id, nullable=False),
    Column("environment_id", Id, nullable=False),
    # what its jobs ask, and what `map` was given: what was set since survives a repeated call
    Column("requirement_id", Id, nullable=False),
    Column("declared_requirement_id", Id, nullable=False),
    Column("scheduler_id", Id),
    Column("postprocess_id", Id),
    Column("blocked", Boolean, nullable=False, default=False),
    # maps of a higher one are claimed first; and as `map` was given it: what was set since survives a repeated call
    Column("priority", Integer, nullable=False, default=0),
    Column("declared_priority", Integer, nullable=False, default=0),
    Column("call", String(16), nullable=False),  # how a row is given to the function
    Column("shape", JSON, nullable=False),
    Column("retry", JSON(none_as_null=True)),  # when its failed jobs are tried again; NULL: never
    # at so many failed jobs it is stopped, and none further begins; NULL: never; and whether it was told that it is
    Column("max_failures", Integer),
    Column("told_stopped", Boolean, nullable=False, default=False),
    Column("growth", JSON(none_as_null=True)),  # how those that run out of memory ask for more; NULL: they fail
    # its postprocess is given what there is, where not all jobs have completed
    Column("postprocess_partial", Boolean, nullable=False, default=False),
    # the rows of the last call in its order, as packed int64 job ids; NULL: all of them in the order of their ids
    Column("order", LargeBinary),
    sqlite_autoincrement=True,
)

Index(
    "maps_by_name",
    maps.c.workflow_id,
    maps.c.name,
    unique=True,
    sqlite_where=text("state = 'ready'"),
    postgresql_where=text("state = 'ready'"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("workflow_id", Id, nullable=False),
    Column("map_id", Id, nullable=False),  # 0: of no map
    Column("row", Id, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("requirement_id", Id, nullable=False),
    Column("params", Text, nullable=False),
    Column("params_digest", LargeBinary, nullable=False),
    # as `map` was given it: what `modify` wrote differs from it, and survives a call that repeats it
    Column("declared_digest", LargeBinary, nullable=False),
    Column("key_digest", LargeBinary),
    Column("key", Text),
    Column("name", Text),
    Column("rev", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("result_attempt", Integer),
    Column("worker_id", Id),
    Column("interruptions", SmallInteger, nullable=False),
    # how often a full walltime was not enough for it, and the most seconds that it ran until a walltime ended
    Column("walltimes", SmallInteger),
    Column("longest_cut", Double),
    Column("function_id", Id),
    Column("command", Text),
    Column("collects", Id),  # the map whose results are this job's argument
    Column("source_id", Id),  # the job whose result is this job's argument
    Column("environment_id", Id),  # of a job of no map
    # what its newest result, or its running attempt, was given, where `params` was changed since
    Column("replaced", Text),
    Column("note", Text),
    # how often it was tried again since it was last made to run, and before when its next try may not begin
    Column("retries", SmallInteger, nullable=False, server_default=text("0")),
    Column("not_before", Double, nullable=False, server_default=text("0")),
)


def _between(first: JobStatus, last: JobStatus) -> ColumnElement[bool]:
    return jobs.c.status.between(literal_column(str(int(first))), literal_column(str(int(last))))


# The conditions of partial indexes; a query uses such an index where it has the very same words, literals included. As
# ranges: SQLite evaluates them at every write of a job, and would build a table for each IN.
READY = jobs.c.status == literal_column(str(int(JobStatus.READY)))
CLAIMED = _between(JobStatus.PENDING, JobStatus.RUNNING)
COMPLETED = jobs.c.status == literal_column(str(int(JobStatus.COMPLETED)))
UNSUCCESSFUL = _between(JobStatus.FAILED, JobStatus.TERMINATED)
RETRIED = READY & (jobs.c.not_before > literal_column("0"))

Index("jobs_of_map", jobs.c.workflow_id, jobs.c.map_id, jobs.c.id)
Index(
    "jobs_ready",
    jobs.c.workflow_id,
    jobs.c.map_id,
    jobs.c.requirement_id,
    jobs.c.priority.desc(),
    jobs.c.not_before,  # what is tried again comes after what was not tried yet, and is not searched for it
    jobs.c.id,
    sqlite_where=READY,
    postgresql_where=READY,
)
Index("jobs_retried", jobs.c.workflow_id, jobs.c.not_before, sqlite_where=RETRIED, postgresql_where=RETRIED)
Index(
    "jobs_of_source",
    jobs.c.source_id,
    sqlite_where=jobs.c.source_id.is_not(None),
    postgresql_where=jobs.c.source_id.is_not(None),
)
Index("jobs_claimed", jobs.c.worker_id, sqlite_where=CLAIMED, postgresql_where=CLAIMED)
Index(
    "jobs_completed",
    jobs.c.workflow_id,
    jobs.c.status,
    jobs.c.id,
    sqlite_where=COMPLETED,
    postgresql_where=COMPLETED,
)
Index(
    "jobs_unsuccessful",
    jobs.c.workflow_id,
    jobs.c.status,
    jobs.c.id,
    sqlite_where=UNSUCCESSFUL,
    postgresql_where=UNSUCCESSFUL,
)

#: How many jobs of a map stand in each status, kept by the transactions that move them; spread over shards so that
#: workers do not queue on one row.
job_counts = Table(
    "job_counts",
    metadata,
    Column("workflow_id", Id, primary_key=True, autoincrement=False),
    Column("map_id", Id, primary_key=True, autoincrement=False),
    Column("requirement_id", Id, primary_key=True, autoincrement=False),
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Where the next id of a kind comes from: job ids are handed out in ranges, so that bulk writers know them beforehand.
sequences = Table(
    "sequences",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)
