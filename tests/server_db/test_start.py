"""``db start`` and what follows: a server in one command, moved into, stopped, copied, put back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from torc_nb.api import database_server
from torc_nb.errors import InvalidRequest
from torc_nb.store import address, machine

from .conftest import Study

MAPPED = """
from torc_nb import Workflow
wf = Workflow("sweep")
m = wf.map(lambda x: 2 * x, range(100), name="run", postprocess=sum)
wf.run(num_cpus=1, idle_timeout=0.5)
wf.wait(progress=False)
"""
LEFT = """
import time
from torc_nb import Workflow
wf = Workflow("sweep")
while wf.status().workers:
    time.sleep(0.1)
"""
LOOK = """
from torc_nb import Workflow
wf = Workflow("sweep")
print(wf["run"].results()["result"].sum(), wf["run"].postprocess_result(), len(wf.jobs()))
"""
MORE = """
from torc_nb import Workflow
wf = Workflow("sweep")
m = wf.map(lambda x: 3 * x, range(10), name="more")
wf.run(num_cpus=1)
m.wait(progress=False)
print(list(m))
"""


def test_an_sqlite_database_moves_to_a_server(study: Study) -> None:
    """One command; everything is there, new jobs get new numbers, and the file is kept and not used any more."""
    study.python(MAPPED)
    study.python(LEFT)
    before = study.facts("db", "status")
    assert before["state"] == "file"
    said = study.torc("db", "start")
    assert "The database server runs on" in said
    assert ".torc/torc.db.moved are there, counted" in said
    assert not (study.folder / ".torc" / "torc.db").exists()
    assert (study.folder / ".torc" / "torc.db.moved").exists()
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"
    assert study.python(MORE).splitlines()[-1] == str([3 * x for x in range(10)])
    standing = study.facts("db", "status")
    assert standing["state"] == "running"
    assert standing["clients"] >= 1
    assert standing["size"] > 10**6
    again = study.torc("db", "start")  # nothing to do is nothing wrong
    assert "moved" not in again
    assert len(study.servers()) == 1


def test_a_kernel_that_has_the_file_open_is_told(study: Study) -> None:
    """It writes nothing into a file that has moved."""
    said = study.python(MAPPED + LEFT.replace('wf = Workflow("sweep")', "") + "\n".join([
        "import subprocess, sys",
        "subprocess.run([sys.executable, '-m', 'torc_nb.cli', 'db', 'start'], check=True)",
        "try: wf.map(lambda x: x, range(3), name='late')",
        "except Exception as error: print(type(error).__name__, error)",
    ]))  # fmt: skip
    assert "DatabaseError" in said
    assert "has moved to a database server: open it again" in said


def test_workers_keep_the_file_where_it_is(study: Study) -> None:
    """While somebody works in the file it does not move, and the server that was started is empty."""
    study.python('from torc_nb import Workflow; wf = Workflow("sweep"); wf.map(lambda x: x, [1]); wf.run(num_cpus=1)')
    said = study.torc("db", "start", code=1)
    assert "1 worker(s) still use" in said
    assert (study.folder / ".torc" / "torc.db").exists()
    study.python('from torc_nb import Workflow; wf = Workflow("sweep"); wf.cancel()\n' + LEFT)
    assert "counted" in study.torc("db", "start")


def test_no_secret_leaves_the_passfiles(study: Study) -> None:
    """Not in a URL, a command line, a log, a launch, the list of databases; and only the user may read them."""
    study.torc("db", "start")
    said = study.python(MAPPED + "print(repr(wf.api), repr(wf), wf.api.database.url)")
    secrets = []
    for name in ("passfile", "admin-passfile"):
        path = study.server / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        secrets.append(path.read_text().strip().rpartition(":")[2])
    text = said + study.torc("db", "url") + study.torc("db", "status")
    for process in (study.keeper(), *study.servers(), *study.keeper().children(recursive=True)):
        text += " ".join(process.cmdline()) + " ".join(process.environ().values())
    for path in study.folder.rglob("*"):
        if path.is_file() and path.name not in ("passfile", "admin-passfile") and "data" not in path.parts:
            text += path.read_bytes().decode(errors="replace")
            if study.server in path.parents:
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert not [secret for secret in secrets if secret in text]


def test_the_role_of_workers_is_no_superuser(study: Study) -> None:
    """It may not make roles or databases, nor read the server's files; the superuser comes from this machine alone."""
    study.torc("db", "start")
    said = study.python("""
from torc_nb import make_api
from sqlalchemy import text
database = make_api().database
with database.read() as connection:
    print(connection.execute(text(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = current_user"
    )).one())
    try: connection.execute(text("SELECT pg_read_file('/etc/passwd')"))
    except Exception as error: print(type(error).__name__)
""")
    assert "(False, False, False, False)" in said
    assert "ProgrammingError" in said
    rules = (study.server / "data" / "pg_hba.conf").read_text().splitlines()
    assert all(line.endswith("scram-sha-256") for line in rules if not line.startswith("#"))
    assert [line for line in rules if "torc_admin" in line] == ["host all torc_admin 127.0.0.1/32 scram-sha-256"]
    assert "0.0.0.0/0" not in " ".join(rules)


