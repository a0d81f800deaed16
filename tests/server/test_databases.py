"""Which databases Jupyter's server finds, and that one which fails keeps nobody waiting."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from server.answers import Get

from torc_nb import errors
from torc_nb.api import make_api, places
from torc_nb.models import WorkflowModel
from torc_nb.server import databases, refusals


def _make(url: str | Path, name: str, files: Path) -> None:
    api = make_api(url)
    api.create_workflow(WorkflowModel(name=name, files=str(files)))
    api.database.close()


async def test_where_they_come_from(
    get: Get, extension: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings, the environment, the server's folder, and what the user opened; each once, and gone ones never."""
    for name in ("setting", "environment", "opened", "gone"):
        _make(tmp_path / f"{name}.db", name, tmp_path / "files")
    (tmp_path / "gone.db").unlink()
    monkeypatch.setenv("TORC_NB_DATABASE_URL", str(tmp_path / "environment.db"))
    extension.databases = [str(tmp_path / "setting.db"), str(file)]
    found = (await get("databases")).data
    places_ = [Path(one["place"]).name for one in found]
    assert sorted(places_) == ["environment.db", "opened.db", "setting.db", "torc.db"]
    assert {one["name"] for one in (await get("workflows")).data} == {"setting", "environment", "opened", "sweep"}
    assert not (tmp_path / "gone.db").exists()


async def test_a_configured_one_that_is_missing_is_named(get: Get, extension: Any, file: Path, tmp_path: Path) -> None:
    """With what makes it; it is there once it was made, and named again once it is gone. Nothing is made by looking."""
    missing = tmp_path / "missing.db"
    extension.databases = [str(missing), str(file)]
    first, other = (await get("databases")).data
    assert (first["place"], other["trouble"]) == (str(missing), None)
    assert f'Workflow("sweep", db="{missing}")' in first["trouble"]
    assert "c.TorcNb.databases" in first["trouble"]
    assert [one["name"] for one in (await get("workflows")).data] == ["sweep"]
    assert (await get(f"databases/{first['id']}/workflows/1")).code == 503
    assert not missing.exists()
    _make(missing, "made", tmp_path / "files")
    assert [one["trouble"] for one in (await get("databases")).data] == [None, None]
    assert {one["name"] for one in (await get("workflows")).data} == {"made", "sweep"}
    missing.rename(tmp_path / "elsewhere.db")
    assert (await get("databases")).data[0]["trouble"] == first["trouble"]
    assert [one["name"] for one in (await get("workflows")).data] == ["sweep"]


async def test_those_that_cannot_be_read_are_told_with_the_reason(
    get: Get, extension: Any, file: Path, tmp_path: Path
) -> None:
    """A broken file, a password where none belongs, what is no database: the others are there all the same."""
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    extension.databases = [
        str(tmp_path / "broken.db"),
        "postgresql://me:tops3cret@host/torc",
        "mysql://host/x",
        "https://host/torc-service",
    ]
    answer = await get("databases")
    troubles = {one["place"]: one["trouble"] for one in answer.data}
    assert len(troubles) == 5
    assert troubles.pop(str(file)) is None
    assert all(len(trouble) > 20 for trouble in troubles.values())
    assert "~/.pgpass" in troubles["postgresql://me:***@host/torc"]
    assert "tops3cret" not in json.dumps(answer.data)
    assert [one["name"] for one in (await get("workflows")).data] == ["sweep"]
    ids = {one["id"]: one["place"] for one in answer.data}
    for database_id, place in ids.items():
        refused = await get(f"databases/{database_id}/workflows/1")
        assert refused.code == 200 if place == str(file) else refused.code in (400, 503), place


async def test_looking_makes_and_starts_nothing(get: Get, file: Path, tmp_path: Path) -> None:
    """Neither a file's journals nor the private server of another folder."""
    server = tmp_path / "project" / ".torc" / "server"
    server.mkdir(parents=True)
    url = f"postgresql://torc@/torc?server={server}"
    places._list_path().parent.mkdir(parents=True, exist_ok=True)
    places._list_path().write_text(json.dumps([url]))
    before = sorted(file.parent.iterdir()), file.stat().st_mtime_ns
    found = {one["kind"]: one for one in (await get("databases")).data}
    assert "`%torc db start`" in found["postgresql"]["trouble"]
    assert await get("workflows")
    assert (sorted(file.parent.iterdir()), file.stat().st_mtime_ns) == before
    assert list(server.iterdir()) == []


