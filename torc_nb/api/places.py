"""Which database: given, from the environment, the last opened, the nearest ``.torc/`` upwards, or a new one here."""

from __future__ import annotations

import json
import os
from pathlib import Path

from torc_nb import private
from torc_nb.api import current
from torc_nb.errors import InvalidRequest
from torc_nb.models.addresses import without_password
from torc_nb.store import Database, address, shared

VARIABLE = "TORC_NB_DATABASE_URL"
#: What torc calls it.
ALIAS = "TORC_BASE_URL"
FOLDER = ".torc"
FILE = "torc.db"
#: The folder of a private server, beside where an SQLite file would be.
SERVER = "server"

#: How many databases the per-user list remembers.
_REMEMBERED = 50


def find_database(url: str | os.PathLike[str] | None = None) -> str:
    """Return the URL or path of the database to use; it may not exist yet.

    Raises
    ------
    InvalidRequest
        What is given, or the variable, is the address of a web service.
    """
    if url is not None:
        return _no_service(os.fspath(url), "This")
    if (named := of_environment()) is not None:
        return named
    if (opened := current.database()) is not None:
        return opened
    here = Path.cwd()
    return nearest(here) or str(here / FOLDER / FILE)


def of_environment() -> str | None:
    """Return what the environment's variables name, if anything.

    Raises
    ------
    InvalidRequest
        It is the address of a web service.
    """
    for variable in (VARIABLE, ALIAS):
        if os.environ.get(variable):
            return _no_service(os.environ[variable], variable)
    return None


def nearest(here: Path) -> str | None:
    """Return what names the database of a folder, or of the nearest one above it that has one."""
    for folder in (here, *here.parents):
        if (found := _own(folder / FOLDER) or _shared(folder / FOLDER)) is not None:
            return found
    return None


def _own(folder: Path) -> str | None:
    """Return what names the user's own database in a ``.torc/`` folder, if there is one."""
    try:
        if (folder / FILE).exists():  # what it holds has not moved to a server that may be there already
            return str(folder / FILE)
        return address.url_of(folder / SERVER) if address.is_known(folder / SERVER) else None
    except PermissionError:  # another user's
        return None


def _shared(folder: Path) -> str | None:
    """Return what names the database that another user shares there with this one."""
    is_for_us = os.access(folder / shared.FOLDER / shared.PASSWORD, os.R_OK)
    return shared.url_of(folder / shared.FOLDER) if is_for_us else None


def _no_service(url: str, what: str) -> str:
    if not url.startswith(("http://", "https://")):
        return url
    raise InvalidRequest(
        f"{what} is {without_password(url)}, the address of a web service as torc has one. torc_nb needs none: it "
        "keeps everything in a database. Give the path of an SQLite file, or postgresql://USER@HOST/NAME for workers "
        "on several machines."
    )


def remember(database: Database) -> None:
    """Put a database on the user's list, without its password, for the panel and the command line to find."""
    path = _list_path()
    url = database.url
    known = [other for other in remembered() if other != url]
    try:
        private.make_folder(path.parent)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        private.write_text(temporary, json.dumps([url, *known][:_REMEMBERED]))
        temporary.rename(path)
    except OSError:
        pass  # a home that cannot be written loses a convenience only


def remembered() -> list[str]:
    """Return the databases that this user opened, the last one first."""
    try:
        found = json.loads(_list_path().read_text())
    except (OSError, ValueError):
        return []
    return [url for url in found if isinstance(url, str)]


def _list_path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "torc_nb" / "databases.json"
