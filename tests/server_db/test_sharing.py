"""``db share``: colleagues of a group read, and nothing they try changes anything; real users of this machine."""

from __future__ import annotations

import grp
import json
import os
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from services.keeper import Keeper
from services.ports import free_ports
from services.workers import SEARCH_PATH

from torc_nb.errors import InvalidRequest
from torc_nb.server_db import cluster, group_folder, readers
from torc_nb.store import address, shared

from .conftest import Study

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")

#: initdb insists on a user who has a name; the others and their group are numbers.
OWNER, COLLEAGUE, STRANGER, GROUP = 65534, 30002, 30003, 40000

MAPPED = """
import time
from fractions import Fraction
from torc_nb import Workflow

def half(x):
    print("row", x)
    if x == 3:
        raise ValueError("no three")
    return {"half": x / 2}

wf = Workflow("sweep")
wf.map(half, range(5))
wf.map(lambda x: Fraction(x, 2), range(2), name="pickled")
wf.map(lambda x: "y" * 3_000_000, range(2), name="large")
wf.run(num_cpus=1, idle_timeout=0.5)
wf.wait(progress=False)
while wf.status().workers:
    time.sleep(0.1)
"""
TOLD = """
import sys
from torc_nb import Workflow, make_api, map_function_to_jobs
from torc_nb.models import *
url = {url!r}
wf = Workflow("sweep", db=url)
def told(act):
    try:
        print("DONE", act())
    except Exception as error:
        print(type(error).__name__, "|", error)
"""
CHANGES = """
large = "x" * 3_000_000
for act in (
    lambda: wf.map(lambda x: x, range(3), name="new"),
    lambda: wf.map(lambda x: x, [large], name="new"),
    lambda: wf.run(),
    lambda: wf.schedule_nodes(1),
    lambda: wf.start(),
    lambda: wf.cancel(),
    lambda: wf.rerun(status="failed"),
    lambda: wf.reinitialize(),
    lambda: wf["half"].modify(wf["half"].params().assign(params=7)),
    lambda: wf.command("echo", name="command"),
    lambda: wf.api.delete_workflow(wf.id),
    lambda: wf.api.cancel_allocations(wf.id),
    lambda: wf.api.clean_workflow(wf.id),
    lambda: wf.api.create_workflow(WorkflowModel(name="mine")),
    lambda: wf.api.create_job(JobModel(workflow_id=wf.id, name="mine", command="echo")),
    lambda: wf.api.create_user_data(UserDataModel(workflow_id=wf.id, name="mine", data=large)),
    lambda: wf.api.modify_user_data(2, 7),
    lambda: wf.api.create_resource_requirements(ResourceRequirementsModel(workflow_id=wf.id)),
    lambda: map_function_to_jobs(wf.api, wf.id, "json", "dumps", [1]),
):
    told(act)
"""
#: What a role could try that knows SQL, and for each the reason that PostgreSQL has to refuse it.
FORBIDDEN = "42501"
ATTEMPTS = (
    "INSERT INTO workflows (name) VALUES ('mine')",
    "UPDATE jobs SET status = 5",
    "DELETE FROM results",
    "TRUNCATE jobs",
    "DROP TABLE jobs",
    "ALTER TABLE jobs ADD COLUMN mine int",
    "BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE",
    "SELECT * FROM jobs FOR UPDATE",
    "COPY jobs FROM STDIN",
    "COPY jobs TO PROGRAM 'id'",
    "COPY jobs TO '/tmp/of-a-reader'",
    "CREATE TABLE mine (x int)",
    "CREATE TEMP TABLE mine (x int)",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION mine()",
    "ALTER DATABASE torc SET statement_timeout = 1",
    "ALTER SYSTEM SET max_connections = 1",
    "ALTER ROLE torc NOLOGIN",
    "ALTER ROLE torc_reader CONNECTION LIMIT -1",
    "SET ROLE torc",
    "SET SESSION AUTHORIZATION torc",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'mine')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_lock_shared(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(1953460835)",
    "SELECT pg_try_advisory_xact_lock(1, 2)",
    "SELECT pg_logical_emit_message(false, 'mine', 'mine')",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT setval(pg_get_serial_sequence('workflows', 'id'), 1)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'torc_admin'",
    "DO $$ BEGIN DELETE FROM jobs; END $$",
)


