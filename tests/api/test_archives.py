"""Files of exported workflows that are damaged, of other versions, not ours, or made to do harm."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sqlite3
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from torc_nb.api import archives, make_api
from torc_nb.errors import DatabaseError, DatabaseTooNew, InvalidRequest, ReadOnly
from torc_nb.models import WorkflowModel
from torc_nb.store import Database


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which nothing is left."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()
    assert list(folder.iterdir()) == []


@pytest.fixture
def content(tmp_path: Path) -> dict[str, bytes]:
    """What is in a file that is as it should be."""
    api = make_api(tmp_path / "torc.db")
    workflow = api.create_workflow(WorkflowModel(name="sweep"))
    api.map_function(workflow.id or 0, len, ["a", "b"], name="m")
    api.extract(workflow.id or 0, tmp_path / "copy.db")
    api.database.close()
    manifest = {"format": archives.FORMAT, "torc_nb": "1"}
    return {archives.MANIFEST: json.dumps(manifest).encode(), archives.DATABASE: (tmp_path / "copy.db").read_bytes()}


def packed(path: Path, content: dict[str, bytes]) -> Path:
    """A file with these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def test_it_is_unpacked_for_its_user_alone(content: dict[str, bytes], tmp_path: Path, room: Path) -> None:
    """And removed when nothing refers to it any more."""
    api = make_api(packed(tmp_path / "sweep.zip", content))
    (folder,) = room.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / archives.DATABASE).stat().st_mode) == 0o600
    assert api.database.place == str(tmp_path / "sweep.zip")
    assert [one.name for one in api.list_workflows()] == ["sweep"]
    api.database.close()
    assert [len(list(api.map_rows(1))), folder.exists()] == [2, True]


def test_a_child_that_ends_leaves_it(content: dict[str, bytes], tmp_path: Path) -> None:
    """A forked process is not the one that unpacked it."""
    api = make_api(packed(tmp_path / "sweep.zip", content))
    archives._remove(Path(api.get_workflow(1).files), os.getppid(), api.database.close)
    assert Path(api.get_workflow(1).files).is_dir()
    api.database.close()


@pytest.mark.parametrize(
    "name",
    ["../evil", "/tmp/evil", "values/../../evil", "values/aa/../../../evil", "logs/../evil.log", "C:\\evil", "evil",
     f"values/aa/{'a' * 40}/evil", f"values/aa/{'A' * 40}"],
)  # fmt: skip
def test_parts_that_are_none_go_nowhere(name: str, content: dict[str, bytes], tmp_path: Path, room: Path) -> None:
    """Whatever their names are, and though they are called like parts at first sight."""
    api = make_api(packed(tmp_path / "sweep.zip", content | {name: b"evil"}))
    (folder,) = room.iterdir()
    assert [path.name for path in folder.rglob("*")] == [archives.DATABASE]
    assert list(tmp_path.rglob("*evil*")) == []
    assert not Path("/tmp/evil").exists()
    api.database.close()


def test_a_link_becomes_a_file(content: dict[str, bytes], tmp_path: Path, room: Path) -> None:
    """What a part says of itself besides its name is not looked at."""
    name = f"values/aa/{'a' * 40}"
    path = packed(tmp_path / "sweep.zip", content)
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    api = make_api(path)
    (folder,) = room.iterdir()
    assert not (folder / name).is_symlink()
    assert (folder / name).read_text() == "/etc/passwd"
    api.database.close()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [_cut, _flip])
def test_a_damaged_one(damage: Callable[[Path], None], content: dict[str, bytes], tmp_path: Path) -> None:
    """Is said at once."""
    path = packed(tmp_path / "sweep.zip", content)
    damage(path)
    with pytest.raises(InvalidRequest, match=r"sweep\.zip is damaged, or not all of it is there"):
        make_api(path)


