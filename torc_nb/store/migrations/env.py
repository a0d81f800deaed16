"""Alembic's entry: runs the revisions on the connection that it is given."""

from __future__ import annotations

from alembic import context

from torc_nb.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
