"""A workflow exported to a file: what it is made of, and how it is unpacked to be looked at.

Only parts that are known by their names are unpacked, to places that follow from these: whoever made the file does not
say where anything goes, and nothing in it is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from torc_nb import __version__, private
from torc_nb.errors import DatabaseTooNew, InvalidRequest
from torc_nb.models.quantities import format_memory
from torc_nb.store import Database, extract, schema

#: Counts the ways in which such files were written.
FORMAT = 1

#: Says what the file is; and the SQLite file with the workflow.
MANIFEST = "torc_nb.json"
DATABASE = "workflow.db"

#: Large values and logs, as they are named in a workflow's folder and in the file.
VALUES = re.compile(r"values/[0-9a-f]{2}/[0-9a-f]{40}")
LOGS = re.compile(r"logs/\d+\.log")

_LONGEST_MANIFEST = 1 << 20
#: What the zip module raises where a file is not as it should be.
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError)


def manifest(workflow: str, moment: datetime) -> dict[str, Any]:
    """Return what says that a file is an exported workflow, and who can read it."""
    return {
        "format": FORMAT,
        "torc_nb": __version__,
        "schema": schema.REVISION,
        "workflow": workflow,
        "exported": moment.isoformat(timespec="seconds"),
    }


def is_archive(place: str | os.PathLike[str]) -> bool:
    """Whether a path names a zip file; by its name alone, since a database must not be opened but by SQLite."""
    return Path(place).suffix.lower() == ".zip"


def opened(place: str | os.PathLike[str]) -> Database:
    """Unpack an exported workflow into a folder of the system's for temporary files, and open what is there.

    The folder is removed when the database is not referred to any more, at the latest when the process ends.

    Raises
    ------
    InvalidRequest
        It is damaged, or no exported workflow; or there is no room for it.
    DatabaseTooNew
        A newer torc_nb wrote it.
    """
    path = Path(place).expanduser().resolve()
    folder = Path(tempfile.mkdtemp(prefix="torc_nb-"))  # mode 0700
    try:
        with _reading(path) as archive:
            _check_manifest(path, archive)
            _unpack(path, archive, folder)
        extract.renew(folder / DATABASE, path)
        database = Database.open(folder / DATABASE, create=False, archive=path)
        if not database.is_copy:
            database.close()
            raise InvalidRequest(f"{path} is no workflow that was exported: its database is an ordinary one.")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(database, _remove, folder, os.getpid(), database.engine.dispose)
    return database


@contextmanager
def _reading(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except InvalidRequest:
        raise
    except _DAMAGES as error:
        raise InvalidRequest(
            f"{path} is damaged, or not all of it is there ({error}): copy it again, or export it again."
        ) from error
    except FileNotFoundError as error:
        raise InvalidRequest(f"There is no file {path}.") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be unpacked to {tempfile.gettempdir()}: {error.strerror}.") from error


def _check_manifest(path: Path, archive: zipfile.ZipFile) -> None:
    """Make sure that this version can read the file."""
    if MANIFEST not in archive.namelist() or archive.getinfo(MANIFEST).file_size > _LONGEST_MANIFEST:
        raise InvalidRequest(f"{path} is a zip file, but no workflow that was exported: it has no {MANIFEST}.")
    found: Any = json.loads(archive.read(MANIFEST))
    if not isinstance(found, dict) or type(found.get("format")) is not int:
        raise InvalidRequest(f"{path} is no workflow that was exported: its {MANIFEST} says nothing of a format.")
    if found["format"] > FORMAT:
        raise DatabaseTooNew(
            f"{path} was written by a newer torc_nb ({found.get('torc_nb')!s:.30}, format {found['format']}; this one "
            f"reads format {FORMAT}): upgrade it, pip install -U torc-nb. Its Parquet files need no torc_nb."
        )


def _unpack(path: Path, archive: zipfile.ZipFile, folder: Path) -> None:
    parts = [one for one in archive.infolist() if _is_part(one.filename)]
    needed, free = sum(one.file_size for one in parts), shutil.disk_usage(folder).free
    if needed > free:
        raise InvalidRequest(
            f"{path} takes {format_memory(needed)} unpacked, and {folder.parent} has {format_memory(free)} left: name "
            "a folder on a larger disk by the variable TMPDIR, and start Python anew."
        )
    for part in parts:
        place = folder / part.filename  # a name that is a part's leads nowhere else
        private.make_folder(place.parent)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as target, archive.open(part) as source:
            shutil.copyfileobj(source, target)


def _is_part(name: str) -> bool:
    return name == DATABASE or bool(VALUES.fullmatch(name) or LOGS.fullmatch(name))


def _remove(folder: Path, pid: int, close: Callable[[], object]) -> None:
    if os.getpid() == pid:  # a forked child ends too
        close()
        shutil.rmtree(folder, ignore_errors=True)
