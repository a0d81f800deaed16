"""The folder beside a file in which its parts are made, and those that processes left there when they were killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Locked by the process that works in the folder.
_LOCK = "lock"


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Make a folder for the parts of a file, for the user alone, and remove it at the end.

    Those that were left when the same file was made before are removed too.

    Raises
    ------
    OSError
        It cannot be made.
    """
    prefix = f".{target.name}."
    for left in target.parent.glob(f"{_literal(prefix)}*"):
        _remove_if_left(left)
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as folder,  # mode 0700
        Path(folder, f"{_LOCK}.new").open("w") as lock,
    ):
        with suppress(OSError):  # there are network filesystems without locks: there nobody removes what is left
            fcntl.flock(lock, fcntl.LOCK_EX)
            Path(lock.name).rename(f"{folder}/{_LOCK}")  # not before it is locked
        yield Path(folder)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError), os.fdopen(os.open(folder / _LOCK, os.O_RDWR)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)
