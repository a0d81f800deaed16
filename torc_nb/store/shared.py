"""A private server as those see it with whom its owner shares it: a Unix group, whose members may only read.

Such a database is named by a folder that the group can enter, ``postgresql://torc_reader@/torc?shared=/home/her/.torc/
shared``. In it stand where the server is now, and the readers' password: libpq refuses to read a file that a group can
read, so each new connection is handed what stands there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL

from torc_nb import private
from torc_nb.errors import DatabaseUnavailable
from torc_nb.store import address

#: What names the folder in the URL.
PARAMETER = "shared"
#: The role of readers.
ROLE = "torc_reader"

#: The folder, beside that of the server, and what is in it besides the server's address.
FOLDER = "shared"
PASSWORD = "password"


def beside(server: Path) -> Path:
    """Return the folder by which a server is shared, whether it is or not."""
    return server.parent / FOLDER


def url_of(folder: Path) -> str:
    """Return the URL by which readers name the database."""
    return f"postgresql://{ROLE}@/{address.DATABASE}?{PARAMETER}={quote(str(folder.resolve()), safe='/')}"


def folder_of(url: URL) -> Path | None:
    """Return the folder that names a shared database; None where the URL names another one."""
    folder = url.query.get(PARAMETER)
    return Path(folder) if isinstance(folder, str) else None


def owner(folder: Path) -> str:
    """Return who shares a database: nobody else may make such a folder there."""
    try:
        return private.name_of(folder.stat().st_uid)
    except OSError:
        return "its owner"


def password(folder: Path) -> str | None:
    """Return the readers' password; None where nothing is shared."""
    try:
        return (folder / PASSWORD).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def parameters(folder: Path) -> dict[str, Any]:
    """Return how to reach the server now, in libpq's words.

    Raises
    ------
    DatabaseUnavailable
        It is not shared, or not with this user.
    """
    try:
        known = password(folder)
        where = json.loads((folder / address.ADDRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = None
    except PermissionError:
        raise DatabaseUnavailable(
            f"{folder} cannot be entered: the database is not shared any more, or with a group that you are not in, or "
            "a folder above is closed to that group. `id -Gn` shows your groups; who shares it types `%torc db share` "
            "again, which names what is closed."
        ) from None
    except (OSError, ValueError) as error:
        raise DatabaseUnavailable(f"{folder}, by which the database is shared, cannot be read: {error}") from error
    if known is None:
        raise DatabaseUnavailable(
            f"There is no database shared in {folder}, or not any more; who has it shares it by `%torc db share`."
        )
    return {"host": where["host"], "port": where["port"], "password": known}
