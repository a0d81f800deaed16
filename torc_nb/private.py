"""What is the user's alone: made so whatever the umask is, and refused where others may have written it."""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
import stat
from pathlib import Path

from torc_nb.errors import NotPrivate

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_folder(folder: Path) -> None:
    """Make a folder where there is none, and those above it that are not there, which only the user can enter.

    Raises
    ------
    OSError
        It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        if not folder.is_dir():
            raise


def write_text(path: Path, text: str) -> None:
    """Write a file that only the user can read.

    Raises
    ------
    OSError
        It cannot be written.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def check(path: Path, *, owner: int | None = None) -> None:
    """Make sure that nobody but the user and root may write a file, or change what is in a folder.

    In a sticky folder, as /tmp is, everybody may make files, but nobody can replace those of others.

    Parameters
    ----------
    owner : int, optional
        Who may write it besides: the number of a user.

    Raises
    ------
    NotPrivate
        Others may; with what to type.
    OSError
        It is not there, or not to be seen.
    """
    found = path.stat()
    if not is_ours(found) and found.st_uid != owner:
        other = name_of(found.st_uid)
        raise NotPrivate(
            f"{path} belongs to {other}, who could run code as you by what is written there. Use one of your own; or, "
            f"if you trust {other} as you trust yourself, trust=True (--trust)."
        )
    is_sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & _WRITABLE_BY_OTHERS and not is_sticky:
        raise NotPrivate(
            f"{path} may be written by others (mode {stat.S_IMODE(found.st_mode):04o}), who could run code as you by "
            f"what they write there. Close it: chmod go-w {shlex.quote(str(path))}"
        )


def is_ours(found: os.stat_result) -> bool:
    """Whether a file is the user's own, or root's, who may do everything anyway."""
    return found.st_uid in (os.geteuid(), 0)


def user() -> str:
    """What the user is called, as workflows record it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.geteuid())


def is_user(name: str) -> bool:
    """Whether a workflow's recorded user is this one: by the environment's name, or the account's."""
    return name in (user(), name_of(os.geteuid()))


def name_of(uid: int) -> str:
    """What a user is called, by the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
