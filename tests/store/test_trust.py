"""Whose a database is, and what follows from it."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from services.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from torc_nb import private
from torc_nb.errors import NotPrivate, NotTrusted
from torc_nb.models import WorkflowModel
from torc_nb.store import Database, spool, trust, workflows

OTHER = 12345


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite database in a folder of its own."""
    path = tmp_path / ".torc" / "torc.db"
    Database.open(path).close()
    return path


@pytest.mark.parametrize("mode", [0o660, 0o602])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    """It is opened when it was closed to them, or when they are trusted."""
    file.chmod(mode)
    with pytest.raises(NotPrivate, match=f"chmod go-w {file}$"):
        Database.open(file)
    Database.open(file, trust=True).close()
    file.chmod(0o644)
    Database.open(file).close()


def test_a_folder_that_others_may_write_is_refused(file: Path) -> None:
    """They could put another file there, or a journal; nothing is made in it either."""
    file.parent.chmod(0o777)
    with pytest.raises(NotPrivate, match=f"chmod go-w {file.parent}$"):
        Database.open(file)
    with pytest.raises(NotPrivate, match=f"chmod go-w {file.parent}$"):
        Database.open(file.parent / "new.db")
    assert not (file.parent / "new.db").exists()
    file.parent.chmod(0o1777)
    Database.open(file).close()


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_journal_that_others_may_have_written_is_refused(file: Path, ending: str) -> None:
    """SQLite would take what it says for the file's own."""
    file.parent.chmod(0o1777)
    journal = file.with_name(f"{file.name}{ending}")
    journal.touch()
    journal.chmod(0o666)
    with pytest.raises(NotPrivate, match=f"chmod go-w {journal}$"):
        Database.open(file)


def test_ones_own_is_trusted(store_url: str, tmp_path: Path) -> None:
    """The usual case takes nothing."""
    database = Database.open(store_url)
    workflow = workflows.create(database, WorkflowModel(name="mine", files=str(tmp_path / "files")))
    assert trust.doubt(database, workflow) is None
    database.close()


def test_another_users_workflow_is_not(store_url: str, tmp_path: Path) -> None:
    """Whoever it names; unless that user is trusted."""
    database = Database.open(store_url)
    workflow = workflows.create(database, WorkflowModel(name="his", user="bob", files=str(tmp_path / "files")))
    with pytest.raises(NotTrusted, match=r"It would run\. Workflow 1 \(his\) is bob's\..*trust=True.*--trust"):
        trust.check(database, workflow, "It would run")
    database.close()
    database = Database.open(store_url, trust=True)
    assert trust.doubt(database, workflow) is None
    database.close()


def test_another_users_file_is_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the workflow's row says."""
    if os.geteuid() == 0:
        for path in (file, file.parent):
            os.chown(path, OTHER, -1)
    else:
        monkeypatch.setattr(private, "is_ours", lambda found: False)
    database = Database.open(file)
    workflow = workflows.create(database, WorkflowModel(name="mine"))
    with pytest.raises(NotTrusted, match=r"torc\.db.*trust=True"):
        trust.check(database, workflow, "It would run")
    database.close()


def test_another_roles_tables_are_not(postgres_server: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    """Until one is a member of the role that owns them."""
    Database.open(postgres_url).close()
    ours = make_url(postgres_url)
    name = f"guest_{ours.database}"
    role = sql.Identifier(name)
    passfile = tmp_path / "passfile"
    passfile.touch(mode=0o600)
    passfile.write_text(f"*:*:*:{name}:guest\n")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(role))
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(sql.SQL(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {{}}").format(role))
        try:
            theirs = ours.set(username=name).update_query_dict({"passfile": str(passfile)})
            database = Database.open(theirs.render_as_string())
            workflow = workflows.create(database, WorkflowModel(name="mine", files=str(tmp_path / "files")))
            assert "is torc's. If you trust" in str(trust.doubt(database, workflow))
            connection.execute(sql.SQL("GRANT torc TO {}").format(role))
            again = Database.open(database.url)
            assert trust.doubt(again, workflow) is None
            for opened in (database, again):
                opened.close()
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_spool_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """What is in it would be taken for results."""
    folder = spool.folder(tmp_path)
    folder.mkdir(mode=0o700)
    (folder / "3-1.spool").touch()
    assert spool.found(tmp_path) == {3: [folder / "3-1.spool"]}
    folder.chmod(0o777)
    with pytest.raises(NotPrivate, match=f"chmod go-w {folder}$"):
        spool.found(tmp_path)
    assert spool.found(tmp_path, trust=True) == {3: [folder / "3-1.spool"]}
