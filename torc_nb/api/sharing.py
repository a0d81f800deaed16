"""A private server shared with colleagues, who may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torc_nb import server_db
from torc_nb.api.database_server import server_folder
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.store import shared


@dataclass(frozen=True)
class Shared:
    """A server that is shared.

    Attributes
    ----------
    url : str
        By which the group's members name the database; no password is in it.
    group : str
        Whose members may read it.
    to_open : list of str
        What is still to be typed so that they reach it: one line for each folder that is closed to them.
    """

    url: str
    group: str
    to_open: list[str]


def share(chosen: str, group: str) -> Shared:
    """Let the members of a Unix group read a database.

    Raises
    ------
    InvalidRequest
        It is no private server's, or there is no such group, or this user is not in it.
    ReadOnly
        It is another user's.
    DatabaseError
        The server does not run, or does not let them in.
    """
    server = _server(chosen)
    to_open = server_db.share(server, group)
    return Shared(shared.url_of(shared.beside(server)), group, to_open)


def unshare(chosen: str) -> str:
    """Let nobody but the owner in any more; returns with which group the database was shared.

    Raises
    ------
    NotFound
        It is not shared.
    """
    server = _server(chosen)
    group = server_db.unshare(server)
    if group is None:
        raise NotFound(f"The server of {server} is not shared; `%torc db share --group GROUP` shares it.")
    return group


def _server(chosen: str) -> Path:
    server = server_folder(chosen)
    if not server.exists():
        raise InvalidRequest(
            f"Only a private database server can be shared, and there is none in {server.parent}: `%torc db start` "
            "starts one, into which the SQLite file moves."
        )
    return server
