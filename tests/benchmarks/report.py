"""What the benchmarks print: Markdown sections, tables, and the facts of the machine that gave the figures."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """Rows under headings, as Markdown."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table, its pipes escaped."""
        lines = [self.headings, ["---"] * len(self.headings), *self.rows]
        return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


@dataclass(frozen=True)
class Section:
    """One question and its answer: a heading, a table, and what has to be said about it."""

    heading: str
    table: Table
    remarks: Sequence[str] = ()

    def markdown(self) -> str:
        """The section, ready to be printed."""
        remarks = "".join(f"\n- {remark}" for remark in self.remarks)
        return f"## {self.heading}\n\n{self.table.markdown()}\n{remarks}\n"


def machine_facts(folder: Path, packages: Iterable[str]) -> Section:
    """What must be known beside a figure. `folder` is where the databases of the benchmarks are written."""
    facts = {
        "Measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPUs": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}, {_processor()}",
        "Memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "Load before": ", ".join(f"{load:.2f}" for load in os.getloadavg()) + " (1, 5, 15 min)",
        "System": f"{platform.system()} {platform.release()}, {_distribution()}",
        "Folder's file system": _file_system(folder),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "SQLite": sqlite3.sqlite_version,
    }
    facts |= {package: installed_version(package) for package in packages}
    return Section("Machine", Table(["Fact", "Value"], [[name, value] for name, value in facts.items()]))


def installed_version(package: str) -> str:
    """A distribution's version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _processor() -> str:
    models = (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name"))
    return next(models, platform.machine())


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown distribution"


def _file_system(folder: Path) -> str:
    """The type of the file system of `folder`: the longest mount point above it, the last where two are equal."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(reversed(above), key=lambda mount: len(mount[0]))[1]