def test_stop_and_start(study: Study) -> None:
    """What is stopped stays so until it is started; all is there again."""
    study.torc("db", "start")
    study.python(MAPPED)
    assert "has stopped" in study.torc("db", "stop")
    assert study.servers() == []
    assert study.facts("db", "status")["state"] == "stopped"
    said = study.torc("workflows", "list", code=1)
    assert "was stopped; `torc-nb db start` starts it" in said
    assert study.servers() == []
    study.torc("db", "start")
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"


def test_copies(study: Study) -> None:
    """A daily copy comes by itself, elsewhere; one that is put back brings all back, and keeps what was there."""
    study.torc("db", "start", "--backups", str(study.folder / "elsewhere"))
    study.until(lambda: list((study.folder / "elsewhere").glob("*.dump")))
    study.python(MAPPED)
    copy = study.facts("db", "backup", str(study.folder / "mine"))["file"]
    study.python(LEFT + 'wf.delete() if hasattr(wf, "delete") else wf.api.delete_workflow(wf.id)')
    assert "9900" not in study.torc("workflows", "list")
    said = study.torc("db", "restore", copy, "--yes")
    assert "what was there before is database torc_before_" in said
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"
    (study.folder / "broken.dump").write_text("no dump")
    assert "pg_restore failed" in study.torc("db", "restore", str(study.folder / "broken.dump"), "--yes", code=1)
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"


def test_copies_of_a_file(study: Study) -> None:
    """The same for SQLite."""
    study.python(MAPPED)
    copy = study.facts("db", "backup", str(study.folder / "mine"))["file"]
    study.python(LEFT + "wf.api.delete_workflow(wf.id)")
    study.torc("db", "restore", copy, "--yes")
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"
    assert len(list((study.folder / ".torc").glob("torc.db.before-*"))) == 1
    (study.folder / "broken.db").write_text("no database at all, and long enough to be looked at")
    study.torc("db", "restore", str(study.folder / "broken.db"), "--yes", code=1)
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"


def test_prune(study: Study) -> None:
    """All workflows are cleaned at once."""
    study.python(MAPPED)
    study.python(LEFT + "wf.rerun(jobs=[1, 2, 3])\nwf.run(num_cpus=1, idle_timeout=0.5)\nwf.wait(progress=False)\n")
    assert "sweep (1): would remove 4 old attempt" in study.torc("db", "prune", "--dry-run")
    assert study.facts("db", "prune")["workflows"][0]["attempts"] == 4
    assert study.python(LOOK).splitlines()[-1] == "9900 9900 101"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Before anything is made."""
    with pytest.raises(InvalidRequest, match="PostgreSQL does not run as root"):
        database_server.start(str(tmp_path / ".torc" / "torc.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_somebody_else_is_left_alone() -> None:
    """A site's own server is a URL, and is not started or stopped here."""
    with pytest.raises(InvalidRequest, match=r"`pg_dump .* 'postgresql://her@db.site/torc'`"):
        database_server.stop("postgresql://her@db.site/torc")


def test_an_address_in_a_url_survives_any_folder(tmp_path: Path) -> None:
    """Spaces, umlauts and question marks."""
    folder = tmp_path / "my stüdy? 100%" / "server"
    folder.mkdir(parents=True)
    from torc_nb.store.database import parse_url

    assert address.folder_of(parse_url(address.url_of(folder))) == folder.resolve()


def test_own_addresses() -> None:
    """A machine knows its own names."""
    assert machine.is_own_address("127.0.0.1")
    assert not machine.is_own_address("192.0.2.77")
    assert not machine.is_own_address("no-such-host.invalid")


def test_a_file_is_put_back_under_an_open_kernel(study: Study) -> None:
    """The kernel sees what was put back, and what it writes thereafter is there and whole."""
    study.python(MAPPED)
    copy = study.facts("db", "backup", str(study.folder / "mine"))["file"]
    said = study.python(
        LEFT
        + f"""
import subprocess, sys
wf.map(lambda x: x, range(3), name="later")
subprocess.run([sys.executable, "-m", "torc_nb.cli", "db", "restore", {copy!r}, "--yes"], check=True)
print([one.name for one in wf.maps])
wf.map(lambda x: x, range(5), name="latest")
"""
    )
    assert "['run']" in said
    found = study.python("""
import sqlite3
from torc_nb import Workflow
print([one.name for one in Workflow("sweep").maps])
print(sqlite3.connect(".torc/torc.db").execute("PRAGMA integrity_check").fetchone())
""")
    assert "['run', 'latest']" in found
    assert "('ok',)" in found
