"""Whether a workflow's folder can take what its jobs leave: written, with room, and within the user's quota."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from torc_nb.api.check import Check
from torc_nb.models.quantities import GIB, KIB, format_memory

#: With less than this free a workflow is not begun, in bytes and in files.
LEAST, LEAST_FILES = GIB, 1000
#: How long `quota` may take to answer, in seconds: it asks other machines.
PATIENCE = 20.0


def checks(folder: Path) -> Iterator[Check]:
    """Look at a folder, at the space left there, and at the user's quota where there is a `quota` command."""
    yield _writable(folder)
    yield _space(folder)
    yield _quota()


def _writable(folder: Path) -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".torc-nb-check-") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Check(
            "folder", False, f"{folder} cannot be written: {error.strerror}",
            'Give the workflow another: Workflow(name, files="/a/shared/folder").',
        )  # fmt: skip
    return Check("folder", True, f"{folder} can be written")


def _space(folder: Path) -> Check:
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return Check("disk space", None, f"unknown: {error.strerror}")
    free = found.f_bavail * found.f_frsize
    files = found.f_favail if found.f_files else None  # some filesystems do not count them
    seen = f"{format_memory(free)} free" + ("" if files is None else f", room for {files:,} files")
    is_enough = free >= LEAST and (files is None or files >= LEAST_FILES)
    advice = "" if is_enough else "`%torc db prune` removes what nothing names; or choose another folder, files=…"
    return Check("disk space", is_enough, seen, advice)


def _quota() -> Check:
    if shutil.which("quota") is None:
        return Check("quota", None, "there is no `quota` command here; your site may have another one")
    try:
        done = subprocess.run(
            ["quota", "-w", "-p"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("quota", None, f"`quota` could not be asked: {error}")
    used = [line for line in map(_used, done.stdout.splitlines()) if line is not None]
    over = [text for text, is_over in used if is_over]
    if over:
        return Check("quota", False, "; ".join(over), "Remove files, or choose another folder, files=…")
    return Check("quota", True, "; ".join(text for text, _ in used) or "no quota is set for you")


def _used(line: str) -> tuple[str, bool] | None:
    """Read a line of `quota -w -p`: what is used of what may be, and whether that is too much; None of other lines.

    Filesystem, then blocks of a KiB, their soft and hard limit and grace, then files, theirs and their grace. A star
    marks what is above its limit.
    """
    words = line.split()
    if len(words) != 9 or not all(word.rstrip("*").isdigit() for word in words[1:]):
        return None
    blocks, soft, hard = (int(word.rstrip("*")) * KIB for word in words[1:4])
    limit = min((one for one in (soft, hard) if one), default=0)
    of = f" of {format_memory(limit)}" if limit else ""
    is_over = "*" in line or bool(limit and blocks >= limit)
    return f"{format_memory(blocks)}{of} used on {words[0]}", is_over
