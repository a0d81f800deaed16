"""Large values in files: named by the digest of their bytes, written so that a reader never sees half of one."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypedDict

from torc_nb import private
from torc_nb.errors import CannotLoad, CannotStore

Bytes = bytes | bytearray | memoryview

MIB = 1024 * 1024

_NAME = re.compile("[0-9a-f]{40}")


class Pointer(TypedDict):
    """What stands in the text instead of the bytes. It names no folder, so that the folder can move."""

    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Spill:
    """Where large values go, and from which size on.

    Parameters
    ----------
    folder
        Made on the first write, mode 0700.
    limit
        Largest text, in bytes, that still goes to the database.
    """

    folder: Path
    limit: int = MIB

    def keep(self, data: Bytes) -> Pointer:
        """Write `data` unless it is there already; when this returns it survives a power cut.

        Raises
        ------
        CannotStore
            The file cannot be written.
        """
        name = _address(data)
        path = _path(self.folder, name)
        try:
            if _holds(path, len(data)):
                os.utime(path)  # its age tells that nobody needs it
            else:
                _write(path, data)
        except OSError as error:
            raise CannotStore(_not_written(path, len(data), error)) from error
        return {"file": name, "size": len(data)}


def is_there(folder: Path, pointer: Pointer) -> bool:
    """Whether a folder has the file that a pointer names."""
    name = pointer["file"]
    return _NAME.fullmatch(name) is not None and _path(folder, name).is_file()


def read(folder: Path | None, pointer: Pointer) -> bytearray:
    """The bytes that a pointer stands for.

    Raises
    ------
    CannotLoad
        The file is missing, unreadable or not what was written.
    """
    name, size = pointer["file"], pointer["size"]
    if folder is None:
        raise CannotLoad(f"a value of {size:,} bytes is in file {name}, and no folder of large values was given")
    if not _NAME.fullmatch(name):
        raise CannotLoad(f"a stored value points to {name!r}, which is no file of ours")
    path = _path(folder, name)
    try:
        data = _read(path)
    except FileNotFoundError as error:
        raise CannotLoad(
            f"the file of a large value ({size:,} bytes) is missing: {path}. "
            "Put the folder back beside its database, or rerun the job"
        ) from error
    except PermissionError as error:
        raise CannotLoad(
            f"a large value ({size:,} bytes) is a file of its own, which you may not read: {path}. Who may read a "
            "database sees its rows; ask its owner for a copy of the file"
        ) from error
    except OSError as error:
        raise CannotLoad(f"the file of a large value cannot be read: {path}: {error.strerror}") from error
    if len(data) != size or _address(data) != name:
        raise CannotLoad(
            f"the file of a large value is damaged: {path} ({len(data):,} of {size:,} bytes); rerun the job"
        )
    return data


def _address(data: Bytes) -> str:
    return blake2b(data, digest_size=20).hexdigest()


def _path(folder: Path, name: str) -> Path:
    return folder / name[:2] / name  # a folder with a million entries is slow on many file systems


def _holds(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(path: Path, data: Bytes) -> None:
    _make_folder(path.parent.parent)
    _make_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync(path.parent)


def _make_folder(folder: Path) -> None:
    """Make it, and write its name down: a file is only as safe as the entries of the folders above it."""
    if not folder.is_dir():
        private.make_folder(folder)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(handle)


def _read(path: Path) -> bytearray:
    with path.open("rb") as file:
        data = bytearray(os.fstat(file.fileno()).st_size)
        read = file.readinto(data)
    del data[read:]
    return data


def _not_written(path: Path, size: int, error: OSError) -> str:
    return f"a value of {size:,} bytes cannot be written to {path}: {error.strerror or error}"
