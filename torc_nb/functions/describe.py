"""A function and what it carries, in a few words."""

from __future__ import annotations

from torc_nb.functions.record import Function

_WORTH_SAYING = 1000


def describe(function: Function) -> str:
    """What was captured, e.g. ``"run, TABLE 3 MB, mesh.py"``; sizes under 1 kB are not worth a word."""
    words = [function.name]
    for captured in function.captured:
        size = captured.nbytes or 0
        words.append(f"{captured.name} {human_size(size)}" if size >= _WORTH_SAYING else captured.name)
    return ", ".join(words)


def human_size(nbytes: int) -> str:
    """Bytes in decimal units, at most two digits after the first: "3 MB", "1.1 GB"."""
    size, units = float(nbytes), ["B", "kB", "MB", "GB", "TB"]
    while round(size) >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    unit = units[0]
    return f"{size:.1f} {unit}" if size < 10 and round(size, 1) != round(size) else f"{round(size)} {unit}"