@cache
def interpreter() -> str | None:
    """A Python of this version that other users may run: ours may lie in a home."""
    for path in (os.path.realpath(sys.executable), f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        tried = subprocess.run([*somebody(STRANGER), "sh", "-c", f"exec {path} -c pass"], capture_output=True, cwd="/")
        if tried.returncode == 0:
            return path
    return None


def somebody(uid: int, *groups: int) -> list[str]:
    """The beginning of a command line that another user types."""
    given = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", *given, "--"]


class Institute:
    """Who shares a database, a colleague in the group, and a stranger, each with a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owner = self._person("owner", OWNER, GROUP)
        self.colleague = self._person("colleague", COLLEAGUE, GROUP)
        self.stranger = self._person("stranger", STRANGER)
        self.shared = self.owner.folder / ".torc" / "shared"
        self.url = shared.url_of(self.shared)

    def _person(self, name: str, uid: int, *groups: int) -> Study:
        python = interpreter()
        assert python is not None
        home = self.folder / name
        home.mkdir()
        os.chown(home, uid, uid)
        path = f"{SEARCH_PATH}:{sysconfig.get_path('purelib')}"
        return Study(home, somebody(uid, *groups), python, PYTHONPATH=path)

    def share(self) -> str:
        """Type it; returns the readers' password."""
        self.owner.torc("db", "share", "--group", str(GROUP))
        return (self.shared / "password").read_text()

    def told(self, acts: str) -> list[str]:
        """What a colleague is told who tries these."""
        return self.colleague.python(TOLD.format(url=self.url) + acts).splitlines()[1:]

    def connect(self, password: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """Come in as a reader who knows libpq."""
        where = shared.parameters(self.shared) | ({"password": password} if password else {})
        return psycopg.connect(user=shared.ROLE, dbname=address.DATABASE, autocommit=True, **where)

    def administrator(self) -> cluster.Administrator:
        """Come in as the superuser, as root can."""
        port = int(address.parameters(self.owner.server)["port"])
        return cluster.administrator(self.owner.server, port, address.DATABASE)


def founded() -> Iterator[Institute]:
    """Found it; all that was started there is ended."""
    if interpreter() is None:
        pytest.skip("no Python of this version that other users may run")
    folder = Path(tempfile.mkdtemp(prefix="torc-nb-institute-"))
    folder.chmod(0o755)
    keeper = Keeper(folder)
    institute = Institute(folder)
    try:
        institute.owner.torc("db", "start", "--backups", "none")
        institute.share()
        yield institute
    finally:
        keeper.clean()


@pytest.fixture
def institute() -> Iterator[Institute]:
    """One of a test's own, its database empty."""
    yield from founded()


@pytest.fixture(scope="module")
def working() -> Iterator[Institute]:
    """One with results and failures, for tests that change nothing."""
    for institute in founded():
        institute.owner.python(MAPPED)
        yield institute


@only_root
def test_a_colleague_sees_everything_that_is_a_row(working: Institute) -> None:
    """Status, results and failures as DataFrames, in Python and on the command line; pickles and files are named."""
    said = working.colleague.python(
        TOLD.format(url=working.url)
        + """
print(wf)
print(wf["half"].results()["result.half"].tolist())
print(wf.failures()["exception"].tolist(), len(wf.jobs()), wf.status().total)
wf.wait(progress=False)
told(lambda: wf["pickled"].results())
told(lambda: wf["large"].results())
told(lambda: wf.logs(1))
told(lambda: Workflow("another", db=url))
"""
    ).splitlines()
    assert said[0] == "opened sweep (1): 9 jobs, 1 failed"
    assert said[2:4] == ["[0.0, 0.5, 1.0, <NA>, 2.0]", "['ValueError'] 9 9"]
    assert said[4].startswith("NotTrusted | A stored fractions.Fraction is a pickle, which runs what its writer chose.")
    assert "is nobody's. If you trust" in said[4]
    assert "CannotLoad | a large value (3,000,002 bytes) is a file of its own, which you may not read" in said[5]
    assert "NotFound | What job 1 printed is in a file of nobody's, which you may not read" in said[6]
    assert "NotFound | There is no workflow 'another'" in said[7]
    assert "which you may only read; there is sweep." in said[7]
    listing = "from torc_nb import cli\nfor noun in {!r}: print(cli.run([noun, 'list', '--db', {!r}]))"
    nouns = ("workflows", "jobs", "results", "failures", "user-data", "events")
    assert working.colleague.python(listing.format(nouns, working.url)).splitlines().count("0") == len(nouns)
    assert working.colleague.facts("db", "status", "--db", working.url)["state"] == "reachable"
    exported = working.colleague.folder / "export.json"
    refused = working.colleague.torc("workflows", "export", str(exported), "--db", working.url, code=1)
    assert "are files that you may not read" in refused
    working.colleague.torc("workflows", "export", str(exported), "--no-files", "--db", working.url)


@only_root
def test_it_is_found_in_the_owners_folder(working: Institute) -> None:
    """Who is there needs no URL; the owner finds the server itself."""
    source = f"import os; os.chdir({str(working.owner.folder)!r})\nfrom torc_nb.api.places import find_database\n"
    source += "print(find_database())"
    assert working.colleague.python(source).strip() == working.url
    assert "?server=" in working.owner.python(source)


@only_root
def test_nothing_is_changed_from_python(working: Institute) -> None:
    """Each is refused before anything is done, in one sentence that names who may."""
    said = working.told(CHANGES)
    assert len(said) == 19
    sentence = "ReadOnly | You may only read this database, and nothing was changed: nobody shares it, and alone may"
    assert [line for line in said if not line.startswith(sentence)] == []


@only_root
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("workflows create mine", "You may only read"),
        ("workflows delete sweep --yes", "You may only read"),
        ("workflows cancel", "You may only read"),
        ("workflows clean --dry-run", "You may only read"),
        ("user-data modify 2 params=7", "You may only read"),
        ("db prune", "You may only read"),
        ("db start", "nobody alone looks after it"),
        ("db stop", "nobody alone looks after it"),
        ("db backup", "nobody alone looks after it"),
        (f"db share --group {GROUP}", "nobody alone looks after it"),
        ("db unshare", "nobody alone looks after it"),
    ],
)
def test_nothing_is_changed_by_a_command(working: Institute, words: str, sentence: str) -> None:
    """The same on the command line."""
    assert sentence in working.colleague.torc(*words.split(), "--db", working.url, code=1)


