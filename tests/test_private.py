"""What is made is its user's alone, and what others may have written is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from torc_nb import private
from torc_nb.errors import NotPrivate

OTHER = 12345


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A user who lets everybody write everything."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_made_is_private_whatever_the_umask_is(tmp_path: Path, open_umask: None) -> None:
    """The folders above it that were made on the way too; a folder that is there stays as it is."""
    private.make_folder(tmp_path / "a" / "b" / "c")
    private.make_folder(tmp_path / "a" / "b" / "c")
    private.write_text(tmp_path / "a" / "text", "ü")
    assert (tmp_path / "a" / "text").read_text(encoding="utf-8") == "ü"
    made = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
    assert len(made) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    with pytest.raises(FileExistsError):
        private.make_folder(tmp_path / "a" / "text")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o720])
def test_what_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Group or other, a file or a folder; what to type does away with it."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(NotPrivate, match=f"may be written by others .mode 0{mode:o}.*chmod go-w") as refused:
        private.check(folder)
    assert os.system(str(refused.value).partition("Close it: ")[2]) == 0
    private.check(folder)


def test_a_sticky_folder_is_as_good_as_a_private_one(tmp_path: Path) -> None:
    """As /tmp is; a sticky bit on a file means nothing."""
    tmp_path.chmod(0o1777)
    private.check(tmp_path)
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o1666)
    with pytest.raises(NotPrivate):
        private.check(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    """But where it is said that it may; root itself is trusted."""
    private.check(tmp_path)
    os.chown(tmp_path, OTHER, -1)
    with pytest.raises(NotPrivate, match=f"belongs to {OTHER}.*trust=True"):
        private.check(tmp_path)
    private.check(tmp_path, owner=OTHER)


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    monkeypatch.setattr(os, "getuid", lambda: OTHER)
    assert private.user() == str(OTHER)
    assert private.is_user(str(OTHER))
    assert not private.is_user("root")
