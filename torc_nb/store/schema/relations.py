"""What jobs and maps wait for, and the data and files that they share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, LargeBinary, String, Table, Text

from torc_nb.store.schema.base import Id, metadata

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
