"""Databases opened, made, refused; transactions and what becomes of the driver's errors."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from torc_nb.api import make_api
from torc_nb.errors import DatabaseError, DatabaseTooNew, DatabaseUnavailable, InvalidRequest
from torc_nb.models import WorkflowModel
from torc_nb.store import Database, database, schema, server, sqlite_file, workflows


def test_a_new_file_is_private(tmp_path: Path) -> None:
    """The file, its journals and the folder made for it are readable by the user alone."""
    path = tmp_path / "deep" / ".torc" / "torc.db"
    opened = Database.open(path)
    opened.take_ids("jobs", 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"torc.db", "torc.db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    opened.close()


def test_opening_again_changes_nothing_and_keeps_the_journal(tmp_path: Path) -> None:
    """The second opening finds the same tables; SQLite writes ahead and the lock waits."""
    first = Database.open(tmp_path / "torc.db")
    assert first.take_ids("jobs", 5) == 1
    again = Database.open(first.url)
    assert again.take_ids("jobs", 1) == 6
    with again.read() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    first.close()
    again.close()


def test_an_absent_file_is_not_made_unless_asked(tmp_path: Path) -> None:
    """``create=False`` names the file that is missing and leaves the folder empty."""
    with pytest.raises(DatabaseError, match=r"There is no database .*absent\.db"):
        Database.open(tmp_path / "absent.db", create=False)
    assert list(tmp_path.glob("*.db")) == []


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgres//x", "nonsense://"])
def test_what_is_no_database_is_said_so(url: str) -> None:
    """Other databases, and one in memory, are refused before anything is made."""
    if "://" not in url:
        assert database.parse_url(url).get_backend_name() == "sqlite"
        return
    with pytest.raises(InvalidRequest):
        Database.open(url)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A path below a file is refused with its name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="cannot be made"):
        Database.open(tmp_path / "file" / "torc.db")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Another kind of file is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 1000)
    with pytest.raises(DatabaseError, match="not an SQLite database"):
        Database.open(path)
    assert path.read_text() == "notes " * 1000


def test_the_database_of_another_program_is_refused(store_url: str) -> None:
    """Foreign tables are neither used nor joined by ours."""
    engine = create_engine(store_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(DatabaseError, match="another program"):
        Database.open(store_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM theirs")).scalar() == 0
    engine.dispose()


def test_a_server_that_does_not_answer() -> None:
    """A wrong port says that the database does not answer."""
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        Database.open("postgresql://user@127.0.0.1:1/torc")


@pytest.mark.parametrize(
    "url", ["postgresql://user:hunter2@db.site:5433/torc", "postgresql://user@db.site:5433/torc?password=hunter2"]
)
def test_a_password_in_a_url_is_refused(url: str) -> None:
    """With the line of the passfile to write instead, and the URL to use; the password is not repeated."""
    with pytest.raises(InvalidRequest) as caught:
        Database.open(url)
    said = str(caught.value)
    assert "db.site:5433:torc:user:PASSWORD" in said
    assert "postgresql://user@db.site:5433/torc" in said
    assert "hunter2" not in said


def test_a_newer_schema_is_refused(database: Database) -> None:
    """A revision that this version does not know is named, with what to type."""
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"schema 9999.*pip install -U torc-nb"):
        Database.open(database.url)


@pytest.mark.parametrize("change", ["DROP TABLE sequences", "ALTER TABLE sequences RENAME COLUMN next TO later"])
def test_tables_that_change_under_a_process(store_url: str, change: str) -> None:
    """They are told from a database that does not answer: waiting would not help, a restart does."""
    opened = Database.open(store_url)
    with opened.write() as connection:
        connection.execute(text(change))
    with pytest.raises(DatabaseTooNew, match=r"(next|sequences).*Restart the kernel"):
        opened.take_ids("jobs", 1)
    opened.close()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """An exception in the block rolls all of it back, and the next one can write."""

    def fail() -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE sequences SET next = 99"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert database.take_ids("jobs", 2) == 1
    assert database.take_ids("jobs", 1) == 3


def test_ids_are_handed_out_once(database: Database) -> None:
    """Threads, more of them than connections are kept, never get the same id."""
    taken: list[int] = []

    def take() -> None:
        for _ in range(10):
            first = database.take_ids("jobs", 3)
            taken.extend(range(first, first + 3))

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 601))


def test_a_forked_child_leaves_its_parents_connections_alone(database: Database) -> None:
    """A child that uses and drops the inherited database gets connections of its own."""
    database.take_ids("jobs", 1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if database.take_ids("jobs", 1) == 2 else 2
            database.close()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert database.take_ids("jobs", 1) == 3


_OPEN = "import sys; from torc_nb.store import Database; Database.open(sys.argv[1]).take_ids('jobs', 1)"


def test_processes_that_make_the_same_database_at_once(store_url: str) -> None:
    """Six processes open a database that is not there: it is made once and all of them use it."""
    processes = [
        subprocess.Popen([sys.executable, "-c", _OPEN, store_url], stderr=subprocess.PIPE, text=True, cwd=_ROOT)
        for _ in range(6)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 6
    opened = Database.open(store_url)
    assert opened.take_ids("jobs", 1) == 7
    opened.close()


def test_a_database_that_is_made_while_it_is_looked_at(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process makes all tables between the two questions: they are not another program's."""
    inspect = database.inspect

    def made_just_before(connection: object) -> object:
        monkeypatch.setattr(database, "inspect", inspect)
        Database.open(store_url).close()
        return inspect(connection)

    monkeypatch.setattr(database, "inspect", made_just_before)
    opened = Database.open(store_url)
    assert opened.take_ids("jobs", 1) == 1
    opened.close()


