"""How older databases become today's: Alembic's revisions, run when a database is opened and no worker is alive."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from torc_nb.errors import DatabaseError
from torc_nb.store.database import Database


def configuration() -> Config:
    """Return Alembic's configuration, made in code so that it needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def known() -> set[str]:
    """Return the revisions that this version knows."""
    return {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}


def upgrade(database: Database) -> None:
    """Bring a database to the newest revision.

    Raises
    ------
    DatabaseError
        Workers are alive: they would meet tables that they do not know.
    """
    with database.rebuild() as connection:
        alive = connection.scalar(text("SELECT count(*) FROM workers WHERE state IN ('running', 'leaving')"))
        if alive:
            raise DatabaseError(
                f"{database!r} must be migrated for this version of torc_nb, but {alive} worker(s) still use it; "
                "open it again when they have left."
            )
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
