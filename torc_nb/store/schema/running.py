"""Who runs jobs, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from torc_nb.store.schema.base import Id, metadata

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
    # the innermost line of the user's own code that the exception came through
    Column("error_place", Text),
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
    # the jobs that its worker runs before it leaves; NULL: whatever there is
    Column("only", JSON(none_as_null=True)),
    # which of a campaign's chains it is a link of; NULL: of none
    Column("chain", Integer),
    sqlite_autoincrement=True,
)

#: How many allocations a workflow is to have while work remains; whoever is alive submits what is missing.
campaigns = Table(
    "campaigns",
    metadata,
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    Column("scheduler", JSON, nullable=False),
    Column("scheduler_id", Id),
    Column("idle_timeout", Double, nullable=False),
    Column("max_node_hours", Double),
    Column("asked", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    # not to be tried again before, and how often in a row Slurm refused
    Column("retry", Double, nullable=False),
    Column("refusals", Integer, nullable=False),
    # how many jobs had finished when anything was last seen to go on, and when that was
    Column("finished", BigInteger, nullable=False),
    Column("progressed", Double, nullable=False),
    # why its nodes may not submit, "" where they may; NULL until a worker, asked to try at that time, has told
    Column("nodes_refused", Text),
    Column("probed", Double),
)

#: Nodes of Slurm's on which a workflow's jobs are not to run any more.
excluded_nodes = Table(
    "excluded_nodes",
    metadata,
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("node", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("excluded", Double, nullable=False),
    Column("worker_id", Id),  # that found it broken; NULL: the user said so
)

#: What is called when something has become of a workflow, and what its jobs had come to when its run began.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("command", Text, nullable=False),
    Column("on", Text, nullable=False),  # the names of what it is called for, with blanks between them
    Column("completed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

#: What each was called for last: in which run, and when how many jobs had finished.
tellings = Table(
    "tellings",
    metadata,
    Column(
        "notification_id",
        Id,
        ForeignKey("notifications.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("event", String(16), primary_key=True),
    Column("run_id", Integer, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("claimed", Double, nullable=False),  # when somebody began to call it
    Column("told", Double),  # when that had ended; NULL: it goes on, or whoever did it is gone
    sqlite_with_rowid=False,
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

#: Running jobs whose worker is asked to stop them, or to show what they print.
cancellations = Table(
    "cancellations",
    metadata,
    Column("worker_id", Id, primary_key=True, autoincrement=False),
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("show", Boolean, primary_key=True, autoincrement=False, default=False),
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