async def test_one_that_hangs_holds_up_no_other(get: Get, extension: Any, address: str) -> None:
    """A server that takes connections and never says a word."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        extension.databases = [f"postgresql://me@127.0.0.1:{deaf.getsockname()[1]}/torc?connect_timeout=6"]
        begin = time.monotonic()
        found = {one["kind"]: one for one in (await get("databases")).data}
        assert [one["name"] for one in (await get("workflows")).data] == ["sweep"]
        assert time.monotonic() - begin < 2 * databases.GLANCE + 1.5
        assert found["postgresql"]["trouble"] is not None
        asked = [
            extension._databases.ask(found["postgresql"]["id"], lambda api: api.list_workflows()) for _ in range(40)
        ]
        waiting = [asyncio.ensure_future(one) for one in asked]
        await asyncio.sleep(0.2)
        assert (await get(address)).code == 200
        refused = [one for one in waiting if one.done()]
        assert len(refused) == 4  # more than are let wait
        with pytest.raises(errors.DatabaseUnavailable, match="is busy: 36 questions wait"):
            refused[0].result()
    assert all(isinstance(one, errors.DatabaseError) for one in await asyncio.gather(*waiting, return_exceptions=True))


async def test_who_waits_too_long_is_told(extension: Any, get: Get, address: str) -> None:
    """And the others go on."""
    database = address.split("/")[1]
    with pytest.raises(errors.DatabaseUnavailable, match=r"torc.db has not answered for 0 s"):
        await extension._databases.ask(database, lambda _: time.sleep(0.3), patience=0.05)
    assert (await get(address)).code == 200


async def test_what_is_gone_meanwhile_is_said(get: Get, address: str, file: Path) -> None:
    """An open file that was removed does not live on in the server."""
    assert (await get(address)).code == 200
    file.unlink()
    refused = await get(address)
    assert (refused.code, "was removed" in refused.data["error"]["message"]) == (503, True)
    assert (await get("workflows")).data == []


async def test_an_idle_one_is_closed_and_opened_again(
    get: Get, address: str, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing stays open for nobody."""
    known = extension._databases
    assert (await get(address)).code == 200
    known._close_idle()
    assert len(known._rooms) == 1  # it was used just now
    monkeypatch.setattr(databases, "IDLE", -1.0)
    known._close_idle()
    assert known._rooms == {}
    assert (await get(address)).code == 200


async def test_postgresql(get: Get, act: Get, extension: Any, postgres_url: str, tmp_path: Path) -> None:
    """The same answers as from a file."""
    _make(postgres_url, "served", tmp_path / "files")
    extension.databases = [postgres_url]
    (found,) = (await get("workflows")).data
    assert (found["name"], found["total"], found["state"]) == ("served", 0, "created")
    address = f"databases/{found['database']}/workflows/{found['id']}"
    for end in ("", "/maps", "/jobs", "/failures", "/workers", "/allocations", "/events"):
        assert (await get(f"{address}{end}")).code == 200, end
    assert "Started" in (await act(address, act="start")).data["said"]
    assert (await get("workflows")).data[0]["state"] == "started"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("ReadOnly", 403), ("NotPrivate", 403), ("NotTrusted", 403), ("NotFound", 404), ("InvalidRequest", 400),
     ("Conflict", 409), ("LaunchError", 409), ("DatabaseTooNew", 409), ("DatabaseUnavailable", 503),
     ("SlurmUnavailable", 503)],
)  # fmt: skip
def test_statuses(kind: str, status: int) -> None:
    """Each error has its status of HTTP."""
    assert refusals.status_of(getattr(errors, kind)("because")) == status


async def test_a_file_that_others_may_write_is_not_opened(get: Get, address: str, file: Path) -> None:
    """With what to type."""
    file.chmod(0o666)
    refused = await get(address)
    assert (refused.code, refused.data["error"]["kind"]) == (403, "NotPrivate")
    assert "chmod go-w" in refused.data["error"]["message"]
