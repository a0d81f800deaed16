"""Whether file locks keep processes apart in a folder, found out with a throw-away SQLite database.

Run as a script, and so without anything beyond the standard library: a process of the probe starts in 30 ms.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

PREFIX = ".torc-nb-probe-"

#: Where locks do not work some filesystems refuse them and some wait for ever; one that works takes milliseconds.
PATIENCE = 60.0

#: A probe this old, in seconds, was killed before it could remove its folder.
ABANDONED = 3600.0


def complaint(folder: Path, vfs: str = "") -> str:
    """Tell what is wrong with locks in a folder; nothing where they work.

    One process locks a database and another one, which must not get in, tries it before and after that one lets go.
    Two of them, because a process's own locks never stop itself. That locks reach other machines is not shown.

    Parameters
    ----------
    folder : Path
        Where the database would be; it has to exist. Nothing is left in it.
    vfs : str, default ""
        The way in which SQLite locks, else its usual one.

    Raises
    ------
    OSError
        Nothing can be made in the folder, or no process started.
    """
    _remove_abandoned(folder)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder, ignore_cleanup_errors=True) as throw_away:
        uri = (Path(throw_away).resolve() / "probe.db").as_uri() + (f"?vfs={vfs}" if vfs else "")
        return _in_a_process("hold", uri, PATIENCE)


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:  # its own process removed it meanwhile
            continue


def _in_a_process(part: str, uri: str, seconds: float) -> str:
    """Play a part in a new process; returns what it says."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, part, uri],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, wrong = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"a process that tried to lock did not answer within {seconds:.0f} s"
    except BaseException:
        _end(process)
        raise
    return said if process.returncode == 0 else f"the process that tried it failed: {wrong.strip()[-500:]}"


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # who hangs in a lock of a network filesystem may not even die
        process.communicate(timeout=1)


def _hold(uri: str) -> str:
    """Lock the database, and let another process try."""
    with closing(_opened(uri)) as database:
        try:
            database.execute("CREATE TABLE probe (x INTEGER)")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("INSERT INTO probe VALUES (1)")
            during = _in_a_process("try", uri, PATIENCE / 2)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            return f"a lock that nobody held was refused ({error})"
        after = _in_a_process("try", uri, PATIENCE / 2)
    if during.isdecimal():
        return "two processes had the same exclusive lock"
    if (during, after) != ("database is locked", "1"):
        return f"where a lock was held, another process met {during!r}, and after its release {after!r}"
    return ""


def _try(uri: str) -> str:
    """Lock the database; returns how many rows are in it once it is ours, else the refusal."""
    with closing(_opened(uri)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
            return str(len(database.execute("SELECT x FROM probe").fetchall()))
        except sqlite3.Error as error:
            return str(error)


def _opened(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)


if __name__ == "__main__":
    part, uri = sys.argv[1:]
    print(_hold(uri) if part == "hold" else _try(uri), end="")
