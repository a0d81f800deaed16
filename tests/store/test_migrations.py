"""Alembic's revisions and the tables that are made at once: the same schema, on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from store.scene import Scene

from torc_nb.errors import DatabaseError
from torc_nb.store import Database, extract, leases, migrations, schema


def _empty(database: Database) -> None:
    with database.rebuild() as connection:
        schema.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))


def _describe_sqlite(connection: Connection) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for kind, name, sql in connection.execute(text("SELECT type, name, sql FROM sqlite_master")).all():
        if kind == "table" and name != "alembic_version":
            described[name] = [tuple(row) for row in connection.execute(text(f'PRAGMA table_info("{name}")'))]
            described[f"{name} options"] = ("WITHOUT ROWID" in sql, "AUTOINCREMENT" in sql)
            described[f"{name} references"] = sorted(
                tuple(row)[2:] for row in connection.execute(text(f'PRAGMA foreign_key_list("{name}")'))
            )
        elif kind == "index" and sql is not None:
            described[name] = " ".join(sql.split())
    return described


def _describe_postgresql(connection: Connection) -> dict[str, Any]:
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
            " FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        )
    )
    indexes = connection.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
    )
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass"
        )
    )
    return {
        "columns": sorted(map(tuple, columns)),
        "indexes": sorted(map(tuple, indexes)),
        "constraints": sorted(map(tuple, constraints)),
    }


def test_alembic_from_nothing_makes_the_same_schema(database: Database) -> None:
    """Upgrading an empty database gives the tables, indexes and first rows that are otherwise made at once."""
    describe: Callable[[Connection], dict[str, Any]] = _describe_sqlite if database.is_sqlite else _describe_postgresql
    with database.read() as connection:
        at_once = describe(connection)
    _empty(database)
    config = migrations.configuration()
    with database.rebuild() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    with database.read() as connection:
        assert describe(connection) == at_once
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    assert database.take_ids("jobs", 1) == 1
    Database.open(database.url).close()


def test_the_newest_revision_is_the_one_that_new_databases_are_stamped_with() -> None:
    """Adding a revision without raising ``schema.REVISION``, or the other way round, is noticed."""
    assert ScriptDirectory.from_config(migrations.configuration()).get_heads() == [schema.REVISION]
    assert schema.REVISION in migrations.known()


_LATER = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "0001"


def upgrade():
    with op.batch_alter_table("workflows") as batch:
        batch.add_column(sa.Column("colour", sa.Text()))
        batch.alter_column("description", nullable=True)
"""


@pytest.fixture
def older(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A database that stands at the revision before the newest: the next one copies a table that others refer to."""
    (tmp_path / "9000_later.py").write_text(_LATER)
    ours = migrations.configuration

    def with_later() -> Config:
        config = ours()
        versions = [str(Path(migrations.__file__).parent / "versions"), str(tmp_path)]
        config.set_main_option("path_separator", "os")
        config.set_main_option("version_locations", os.pathsep.join(versions))
        return config

    monkeypatch.setattr(migrations, "configuration", with_later)
    monkeypatch.setattr(schema, "REVISION", "9000")
    scene.declare("ab")
    return scene


def test_an_older_database_is_migrated_when_it_is_opened(older: Scene) -> None:
    """Opening applies what is new, and a table that is copied for it takes no rows along when it goes."""
    Database.open(older.database.url).close()
    with older.database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9000"
        assert connection.scalar(text("SELECT colour FROM workflows")) is None
        assert connection.scalar(text("SELECT count(*) FROM maps")) == 1
        if older.database.is_sqlite:
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_copy_of_an_older_version_is_brought_up_to_date(scene: Scene, request: Any, tmp_path: Path) -> None:
    """And is a copy as before; as it stands, it is not touched."""
    scene.worker()
    path = tmp_path / "copy.db"
    extract.extract(scene.database, scene.id, path)
    request.getfixturevalue("older")
    with pytest.raises(DatabaseError, match=r"give Workflow\.open the zip file"):
        Database.open(path)
    extract.renew(path, tmp_path / "sweep.zip")
    copy = Database.open(path)
    assert copy.is_copy
    with copy.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9000"
        assert connection.scalar(text("SELECT colour FROM workflows")) is None
    copy.close()


def test_a_database_is_not_migrated_while_workers_use_it(older: Scene) -> None:
    """With a worker alive nothing is touched, and the message says when to come back."""
    worker = older.worker()
    with pytest.raises(DatabaseError, match=r"1 worker\(s\) still use it"):
        Database.open(older.database.url)
    with older.database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
    leases.leave(older.database, worker)
    Database.open(older.database.url).close()