def test_what_is_none(content: dict[str, bytes], tmp_path: Path) -> None:
    """A zip file of another kind, a text, a folder, an ordinary database in a zip file, and nothing at all."""
    path = tmp_path / "sweep.zip"
    with pytest.raises(InvalidRequest, match=r"but no workflow that was exported: it has no torc_nb\.json"):
        make_api(packed(path, {"a": b""}))
    with pytest.raises(InvalidRequest, match="damaged"):
        make_api(packed(path, content | {archives.MANIFEST: b"{"}))
    with pytest.raises(InvalidRequest, match="says nothing of a format"):
        make_api(packed(path, content | {archives.MANIFEST: b'{"format": "1"}'}))
    with pytest.raises(InvalidRequest, match="its database is an ordinary one"):
        make_api(packed(path, content | {archives.DATABASE: (tmp_path / "torc.db").read_bytes()}))
    with pytest.raises(DatabaseError, match="There is no database"):
        make_api(packed(path, {archives.MANIFEST: content[archives.MANIFEST]}))
    path.write_text("text")
    with pytest.raises(InvalidRequest, match="damaged"):
        make_api(path)
    path.unlink()
    with pytest.raises(InvalidRequest, match=r"There is no file .*sweep\.zip"):
        make_api(path)
    assert not path.exists()


def test_a_newer_one(content: dict[str, bytes], tmp_path: Path) -> None:
    """By the format of the file, or of the database in it; what helps is said."""
    path = tmp_path / "sweep.zip"
    newer = json.dumps({"format": archives.FORMAT + 1, "torc_nb": "9.9"}).encode()
    with pytest.raises(DatabaseTooNew, match=r"newer torc_nb \(9\.9, format 2; this one reads format 1\)"):
        make_api(packed(path, content | {archives.MANIFEST: newer}))
    with sqlite3.connect(tmp_path / "copy.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseTooNew, match=r"sweep\.zip.* was written by a newer torc_nb \(schema 9999"):
        make_api(packed(path, content | {archives.DATABASE: (tmp_path / "copy.db").read_bytes()}))


def test_no_room_for_it(content: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said before anything is unpacked, as with a file that is made to grow."""
    usage = shutil.disk_usage(tmp_path)
    path = packed(tmp_path / "sweep.zip", content | {f"values/aa/{'a' * 40}": bytes(10_000_000)})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(InvalidRequest, match=r"unpacked, and .*room has 977 kB left: name a folder on a larger disk"):
        make_api(path)


def test_a_copy_that_was_unpacked_by_hand(content: dict[str, bytes], tmp_path: Path) -> None:
    """Is one too, wherever it lies: it cannot be changed, nor does anything appear beside it."""
    folder = tmp_path / "by-hand"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)  # others may write here; nothing of it runs
    (folder / "workflow.db").write_bytes(content[archives.DATABASE])
    api = make_api(folder / "workflow.db", trust=True)
    assert api.get_workflow(1).files == str(folder)
    assert len(list(api.map_rows(1))) == 2
    with pytest.raises(ReadOnly):
        api.start_workflow(1)
    with pytest.raises(Exception, match="readonly database"), api.database.engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM jobs")
    assert [path.name for path in folder.iterdir()] == ["workflow.db"]
    api.database.close()


def test_a_database_that_is_made_to_do_harm(content: dict[str, bytes], tmp_path: Path) -> None:
    """What a schema says does not run: tables that are views of what SQLite can do."""
    with sqlite3.connect(tmp_path / "copy.db") as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM jobs; END")
        connection.execute("ALTER TABLE events RENAME TO old")
        connection.execute("CREATE VIEW events AS SELECT load_extension('/evil') AS id")
    connection.close()
    path = packed(tmp_path / "sweep.zip", content | {archives.DATABASE: (tmp_path / "copy.db").read_bytes()})
    api = make_api(path)
    with pytest.raises(Exception, match=r"unsafe use|not authorized|no such (column|function)|other tables"):
        api.list_events(1)
    api.database.close()


def test_an_ordinary_database_is_none(tmp_path: Path) -> None:
    """It is opened as ever."""
    database = Database.open(tmp_path / "other.db")
    assert (database.is_copy, database.is_read_only, database.place) == (False, False, str(tmp_path / "other.db"))
    database.close()
