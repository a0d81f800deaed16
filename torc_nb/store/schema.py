"""The tables. Times are seconds since the epoch in the database's clock, memory is bytes, digests are 16 bytes.

The hot tables (``jobs``, ``results``, ``job_counts``) carry no foreign keys: a million rows would pay for each look-up,
and only this layer writes them. A map's inputs and outputs are columns of its jobs and results; the relation tables
hold what is not a map's own.

No id is given twice, which on SQLite takes AUTOINCREMENT: what another process still does with the id of a row that is
gone must not meet a new row.
"""

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
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.sql import ColumnElement

from torc_nb.models import JobStatus

#: The newest migration; a database that names a revision unknown to this version is refused.
REVISION = "0001"

#: Big integers everywhere; SQLite numbers rows by itself only in a column typed INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

workflows = Table(
    "workflows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("user", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("created", Double, nullable=False),
    Column("state", String(16), nullable=False, default="created"),
    Column("run_id", Integer, nullable=False, default=1),
    Column("files", Text, nullable=False),
    sqlite_autoincrement=True,
)

module_sources = Table(
    "module_sources",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

functions = Table(
    "functions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("module", Text),
    Column("version", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("python", String(8), nullable=False),
    Column("source", Text, nullable=False),
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)

environments = Table(
    "environments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("cwd", Text, nullable=False),
    Column("variables", JSON, nullable=False),
    sqlite_autoincrement=True,
)

resource_requirements = Table(
    "resource_requirements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("num_cpus", Integer, nullable=False),
    Column("num_gpus", Integer, nullable=False),
    Column("num_nodes", Integer, nullable=False),
    Column("memory", BigInteger),
    Column("runtime", Double),
    Column("timeout", Double),
    sqlite_autoincrement=True,
)

schedulers = Table(
    "schedulers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    sqlite_autoincrement=True,
)

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
    Column("requirement_id", Id, nullable=False),
    Column("scheduler_id", Id),
    Column("postprocess_id", Id),
    Column("blocked", Boolean, nullable=False, default=False),
    Column("call", String(16), nullable=False),  # a row is one argument, keywords or positional arguments
    Column("shape", JSON, nullable=False),
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
)


def _between(first: JobStatus, last: JobStatus) -> ColumnElement[bool]:
    return jobs.c.status.between(literal_column(str(int(first))), literal_column(str(int(last))))


# The conditions of partial indexes; a query uses such an index where it has the very same words, literals included. As
# ranges: SQLite evaluates them at every write of a job, and would build a table for each IN.
READY = jobs.c.status == literal_column(str(int(JobStatus.READY)))
CLAIMED = _between(JobStatus.PENDING, JobStatus.RUNNING)
UNSUCCESSFUL = _between(JobStatus.FAILED, JobStatus.TERMINATED)

Index("jobs_of_map", jobs.c.workflow_id, jobs.c.map_id, jobs.c.id)
Index(
    "jobs_ready",
    jobs.c.workflow_id,
    jobs.c.map_id,
    jobs.c.requirement_id,
    jobs.c.priority.desc(),
    jobs.c.id,
    sqlite_where=READY,
    postgresql_where=READY,
)
Index(
    "jobs_of_source",
    jobs.c.source_id,
    sqlite_where=jobs.c.source_id.is_not(None),
    postgresql_where=jobs.c.source_id.is_not(None),
)
Index("jobs_claimed", jobs.c.worker_id, sqlite_where=CLAIMED, postgresql_where=CLAIMED)
Index(
    "jobs_unsuccessful",
    jobs.c.workflow_id,
    jobs.c.status,
    jobs.c.id,
    sqlite_where=UNSUCCESSFUL,
    postgresql_where=UNSUCCESSFUL,
)

results = Table(
    "results",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("return_code", Integer, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("worker_id", Id, nullable=False),
    Column("function_id", Id, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("started", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("cpu_seconds", Double, nullable=False),
    Column("peak_memory", BigInteger, nullable=False),
    Column("value", Text),
    Column("error_type", Text),
    Column("error", Text),
    Column("traceback", Text),
    Column("log_offset", BigInteger, nullable=False),
    Column("stdout_bytes", BigInteger, nullable=False),
    Column("stderr_bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Files as attempts left them: those of which a function returned the paths, and those that a command produces. What
#: jobs declare of files is in ``job_files``; nothing follows from what is here. Only attempts that have some have rows.
recorded_files = Table(
    "recorded_files",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("path", LargeBinary, nullable=False),  # names of files need not be text
    Column("mtime", Double, nullable=False),
    Column("size", BigInteger),  # NULL: a folder
    sqlite_with_rowid=False,
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

job_dependencies = Table(
    "job_dependencies",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("blocked_by", Id, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

map_dependencies = Table(
    "map_dependencies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("job_id", Id, index=True),
    Column("map_id", Id, index=True),
    Column("blocked_by_map_id", Id, nullable=False, index=True),
    # each job of the map waits for its own source alone, not for the whole map
    Column("each", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)

#: Jobs that a whole map waits for: one row for each, however many jobs the map has.
map_blockers = Table(
    "map_blockers",
    metadata,
    Column("map_id", Id, primary_key=True, autoincrement=False),
    Column("blocked_by", Id, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

user_data = Table(
    "user_data",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("data", Text),
    Column("digest", LargeBinary),
    Column("rev", Integer, nullable=False),
    Column("is_ephemeral", Boolean, nullable=False),
)

job_user_data = Table(
    "job_user_data",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("user_data_id", Id, primary_key=True, autoincrement=False, index=True),
    Column("relation", String(8), primary_key=True),  # consumes or stores
)

files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("mtime", Double),
    Column("size", BigInteger),
    sqlite_autoincrement=True,
)

job_files = Table(
    "job_files",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("file_id", Id, primary_key=True, autoincrement=False, index=True),
    Column("relation", String(8), primary_key=True),  # needs or produces
)

allocations = Table(
    "allocations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("scheduler_id", Id),
    Column("kind", String(8), nullable=False),
    Column("scheduler_job", Text),
    Column("state", String(16), nullable=False),
    Column("submitted", Double, nullable=False),
    Column("ended", Double),
    Column("log", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("asked", Double),
    # what brings it: the process that launches it; then, on this machine, the worker; of one in Slurm's queue: NULL
    Column("process", JSON(none_as_null=True)),
    # asked for before there was anything to do: it waits for what is yet to be mapped
    Column("ahead", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)

workers = Table(
    "workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("allocation_id", Id),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("process_start", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("started", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("lease_expires", Double, nullable=False),
    Column("num_cpus", Integer, nullable=False),
    Column("num_gpus", Integer, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("python", Text, nullable=False),
    Column("packages", JSON, nullable=False),
    sqlite_autoincrement=True,
)

#: Running jobs whose worker is asked to stop them.
cancellations = Table(
    "cancellations",
    metadata,
    Column("worker_id", Id, primary_key=True, autoincrement=False),
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("job_id", Id),
    Column("worker_id", Id),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,
)

#: Where the next id of a kind comes from: job ids are handed out in ranges, so that bulk writers know them beforehand.
sequences = Table(
    "sequences",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)
