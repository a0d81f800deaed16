"""What the tests map; a module of its own, since workers import the whole module of a function."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def leave_a_mark(x: int, seconds: float = 0.0) -> int:
    """Count the execution outside the database, and say where it was."""
    time.sleep(seconds)
    with Path("ran").open("a") as ran:
        ran.write(f"{x} {os.environ.get('SLURMD_NODENAME')}\n")
    return x


def picky(x: int) -> int:
    """Need a library that node n2 lacks; the later rows wait until the test lets them go."""
    if os.environ["SLURMD_NODENAME"] == "n2":
        raise ImportError("libmissing.so.1: cannot open shared object file")
    while x >= 10 and not Path("go").exists():
        time.sleep(0.02)
    return leave_a_mark(x)


def meet(x: int, seconds: float, nodes: int) -> int:
    """Leave a mark once so many nodes are at work: none of them comes too late to have a part."""
    Path(f"{os.environ['SLURMD_NODENAME']}.here").touch()
    while len(list(Path.cwd().glob("*.here"))) < nodes:
        time.sleep(0.02)
    return leave_a_mark(x, seconds)


def wait_for_it(row: int) -> int:
    """Leave a mark, and another when told to end, and wait until all may."""

    def note(name: str) -> None:
        with Path(name).open("a") as file:
            file.write(f"{row}\n")

    def warned(*_: object) -> None:
        note("warned")
        raise SystemExit

    signal.signal(signal.SIGTERM, warned)
    note("begun")
    while not Path("go").exists():
        time.sleep(0.02)
    note("ended")
    return row


def lines(folder: Path, name: str) -> list[str]:
    """Which rows left that mark."""
    path = folder / name
    return path.read_text().split() if path.exists() else []