@only_root
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_is_changed_by_sql(working: Institute, attempt: str) -> None:
    """The server refuses, whatever the session was set to."""
    with working.connect() as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(attempt.encode())
    assert refused.value.sqlstate == FORBIDDEN, refused.value


@only_root
def test_a_right_is_not_handed_on(working: Institute) -> None:
    """PostgreSQL does not refuse that: it gives nothing."""
    rights = "SELECT relacl::text FROM pg_class WHERE relname = 'jobs'"
    with working.connect() as connection:
        before = connection.execute(rights.encode()).fetchone()
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("GRANT SELECT ON jobs TO PUBLIC")
        assert connection.execute(rights.encode()).fetchone() == before


@only_root
def test_a_session_begins_careful(working: Institute) -> None:
    """It reads alone, and does not keep others waiting."""
    with working.connect() as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10min",)
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
    with working.administrator() as connection:
        found = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit, "
            "(SELECT count(*) FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname = 'torc_reader'"
        ).fetchone()
    assert found == (False, False, False, False, False, 100, 0)


@only_root
def test_tables_of_a_later_version_are_read_too(working: Institute) -> None:
    """What a migration makes."""
    working.owner.python("""
from torc_nb import make_api
with make_api().database.write() as connection:
    connection.exec_driver_sql("CREATE TABLE later (x int)")
""")
    with working.connect() as connection:
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)


