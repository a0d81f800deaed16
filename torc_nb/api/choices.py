"""Which workflow a user chose in each database with ``workflows use``, for the command lines that follow."""

from __future__ import annotations

import json
import os
from pathlib import Path

from torc_nb import private
from torc_nb.store import Database

#: How many databases are remembered.
_REMEMBERED = 50


def choose(database: Database, workflow_id: int) -> bool:
    """Remember a workflow as the one that is meant in its database; False where the home cannot be written."""
    url = _name(database)
    known = {url: workflow_id} | {other: id_ for other, id_ in _known().items() if other != url}
    path = _path()
    try:
        private.make_folder(path.parent)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        private.write_text(temporary, json.dumps(dict(list(known.items())[:_REMEMBERED])))
        temporary.rename(path)
    except OSError:
        return False
    return True


def chosen(database: Database) -> int | None:
    """Return the workflow that was chosen in a database; it may be gone."""
    return _known().get(_name(database))


def _name(database: Database) -> str:
    return database.url


def _known() -> dict[str, int]:
    try:
        found = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return {url: id_ for url, id_ in found.items() if isinstance(id_, int)} if isinstance(found, dict) else {}


def _path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "torc_nb" / "workflows.json"
