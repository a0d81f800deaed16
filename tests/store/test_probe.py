"""What an SQLite file on a network filesystem has to stand before it is trusted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from torc_nb.errors import DatabaseError
from torc_nb.store import Database, machine, probe, sqlite_file

#: SQLite's own way of doing without locks: what a filesystem looks like whose locks do nothing.
NO_LOCKS = "unix-none"


@pytest.fixture
def on_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, on a filesystem that now counts as a network's."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    monkeypatch.setattr(machine, "NETWORK_FILESYSTEMS", frozenset({machine.filesystem(tmp_path)}))
    sqlite_file._check_locks.cache_clear()
    yield folder
    sqlite_file._check_locks.cache_clear()


def test_where_locks_work_there_is_nothing_to_complain_of(tmp_path: Path) -> None:
    """The lock of one process keeps the other out, and lets it in afterwards; the folder is as it was."""
    before = list(tmp_path.iterdir())
    assert probe.complaint(tmp_path) == ""
    assert list(tmp_path.iterdir()) == before


def test_where_locks_do_nothing_it_is_seen(tmp_path: Path) -> None:
    """Both processes get the lock at once; the folder is as it was."""
    before = list(tmp_path.iterdir())
    assert probe.complaint(tmp_path, NO_LOCKS) == "two processes had the same exclusive lock"
    assert list(tmp_path.iterdir()) == before


def test_a_lock_that_hangs_is_a_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not come back is ended; the folder is as it was."""
    before = list(tmp_path.iterdir())
    monkeypatch.setattr(probe, "PATIENCE", 0.001)
    assert "did not answer" in probe.complaint(tmp_path)
    assert list(tmp_path.iterdir()) == before


def test_a_process_that_breaks_is_a_complaint(tmp_path: Path) -> None:
    """Its own last words are passed on; the folder is as it was."""
    before = list(tmp_path.iterdir())
    assert "no such vfs: nonesuch" in probe.complaint(tmp_path, "nonesuch")
    assert list(tmp_path.iterdir()) == before


#: In the place of Python: makes a file where the database would be, and then hangs as a lock may.
_HANG = """#!/bin/sh
touch "${5#file://}"
exec sleep 10
"""

_PROBE = """
import sys
from pathlib import Path
from torc_nb.store import probe
folder, sys.executable = sys.argv[1:]
print(probe.complaint(Path(folder)))
"""


@pytest.fixture
def probing(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the midst of a probe of the folder ``probed``."""
    folder, hang = tmp_path / "probed", tmp_path / "hang"
    folder.mkdir()
    hang.write_text(_HANG)
    hang.chmod(0o700)
    command = [sys.executable, "-c", _PROBE, str(folder), str(hang)]
    process = subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(folder.glob("*/probe.db")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


def test_an_interrupted_probe_leaves_nothing(probing: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Jupyter's stop button in the middle of it."""
    probing.send_signal(signal.SIGINT)
    assert probing.wait(60) != 0
    assert list((tmp_path / "probed").iterdir()) == []


def test_what_a_killed_probe_left_is_removed_by_the_next_one(
    probing: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is old: before that it may be the probe of a living process."""
    probing.kill()
    probing.wait()
    folder = tmp_path / "probed"
    (left,) = folder.iterdir()
    (folder / "torc.db").write_text("the user's")
    assert probe.complaint(folder) == ""
    assert left.exists()
    os.utime(left, (0, 0))
    assert probe.complaint(folder) == ""
    assert [path.name for path in folder.iterdir()] == ["torc.db"]


def test_on_a_network_filesystem_nothing_is_written_ahead(on_network: Path) -> None:
    """Its log would lie in memory that machines do not share; nothing of the probe is left."""
    opened = Database.open(on_network / "torc.db")
    with opened.read() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "delete"
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
    assert opened.take_ids("jobs", 2) == 1
    assert [path.name for path in on_network.iterdir()] == ["torc.db"]
    opened.close()


def test_a_database_whose_locks_do_not_work_is_refused(on_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one is not made and the existing one not touched; the message names the folder, why, and two ways out."""
    Database.open(on_network / "torc.db").close()
    before = (on_network / "torc.db").read_bytes()
    sqlite_file._check_locks.cache_clear()
    monkeypatch.setattr(probe, "complaint", partial(probe.complaint, vfs=NO_LOCKS))
    for name in ("torc.db", "new.db", "torc.db"):
        with pytest.raises(DatabaseError, match="two processes had the same exclusive lock") as refused:
            Database.open(on_network / name)
        kind = machine.filesystem(on_network)
        for words in (str(on_network), kind, "--db", "TORC_NB_DATABASE_URL", "PostgreSQL"):
            assert words in str(refused.value)
    assert [path.name for path in on_network.iterdir()] == ["torc.db"]
    assert (on_network / "torc.db").read_bytes() == before


def test_a_folder_is_probed_once(on_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that opened one database there opens the next one as fast as on a disk."""
    Database.open(on_network / "torc.db").close()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))  # no further probe can succeed
    Database.open(on_network / "torc.db").close()
    Database.open(on_network / "another.db").close()
    with pytest.raises(DatabaseError, match=r"torc\.db cannot be made: No such file"):
        Database.open(on_network / "elsewhere" / "torc.db")


def test_on_a_disk_nothing_is_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening starts no process."""
    assert not machine.is_on_network(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    Database.open(tmp_path / "torc.db").close()


_TAKE = """
import sys
from pathlib import Path
from torc_nb.store import Database, machine
machine.NETWORK_FILESYSTEMS = frozenset({machine.filesystem(Path(sys.argv[1]))})
database = Database.open(sys.argv[1])
print(*[database.take_ids("jobs", 1) for _ in range(10)])
"""


def test_processes_take_turns_on_a_network_filesystem(on_network: Path) -> None:
    """Four of them make, probe and use one database at once: without a log written ahead nothing gets lost either."""
    command = [sys.executable, "-c", _TAKE, str(on_network / "torc.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) for _ in range(4)]
    taken = [int(number) for process in processes for number in process.communicate()[0].split()]
    assert sorted(taken) == list(range(1, 41))
    assert [path.name for path in on_network.iterdir()] == ["torc.db"]


_MOUNT_TWICE = """
mount -t ramfs below "$1" && mount -t tmpfs above "$1" && mkdir "$1/torc" || exit 77
exec "$2" -c 'import sys; from pathlib import Path; from torc_nb.store import machine
print(*(machine.filesystem(Path(path)) for path in sys.argv[1:]))' "$1" "$1/torc" "$1/absent/torc.db" /proc
"""


def test_the_uppermost_of_several_mounts_counts(tmp_path: Path) -> None:
    """An automounter's filesystem stays in the list, below the network's on the same folder."""
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", _MOUNT_TWICE, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT)
    if "unshare" in done.stderr or done.returncode == 77:
        pytest.skip(f"this machine allows no mounts of one's own: {done.stderr.strip()}")
    assert done.stdout.split() == ["tmpfs", "tmpfs", "tmpfs", "proc"], done.stderr


_ROOT = Path(__file__).parents[2]
