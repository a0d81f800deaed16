"""A private server shared with a Unix group, whose members may read, and not shared any more.

The group's folder is all that says so: whoever keeps the server, wherever that is, reads it and lets readers in or out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from torc_nb.errors import DatabaseError
from torc_nb.server_db import group_folder, keeper, readers
from torc_nb.server_db.starting import revive
from torc_nb.store import address, shared

#: How long the keeper may take to let readers in or out, in seconds.
_PATIENCE = 30.0


def share(server: Path, group: str) -> list[str]:
    """Let the members of a group read a server's database; another group than before takes that one's place.

    Returns
    -------
    list of str
        What to type so that they reach the folder: one line for each folder above that is closed to them.

    Raises
    ------
    InvalidRequest
        There is no such group, or this user is not in it.
    DatabaseUnavailable
        The server was stopped.
    DatabaseError
        The folder cannot be made, or the server does not let them in.
    """
    gid = group_folder.id_of(group)
    revive(server)
    folder = shared.beside(server)
    known = shared.password(folder) if group_of(server) == group_folder.name_of(gid) else None
    password = known or readers.new_password()
    group_folder.make(folder, gid)
    try:
        group_folder.write(folder, shared.PASSWORD, password)
    except OSError as error:
        raise DatabaseError(f"{folder} cannot be written: {error.strerror}.") from error
    is_told = folder / address.ADDRESS
    _wait_for(server, lambda: is_told.exists() and readers.may_enter(server, password), "let readers in")
    return group_folder.closed(folder, gid)


def unshare(server: Path) -> str | None:
    """Let nobody but the owner in any more, at once; returns with which group it was shared, None: with none.

    Raises
    ------
    DatabaseError
        The server still lets them in.
    """
    group = group_of(server)
    folder = shared.beside(server)
    password = shared.password(folder)
    group_folder.remove(folder)
    if password is not None:
        _wait_for(server, lambda: not readers.may_enter(server, password), "put readers out")
    return group


def group_of(server: Path) -> str | None:
    """Return with which group a server is shared; None: with none."""
    try:
        return group_folder.name_of((shared.beside(server) / shared.PASSWORD).stat().st_gid)
    except FileNotFoundError:
        return None


def _wait_for(server: Path, is_done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_done():
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"The server of {server} did not {what} within {_PATIENCE:.0f} s; {server / keeper.LOG} may say why. "
                "Where an earlier version started it, type `%torc db stop` and `%torc db start`."
            )
        time.sleep(0.1)