@only_root
def test_files_stay_closed(working: Institute) -> None:
    """The group reads two small files, a stranger none, and nobody but the owner any other."""
    found = {
        path.relative_to(working.owner.folder / ".torc"): stat.S_IMODE(path.stat().st_mode)
        for path in (working.owner.folder / ".torc").rglob("*")
        if "data" not in path.parts
    }
    open_ones = {str(path): mode for path, mode in found.items() if mode & 0o077}
    assert open_ones == {"shared": 0o2750, "shared/password": 0o640, "shared/address.json": 0o640}
    assert stat.S_IMODE((working.owner.folder / ".torc").stat().st_mode) == 0o710
    read = "import sys; print(len(open({!r}).read()))"
    assert working.colleague.python(read.format(str(working.shared / "password"))).strip() == "32"
    for name in ("server/passfile", "server/admin-passfile", "server/settings.json", "files/1/logs/1.log"):
        path = str(working.owner.folder / ".torc" / name)
        assert "PermissionError" in working.colleague.python(read.format(path), code=1)
    for name in ("shared/password", "shared/address.json", "server/passfile"):
        path = str(working.owner.folder / ".torc" / name)
        assert "PermissionError" in working.stranger.python(read.format(path), code=1)
    said = working.stranger.torc("workflows", "list", "--db", working.url, code=1)
    assert "with a group that you are not in" in said
    write = "import pathlib; pathlib.Path({!r}).write_text('')"
    for name in ("password", "address.json", "new"):
        assert "PermissionError" in working.colleague.python(write.format(str(working.shared / name)), code=1)


@only_root
def test_no_password_leaves_its_file(working: Institute) -> None:
    """Not in words, URLs, logs, environments, command lines, nor what is remembered."""
    password = (working.shared / "password").read_text()
    said = working.colleague.python(
        TOLD.format(url=working.url)
        + """
import os
print(repr(wf), repr(wf.api), repr(wf.api.database), wf.api.database.url, wf.api.database.engine.url, os.environ)
"""
    )
    said += working.colleague.torc("db", "url", "--db", working.url)
    for process in (working.owner.keeper(), *working.owner.keeper().children(recursive=True)):
        said += " ".join(process.cmdline()) + " ".join(process.environ().values())
    assert password not in said
    files = [path for path in working.folder.rglob("*") if path.is_file() and path != working.shared / "password"]
    assert {"databases.json", "server.log", "keeper.log"} <= {path.name for path in files}
    assert [path for path in files if password.encode() in path.read_bytes()] == []