def test_opening_an_existing_database_is_quick_to_import(tmp_path: Path) -> None:
    """Neither Alembic nor pandas is imported by a process that only uses a database."""
    Database.open(tmp_path / "torc.db").close()
    code = _OPEN + "; sys.exit(bool({'alembic', 'pandas', 'numpy', 'IPython'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "torc.db")], cwd=_ROOT).returncode == 0


def test_a_full_or_locked_file_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long says that the database does not answer."""
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT", 0.1)
    opened = Database.open(tmp_path / "torc.db")
    other = sqlite3.connect(tmp_path / "torc.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        opened.take_ids("jobs", 1)
    other.close()
    assert opened.take_ids("jobs", 1) == 1
    opened.close()


def test_a_lock_of_any_length_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After thousands of attempts that were refused, the next is made as after the first."""
    opened = Database.open(tmp_path / "torc.db")
    pauses = 0
    with closing(sqlite3.connect(tmp_path / "torc.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def pause(seconds: float) -> None:
            nonlocal pauses
            assert 0 < seconds < 0.01
            pauses += 1
            if pauses == 3000:
                other.execute("ROLLBACK")

        monkeypatch.setattr(sqlite_file.time, "sleep", pause)
        assert opened.take_ids("jobs", 1) == 1
    assert pauses == 3000
    opened.close()


def test_every_table_has_a_noun(database: Database) -> None:
    """The tables made are those of the schema and Alembic's own."""
    with database.read() as connection:
        from sqlalchemy import inspect

        assert set(inspect(connection).get_table_names()) == {*schema.metadata.tables, "alembic_version"}


_ROOT = Path(__file__).parents[2]


_OPEN_AT_ONCE = """
import multiprocessing, sys, time
from torc_nb.store import Database

def open_it(url, moment):
    time.sleep(max(0.0, moment - time.time()))
    Database.open(url).close()

fork = multiprocessing.get_context("fork")
for n in range(20):
    arguments = (f"sqlite:///{sys.argv[1]}/{n}.db", time.time() + 0.1)
    processes = [fork.Process(target=open_it, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
"""


def test_many_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    """The first to come makes it; nobody is refused."""
    ran = subprocess.run([sys.executable, "-c", _OPEN_AT_ONCE, tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_what_stops_in_mid_transaction_holds_up_others_for_a_while_only(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that freezes, or vanishes, with rows locked: they are free soon, and it is told so if it comes back."""
    monkeypatch.setattr(server, "SILENCE", 0.5)
    frozen, other = Database.open(postgres_url), Database.open(postgres_url)

    def freeze() -> None:
        with frozen.write() as connection:
            connection.execute(schema.sequences.update().values(next=1000))
            assert other.take_ids("jobs", 1) == 1

    with pytest.raises(DatabaseUnavailable, match="idle-in-transaction"):
        freeze()
    assert frozen.take_ids("jobs", 1) == 2
    frozen.close()
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a socket's option of Linux")
def test_what_a_server_does_not_acknowledge_breaks_the_connection(postgres_url: str) -> None:
    """After half a minute; keepalives are silent while anything is on its way, and the kernel repeats it for long."""
    opened = Database.open(postgres_url)
    try:
        with closing(opened.connect()) as connection, socket.socket(fileno=os.dup(connection.fileno())) as link:
            patience = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    finally:
        opened.close()
    assert patience == 1000 * server.PATIENCE == 30_000


def test_rows_are_streamed_at_the_callers_pace(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes them slowly holds up nobody, and gets them all."""
    monkeypatch.setattr(server, "SILENCE", 0.2)
    opened = Database.open(postgres_url)
    with opened.stream() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
        time.sleep(0.6)
        assert connection.scalar(text("SELECT 2")) == 2
    opened.close()


_WRITE = """
import sys
from torc_nb.models import WorkflowModel
from torc_nb.store import Database, workflows
database = Database.open(sys.argv[1])
workflows.create(database, WorkflowModel(name="second", files="files"))
database.close()
"""


def test_a_second_look_at_a_file_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """Whatever a process does with a database that it has open, the log of the others' commits stays its own too."""
    path = tmp_path / "torc.db"
    first = Database.open(path)
    workflows.create(first, WorkflowModel(name="first", files="files"))
    api = make_api(path)
    api.database.close()
    Database.open(path).close()
    subprocess.run([sys.executable, "-c", _WRITE, str(path)], check=True, timeout=60)
    assert path.with_name("torc.db-wal").exists()
    assert [one.name for one in workflows.listed(first)] == ["first", "second"]
    workflows.create(first, WorkflowModel(name="third", files="files"))
    first.close()
    assert [one.name for one in workflows.listed(Database.open(path))] == ["first", "second", "third"]
