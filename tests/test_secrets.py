"""The password of a database's address is nowhere to be read: not in words, errors, logs, lists or the database."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from services.workers import end_workers

from torc_nb import Workflow, cli, make_api
from torc_nb.errors import TorcError
from torc_nb.models import WorkerSettings
from torc_nb.models.addresses import without_password
from torc_nb.worker.errand import Errand

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://u:{SECRET}@h:5432/d", "postgresql://u:***@h:5432/d"),
        (f"postgresql+psycopg://u:{SECRET}%40@h/d?x=1", "postgresql+psycopg://u:***@h/d?x=1"),
        (f"postgresql://u:a@{SECRET}@h/d", "postgresql://u:***@h/d"),
        (f"postgresql://u:a/{SECRET}#?@h/d", "postgresql://u:***@h/d"),
        (f"postgresql://:{SECRET}@h/d", "postgresql://:***@h/d"),
        (f"postgresql://u@h/d?password={SECRET}&x=1", "postgresql://u@h/d?password=***&x=1"),
        (f"postgresql://h/d?x=1&sslpassword={SECRET}", "postgresql://h/d?x=1&sslpassword=***"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////a/b:c@d.db", "sqlite:////a/b:c@d.db"),
        ("/a/b:c@d.db", "/a/b:c@d.db"),
    ],
)
def test_an_address_without_its_password(url: str, shown: str) -> None:
    """Wherever it stands in the address, and however wrong that is."""
    assert without_password(url) == shown


def _settings(url: str) -> str:
    settings = WorkerSettings(url, 1, 2)
    return f"{settings} {settings!r} {Errand('a:b', settings)!r}"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://torc:{SECRET}@127.0.0.1:1/d?connect_timeout=2",
        f"postgresql://torc@127.0.0.1:1/d?connect_timeout=2&password={SECRET}",
        f"postgresql://torc:{SECRET}@no-such-host.invalid/d?connect_timeout=2",
        f"postgresql://torc:a@{SECRET}@127.0.0.1/d",
        f"postgresql://torc:{SECRET}@127.0.0.1:port/d",
        f"postgres://torc:{SECRET}@127.0.0.1/d",
        f"mysql://torc:{SECRET}@127.0.0.1/d",
        f"http://torc:{SECRET}@127.0.0.1/d",
        f"nonsense://torc:{SECRET}@127.0.0.1/d",
    ],
)
def test_an_address_that_does_not_work(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Error, traceback, command line."""
    with pytest.raises(TorcError) as failed:
        make_api(url)
    assert SECRET not in "".join(traceback.format_exception(failed.value))
    assert SECRET not in _settings(url)
    assert cli.run(["workflows", "list", "--db", url]) == 1
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


def _password(url: str) -> str:
    """What the passfile that a URL names holds."""
    return Path(url.partition("passfile=")[2]).read_text().strip().rpartition(":")[2]


def test_a_wrong_password(postgres_url: str, tmp_path: Path) -> None:
    """It may be the right one of something else."""
    passfile = tmp_path / "wrong"
    passfile.touch(mode=0o600)
    passfile.write_text(f"*:*:*:*:{SECRET}\n")
    with pytest.raises(TorcError) as failed:
        make_api(f"{postgres_url.partition('?')[0]}?passfile={passfile}")
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def _repeated(act: Callable[[], object]) -> str:
    """What it says, or what it fails with."""
    try:
        return repr(act())
    except TorcError as error:
        return "".join(traceback.format_exception(error))


def test_a_whole_workflow(postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is said, kept and logged while jobs run and fail; the passfile alone has it."""
    password = _password(postgres_url)
    os.environ["TORC_NB_DATABASE_URL"] = postgres_url
    try:
        wf = Workflow("sweep", files=tmp_path / "files")
        m = wf.map(lambda x: 1 / x, range(2), name="run")
        wf.run(num_cpus=1)
        wf.wait(timeout=40, progress=False)
        api = wf.api
        shown = (wf, m, api, api.database, wf.status(), api.list_events(wf.id), wf.failures(), wf.events())
        said = [repr(one) for one in shown]
        said += [str(api), str(api.database), api.database.place, _settings(api.database.url)]
        said += [_repeated(lambda: api.get_workflow(99)), _repeated(lambda: m.value(int(m.jobs().index[0])))]
        assert cli.run(["workflows", "list"]) == 0
        assert cli.run(["workflows", "use", str(wf.id)]) == 0
        assert cli.run(["jobs", "list", "-w", "nobody"]) == 1
        assert cli.run(["workflows", "export", str(tmp_path / "export.json"), "-w", str(wf.id)]) == 0
        end_workers(api)
        with api.database.read() as connection:
            tables = connection.exec_driver_sql("SELECT * FROM environments").all()
        api.database.close()
    finally:
        del os.environ["TORC_NB_DATABASE_URL"]
    out = capsys.readouterr()
    said += [out.out, out.err, str(tables)]
    assert [text for text in said if password in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"databases.json", "workflows.json", "0.log", "export.json"} <= {path.name for path in files}
    holding = [path for path in files if password.encode() in path.read_bytes()]
    assert holding == []
