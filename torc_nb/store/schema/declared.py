"""Workflows, and what their jobs are made with: code, environments, requests, schedulers."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, ForeignKey, Integer, LargeBinary, String, Table, Text

from torc_nb.store.schema.base import Id, metadata

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
    # of jobs that were made to run again with it: they keep it, whatever their map asks
    Column("of_jobs", Boolean, nullable=False, default=False),
    # of jobs that ran out of memory: they never again ask for less of it
    Column("grown", Boolean, nullable=False, default=False),
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
