"""The folder by which a group finds a server that is shared with it, and the way there."""

from __future__ import annotations

import grp
import os
import shlex
import shutil
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from torc_nb import private
from torc_nb.errors import DatabaseError, InvalidRequest

#: The group may enter the folder and list it; what is made in it is the group's too, whoever the process belongs to.
_FOLDER_MODE, _FILE_MODE = 0o2750, 0o640
#: What a folder of ours becomes so that a group can pass through it, and see nothing of what is there.
_PASSABLE = 0o710

#: Of POSIX access lists: how they begin, an entry's tag, permissions and id, and the tags of those that concern groups.
_HEADER, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNING_GROUP, _GROUP, _MASK = 0x04, 0x08, 0x10


def id_of(group: str) -> int:
    """Return the number of a group that this user is in.

    Raises
    ------
    InvalidRequest
        There is no such group, or the user is not in it; the message names those there are.
    """
    own = {os.getegid(), *os.getgroups()}
    names = ", ".join(sorted(name_of(one) for one in own))
    try:
        found = grp.getgrnam(group).gr_gid
    except KeyError:
        if not group.isdigit():
            raise InvalidRequest(f"There is no group {group!r}; you are in {names}.") from None
        found = int(group)
    if found not in own:
        raise InvalidRequest(
            f"You are not in group {group}, and so cannot give it anything; you are in {names}. Who was added to a "
            "group a moment ago logs in again first."
        )
    return found


def name_of(gid: int) -> str:
    """What a group is called, by the number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def make(folder: Path, gid: int) -> None:
    """Make a folder that a group can read, and let it pass through the folder around it.

    Raises
    ------
    DatabaseError
        It cannot be made.
    """
    try:
        private.make_folder(folder)
        os.chown(folder, -1, gid)
        folder.chmod(_FOLDER_MODE)
        around = folder.parent
        if stat.S_IMODE(around.stat().st_mode) == 0o700:
            os.chown(around, -1, gid)
            around.chmod(_PASSABLE)
    except OSError as error:
        raise DatabaseError(f"{folder} cannot be given to group {name_of(gid)}: {error.strerror}.") from error


def write(folder: Path, name: str, text: str) -> None:
    """Write a file of the folder, at once for all who look, and so that its group can read it.

    Raises
    ------
    OSError
        It cannot be written.
    """
    gid = folder.stat().st_gid
    temporary = folder / f"{name}.{os.getpid()}"
    private.write_text(temporary, text)
    if temporary.stat().st_gid != gid:  # a filesystem that does not hand the folder's group on
        os.chown(temporary, -1, gid)
    temporary.chmod(_FILE_MODE)
    temporary.replace(folder / name)


def remove(folder: Path) -> None:
    """Remove the folder, and close the one around it again."""
    shutil.rmtree(folder, ignore_errors=True)
    around = folder.parent
    if stat.S_IMODE(around.stat().st_mode) == _PASSABLE:
        around.chmod(0o700)


def closed(folder: Path, gid: int) -> list[str]:
    """Return what to type so that a group can pass through the folders above, one line for each that is closed."""
    return [_opened(one, gid) for one in reversed(folder.resolve().parents) if not _may_pass(one, gid)]


def _opened(folder: Path, gid: int) -> str:
    path = shlex.quote(str(folder))
    if folder.stat().st_gid == gid:
        return f"chmod g+x {path}"
    if shutil.which("setfacl"):
        return f"setfacl -m g:{name_of(gid)}:x {path}"
    return f"chmod o+x {path}"


def _may_pass(folder: Path, gid: int) -> bool:
    found = folder.stat()
    if entries := list(_access_list(folder)):
        mask = next((may for tag, may, _ in entries if tag == _MASK), 7)
        owning = [may for tag, may, _ in entries if tag == _OWNING_GROUP and found.st_gid == gid]
        if named := owning + [may for tag, may, id_ in entries if tag == _GROUP and id_ == gid]:
            return any(may & mask & 1 for may in named)
    elif found.st_gid == gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _access_list(folder: Path) -> Iterator[tuple[int, int, int]]:
    """Yield tag, permissions and id of a folder's access list; nothing where it has none beyond its mode."""
    try:
        raw = os.getxattr(folder, "system.posix_acl_access")
    except (OSError, AttributeError):  # AttributeError: macOS has none of this kind
        return
    yield from _ENTRY.iter_unpack(raw[_HEADER.size :])
