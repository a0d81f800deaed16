"""Where a private server is found now: its folder says so, on whatever host and port it runs.

Such a database is named by the server's folder, ``postgresql://torc@/torc?server=/home/her/.torc/server``. Host and
port may change while workers run, so each new connection looks them up, and the password never stands in a URL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL

from torc_nb import private
from torc_nb.errors import DatabaseUnavailable

#: What names the folder in the URL.
PARAMETER = "server"
#: The role of workers and kernels, and the database: no superuser.
ROLE = "torc"
DATABASE = "torc"

ADDRESS = "address.json"
#: Names the Slurm job that is to keep the server.
JOB = "slurm-job"
PASSFILE = "passfile"

#: What looks after a server that is gone, as a module: it stands in a layer of its own.
KEEPER = "torc_nb.server_db"
#: How often one process asks for that at most, in seconds; and how long it waits for the server to come.
_ASK_AGAIN, _PATIENCE = 20.0, 90.0

_asked: dict[Path, tuple[float, str]] = {}  # when, and why the server stays away
_asking = threading.Lock()


def url_of(folder: Path) -> str:
    """Return the URL of the server of a folder."""
    return f"postgresql://{ROLE}@/{DATABASE}?{PARAMETER}={quote(str(folder.resolve()), safe='/')}"


def folder_of(url: URL) -> Path | None:
    """Return the folder of a private server; None where the URL names another database."""
    folder = url.query.get(PARAMETER)
    return Path(folder) if isinstance(folder, str) else None


def is_known(folder: Path) -> bool:
    """Whether a server ran there, or will as soon as Slurm lets it."""
    return (folder / ADDRESS).exists() or (folder / JOB).exists()


def parameters(folder: Path) -> dict[str, Any]:
    """Return how to reach the server now, in libpq's words.

    Raises
    ------
    DatabaseUnavailable
        It does not run; the message says what to type.
    """
    try:
        found = json.loads((folder / ADDRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatabaseUnavailable(
            f"The database server of {folder} does not run; `%torc db start` in {folder.parent.parent} starts it."
        ) from None
    except (OSError, ValueError) as error:
        raise DatabaseUnavailable(f"{folder / ADDRESS}, the server's address, cannot be read: {error}") from error
    return {"host": found["host"], "port": found["port"], "passfile": str(folder / PASSFILE)}


def announce(folder: Path, host: str, port: int) -> None:
    """Write where the server is, at once for all who look."""
    temporary = folder / f"{ADDRESS}.{os.getpid()}"
    private.write_text(temporary, json.dumps({"host": host, "port": port}))
    temporary.replace(folder / ADDRESS)


def revive(folder: Path) -> str | None:
    """See to it that a server which is gone is started again, by whoever finds out first.

    Most often another does it already, or the server is well and only the way to it is not.

    Returns
    -------
    str or None
        Why it stays away; None where it may be there now.
    """
    with _asking:
        when, why = _asked.get(folder, (-_ASK_AGAIN, ""))
        if time.monotonic() - when < _ASK_AGAIN:
            return why or None
        why = _asked_keeper(folder)
        _asked[folder] = (time.monotonic(), why)
    return why or None


def _asked_keeper(folder: Path) -> str:
    command = [sys.executable, "-P", "-m", KEEPER, "revive", str(folder)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the server of {folder} could not be started: {error}"
    return done.stderr.strip() or "it could not be started" if done.returncode else ""
