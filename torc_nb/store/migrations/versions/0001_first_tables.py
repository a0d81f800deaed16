"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

#: SQLite numbers rows by itself only in a column typed INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _create_definitions()
    _create_jobs()
    _create_relations()
    _create_runs()
    op.execute("INSERT INTO sequences (name, next) VALUES ('jobs', 1)")


def _where(condition: str) -> dict[str, Any]:
    """An index of the rows that fulfil a condition."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _create_definitions() -> None:
    """What jobs are made of."""
    op.create_table(
        "workflows",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workflows_name", "workflows", ["name"])
    op.create_table(
        "module_sources",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "functions",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("module", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("python", sa.String(length=8), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_functions_workflow_id", "functions", ["workflow_id"])
    op.create_table(
        "environments",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("cwd", sa.Text(), nullable=False),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_environments_workflow_id", "environments", ["workflow_id"])
    op.create_table(
        "resource_requirements",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("num_cpus", sa.Integer(), nullable=False),
        sa.Column("num_gpus", sa.Integer(), nullable=False),
        sa.Column("num_nodes", sa.Integer(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=True),
        sa.Column("runtime", sa.Double(), nullable=True),
        sa.Column("timeout", sa.Double(), nullable=True),
        sa.Column("of_jobs", sa.Boolean(), nullable=False),
        sa.Column("grown", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_resource_requirements_workflow_id", "resource_requirements", ["workflow_id"])
    op.create_table(
        "schedulers",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_schedulers_workflow_id", "schedulers", ["workflow_id"])


def _create_jobs() -> None:
    """Maps, their jobs and results, and how many stand where."""
    op.create_table(
        "maps",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("extends", ID, nullable=True),
        sa.Column("builder", sa.JSON(), nullable=True),
        sa.Column("touched", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("function_id", ID, nullable=False),
        sa.Column("environment_id", ID, nullable=False),
        sa.Column("requirement_id", ID, nullable=False),
        sa.Column("declared_requirement_id", ID, nullable=False),
        sa.Column("scheduler_id", ID, nullable=True),
        sa.Column("postprocess_id", ID, nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("declared_priority", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(length=16), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.Column("retry", sa.JSON(), nullable=True),
        sa.Column("max_failures", sa.Integer(), nullable=True),
        sa.Column("told_stopped", sa.Boolean(), nullable=False),
        sa.Column("growth", sa.JSON(), nullable=True),
        sa.Column("postprocess_partial", sa.Boolean(), nullable=False),
        sa.Column("order", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_maps_workflow_id", "maps", ["workflow_id"])
    op.create_index("maps_by_name", "maps", ["workflow_id", "name"], unique=True, **_where("state = 'ready'"))
    op.create_table(
        "jobs",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("map_id", ID, nullable=False),
        sa.Column("row", ID, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("requirement_id", ID, nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("params_digest", sa.LargeBinary(), nullable=False),
        sa.Column("declared_digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("result_attempt", sa.Integer(), nullable=True),
        sa.Column("worker_id", ID, nullable=True),
        sa.Column("interruptions", sa.SmallInteger(), nullable=False),
        sa.Column("walltimes", sa.SmallInteger(), nullable=True),
        sa.Column("longest_cut", sa.Double(), nullable=True),
        sa.Column("function_id", ID, nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("collects", ID, nullable=True),
        sa.Column("source_id", ID, nullable=True),
        sa.Column("environment_id", ID, nullable=True),
        sa.Column("replaced", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("retries", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("not_before", sa.Double(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_claimed", "jobs", ["worker_id"], **_where("status BETWEEN 3 AND 4"))
    op.create_index("jobs_of_source", "jobs", ["source_id"], **_where("source_id IS NOT NULL"))
    op.create_index("jobs_of_map", "jobs", ["workflow_id", "map_id", "id"])
    op.create_index(
        "jobs_ready",
        "jobs",
        ["workflow_id", "map_id", "requirement_id", sa.text("priority DESC"), "not_before", "id"],
        **_where("status = 2"),
    )
    op.create_index("jobs_retried", "jobs", ["workflow_id", "not_before"], **_where("status = 2 AND not_before > 0"))
    op.create_index("jobs_completed", "jobs", ["workflow_id", "status", "id"], **_where("status = 5"))
    op.create_index("jobs_unsuccessful", "jobs", ["workflow_id", "status", "id"], **_where("status BETWEEN 6 AND 8"))
    op.create_table(
        "results",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("return_code", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("worker_id", ID, nullable=False),
        sa.Column("function_id", ID, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("peak_memory", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("stdout_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stderr_bytes", sa.BigInteger(), nullable=False),
        sa.Column("error_place", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "attempt"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recorded_files",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("mtime", sa.Double(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "attempt", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job_counts",
        sa.Column("workflow_id", ID, autoincrement=False, nullable=False),
        sa.Column("map_id", ID, autoincrement=False, nullable=False),
        sa.Column("requirement_id", ID, autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "map_id", "requirement_id", "status", "shard"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sequences",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _create_relations() -> None:
    """Who waits for whom, and what jobs read and write."""
    op.create_table(
        "job_dependencies",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("blocked_by", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "blocked_by"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_job_dependencies_blocked_by", "job_dependencies", ["blocked_by"])
    op.create_table(
        "map_dependencies",
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=True),
        sa.Column("map_id", ID, nullable=True),
        sa.Column("blocked_by_map_id", ID, nullable=False),
        sa.Column("each", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_map_dependencies_blocked_by_map_id", "map_dependencies", ["blocked_by_map_id"])
    op.create_index("ix_map_dependencies_job_id", "map_dependencies", ["job_id"])
    op.create_index("ix_map_dependencies_map_id", "map_dependencies", ["map_id"])
    op.create_table(
        "map_blockers",
        sa.Column("map_id", ID, autoincrement=False, nullable=False),
        sa.Column("blocked_by", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("map_id", "blocked_by"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_map_blockers_blocked_by", "map_blockers", ["blocked_by"])
    op.create_table(
        "user_data",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("is_ephemeral", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_user_data_workflow_id", "user_data", ["workflow_id"])
    op.create_table(
        "job_user_data",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_data_id", ID, autoincrement=False, nullable=False),
        sa.Column("relation", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "user_data_id", "relation"),
    )
    op.create_index("ix_job_user_data_user_data_id", "job_user_data", ["user_data_id"])
    op.create_table(
        "files",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("mtime", sa.Double(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_files_workflow_id", "files", ["workflow_id"])
    op.create_table(
        "job_files",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("file_id", ID, autoincrement=False, nullable=False),
        sa.Column("relation", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "file_id", "relation"),
    )
    op.create_index("ix_job_files_file_id", "job_files", ["file_id"])


def _create_runs() -> None:
    """Who runs jobs, and what happened."""
    op.create_table(
        "allocations",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("scheduler_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("scheduler_job", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("submitted", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=True),
        sa.Column("process", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("ahead", sa.Boolean(), nullable=False),
        sa.Column("only", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("chain", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_allocations_workflow_id", "allocations", ["workflow_id"])
    op.create_table(
        "campaigns",
        sa.Column("workflow_id", ID, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("scheduler", sa.JSON(), nullable=False),
        sa.Column("scheduler_id", ID, nullable=True),
        sa.Column("idle_timeout", sa.Double(), nullable=False),
        sa.Column("max_node_hours", sa.Double(), nullable=True),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("retry", sa.Double(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.Column("progressed", sa.Double(), nullable=False),
        sa.Column("nodes_refused", sa.Text(), nullable=True),
        sa.Column("probed", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workflow_id"),
    )
    op.create_table(
        "excluded_nodes",
        sa.Column("workflow_id", ID, autoincrement=False, nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excluded", sa.Double(), nullable=False),
        sa.Column("worker_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workflow_id", "node"),
    )
    op.create_table(
        "notifications",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("on", sa.Text(), nullable=False),
        sa.Column("completed", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notifications_workflow_id", "notifications", ["workflow_id"])
    op.create_table(
        "tellings",
        sa.Column("notification_id", ID, autoincrement=False, nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.Column("claimed", sa.Double(), nullable=False),
        sa.Column("told", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("notification_id", "event"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workers",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("allocation_id", ID, nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("process_start", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("lease_expires", sa.Double(), nullable=False),
        sa.Column("num_cpus", sa.Integer(), nullable=False),
        sa.Column("num_gpus", sa.Integer(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("python", sa.Text(), nullable=False),
        sa.Column("packages", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workers_workflow_id", "workers", ["workflow_id"])
    op.create_table(
        "cancellations",
        sa.Column("worker_id", ID, autoincrement=False, nullable=False),
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("show", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("worker_id", "job_id", "attempt", "show"),
    )
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("workflow_id", ID, nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", ID, nullable=True),
        sa.Column("worker_id", ID, nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_workflow_id", "events", ["workflow_id"])