@only_root
def test_what_a_reader_changes_of_the_role_is_put_back(working: Institute, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL lets each role change its password and settings; and transactions that last too long are ended."""
    looking = readers.Readers(working.owner.server)
    looking.follow()
    with working.connect() as vandal, working.connect() as sleeper:
        vandal.execute("SET default_transaction_read_only = off")
        vandal.execute("ALTER ROLE torc_reader PASSWORD 'mine'")
        vandal.execute("ALTER ROLE torc_reader IN DATABASE torc SET default_transaction_read_only = off")
        with pytest.raises(psycopg.OperationalError):
            working.connect()
        sleeper.execute("BEGIN")
        sleeper.execute("SELECT count(*) FROM jobs")
        monkeypatch.setattr(readers, "_LOOK_AFTER", 0.0)
        looking.follow()
        assert sleeper.execute("SELECT 1").fetchone() == (1,)  # an hour has not passed
        monkeypatch.setattr(readers, "_LONGEST_TRANSACTION", 0.0)
        looking.follow()
        with pytest.raises(psycopg.OperationalError):
            sleeper.execute("SELECT 1")
        assert vandal.execute("SELECT 1").fetchone() == (1,)
    with working.connect() as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)


@only_root
def test_it_goes_where_the_server_goes(institute: Institute) -> None:
    """Stopped, on another port, with an older copy put back: the colleague's URL stays."""
    institute.owner.python('from torc_nb import Workflow; Workflow("sweep")')
    copy = institute.owner.facts("db", "backup", str(institute.owner.folder / "copies"))["file"]
    password = institute.share()
    institute.owner.torc("db", "stop")
    said = institute.colleague.torc("workflows", "list", "--db", institute.url, code=1)
    assert "nobody starts it, by opening a workflow or by `torc-nb db start`" in said
    assert institute.owner.servers() == []
    (port,) = free_ports(1)
    institute.owner.torc("db", "start", "--backups", "none", "--port", str(port))
    institute.owner.until(lambda: json.loads((institute.shared / "address.json").read_text())["port"] == port)
    assert "sweep" in institute.colleague.torc("workflows", "list", "--db", institute.url)
    assert "shared   with group 40000" in institute.owner.torc("db", "status")
    institute.owner.torc("db", "restore", copy, "--yes")
    assert "sweep" in institute.colleague.torc("workflows", "list", "--db", institute.url)
    assert (institute.shared / "password").read_text() == password
    with institute.connect() as connection:
        connection.execute("SET default_transaction_read_only = off")
        for attempt in (b"DELETE FROM workflows", b"CREATE TABLE mine (x int)", b"SELECT lo_create(0)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attempt)


@only_root
def test_a_copy_is_put_back_after_the_sharing(institute: Institute) -> None:
    """A copy made while it was shared does not let anybody in."""
    institute.owner.python('from torc_nb import Workflow; Workflow("sweep")')
    copy = institute.owner.facts("db", "backup", str(institute.owner.folder / "copies"))["file"]
    password = institute.share()
    institute.owner.torc("db", "unshare")
    with institute.administrator() as connection:  # as on another machine, where it never was
        connection.execute("DROP OWNED BY torc_reader")
        connection.execute("DROP ROLE torc_reader")
    institute.owner.torc("db", "restore", copy, "--yes")
    assert "sweep" in institute.owner.torc("workflows", "list")
    assert not readers.may_enter(institute.owner.server, password)
    institute.share()
    assert "sweep" in institute.colleague.torc("workflows", "list", "--db", institute.url)


@only_root
def test_unshare(institute: Institute) -> None:
    """Who is in is put out, who knows the password stays out, also after a restart; sharing again makes a new one."""
    institute.owner.python('from torc_nb import Workflow; Workflow("sweep")')
    password = institute.share()
    where = shared.parameters(institute.shared)
    kernel = institute.colleague.begin(
        TOLD.format(url=institute.url)
        + """
import pathlib, time
pathlib.Path("open").touch()
while not pathlib.Path("over").exists(): time.sleep(0.05)
told(lambda: wf.jobs())
"""
    )
    institute.owner.until((institute.colleague.folder / "open").exists)
    reader = institute.connect()
    assert institute.owner.torc("db", "unshare").startswith("Group 40000 may not read the database any more.")
    with pytest.raises(psycopg.OperationalError):
        reader.execute("SELECT 1")
    (institute.colleague.folder / "over").touch()
    said, _ = kernel.communicate(timeout=60)
    assert "DatabaseUnavailable" in said
    assert "cannot be entered: the database is not shared any more" in said
    assert not institute.shared.exists()
    assert stat.S_IMODE((institute.owner.folder / ".torc").stat().st_mode) == 0o700
    assert not readers.may_enter(institute.owner.server, password)
    institute.owner.torc("db", "stop")
    institute.owner.torc("db", "start", "--backups", "none")
    assert not readers.may_enter(institute.owner.server, password)
    assert "is not shared; `torc-nb db share --group GROUP`" in institute.owner.torc("db", "unshare", code=1)
    assert institute.share() != password
    assert not readers.may_enter(institute.owner.server, where["password"])
    assert "sweep" in institute.colleague.torc("workflows", "list", "--db", institute.url)


@only_root
def test_unshared_while_the_server_stands_still(institute: Institute) -> None:
    """It lets nobody in when it starts again."""
    password = institute.share()
    institute.owner.torc("db", "stop")
    institute.owner.torc("db", "unshare")
    assert "was stopped; `torc-nb db start`" in institute.owner.torc("db", "share", "--group", str(GROUP), code=1)
    institute.owner.torc("db", "start", "--backups", "none")
    institute.owner.until(lambda: not readers.may_enter(institute.owner.server, password), 5)


@only_root
def test_another_group_takes_the_place(institute: Institute) -> None:
    """The first one's members know a password that is none any more."""
    password = institute.share()
    institute.owner.torc("db", "share", "--group", str(OWNER))
    assert not readers.may_enter(institute.owner.server, password)
    assert (institute.shared / "password").stat().st_gid == OWNER
    assert "cannot be entered" in institute.colleague.torc("workflows", "list", "--db", institute.url, code=1)


@only_root
def test_a_closed_home_is_named(institute: Institute) -> None:
    """With what to type; nothing more is said once it is typed."""
    institute.owner.folder.chmod(0o700)
    said = institute.owner.torc("db", "share", "--group", str(GROUP))
    assert "It cannot get there yet" in said
    assert any(f"{line} {institute.owner.folder}" in said for line in ("chmod o+x", f"setfacl -m g:{GROUP}:x"))
    institute.owner.folder.chmod(0o711)
    assert "cannot get there" not in institute.owner.torc("db", "share", "--group", str(GROUP))


def test_an_sqlite_file_is_not_shared(study: Study) -> None:
    """In one sentence, with what to type."""
    study.python('from torc_nb import Workflow; Workflow("sweep")')
    for verb in (("share", "--group", "users"), ("unshare",)):
        said = study.torc("db", *verb, code=1)
        assert "Only a private database server can be shared, and there is none in" in said
        assert "`torc-nb db start` starts one" in said


def test_a_group_that_one_is_not_in() -> None:
    """Nor one that is not there; the message names those there are."""
    own = {os.getegid(), *os.getgroups()}
    other = next(one for one in grp.getgrall() if one.gr_gid not in own)
    with pytest.raises(InvalidRequest, match=f"You are not in group {other.gr_name}.*you are in "):
        group_folder.id_of(other.gr_name)
    with pytest.raises(InvalidRequest, match="There is no group 'no-such-group'; you are in "):
        group_folder.id_of("no-such-group")
    assert group_folder.id_of(str(os.getegid())) == os.getegid()


@pytest.mark.parametrize(
    ("mode", "entries", "is_closed"),
    [
        (0o700, (), True),
        (0o711, (), False),
        (0o750, ((8, 1, GROUP), (16, 1, 0)), False),
        (0o750, ((8, 4, GROUP), (16, 7, 0)), True),
        (0o750, ((8, 1, GROUP + 1), (16, 7, 0)), True),
        (0o751, ((8, 4, GROUP), (16, 7, 0)), True),
    ],
)
def test_access_lists_count(
    tmp_path: Path, mode: int, entries: tuple[tuple[int, int, int], ...], is_closed: bool
) -> None:
    """An entry for the group lets it pass, within the mask; without one the mode counts."""
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(mode)
    if entries:
        nobody = 0xFFFFFFFF
        all_ = [(1, mode >> 6 & 7, nobody), (4, mode >> 3 & 7, nobody), *entries, (32, mode & 7, nobody)]
        raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, may, id_) for tag, may, id_ in all_)
        try:
            os.setxattr(folder, "system.posix_acl_access", raw)
        except OSError as error:
            pytest.skip(f"no access lists here: {error}")
    found = group_folder.closed(folder / "shared", GROUP)
    assert any(str(folder) in line for line in found) is is_closed
