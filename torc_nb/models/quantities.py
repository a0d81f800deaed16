"""Memory and durations as users write them, and as they are shown."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from torc_nb.errors import InvalidRequest

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
_UNITS = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": GIB, "t": TIB}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*", re.IGNORECASE)
_CLOCK = re.compile(r"\s*(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?\s*")
_SHORT = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)", re.IGNORECASE)
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_LONG = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_SECONDS = {"d": 86400.0, "h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


def parse_memory(text: str | int | float, *, unit: int = 1) -> int:
    """Bytes of ``"20g"`` (20 GiB), ``"512 MB"`` (MiB too) or a bare number.

    Parameters
    ----------
    text : str, int or float
        The amount; ``k m g t`` are binary, as in Slurm.
    unit : int, default 1
        What a bare number counts, in bytes (Slurm's ``mem`` counts MiB).

    Raises
    ------
    InvalidRequest
        The text is not an amount of memory.
    """
    match = _MEMORY.fullmatch(str(text))
    if match is None:
        raise InvalidRequest(f'{text!r} is not an amount of memory; write for instance "20g" or "512m".')
    number, letter = float(match[1]), match[2].lower()
    bare = not letter and not match[3]
    return int(number * (unit if bare else _UNITS[letter]))


def parse_duration(text: str | float | timedelta) -> float:
    """Seconds of ``"1h"``, ``"1h30m"``, ``"04:00:00"``, ``"2-12:00:00"``, ``"P0DT1H"``, a timedelta or a number.

    Raises
    ------
    InvalidRequest
        The text is not a duration.
    """
    if isinstance(text, timedelta):
        return text.total_seconds()
    if isinstance(text, int | float):
        return float(text)
    stripped = text.strip()
    for read in (_iso_seconds, _clock_seconds, _short_seconds):
        seconds = read(stripped)
        if seconds is not None:
            return seconds
    raise InvalidRequest(f'{text!r} is not a duration; write for instance "1h", "04:00:00" or "P0DT1H".')


def _iso_seconds(text: str) -> float | None:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (float(group or 0) for group in match.groups())
    return ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds


def _clock_seconds(text: str) -> float | None:
    """Slurm's ``[D-]H[:M[:S]]``; without days, ``M:S`` are minutes and seconds."""
    match = _CLOCK.fullmatch(text)
    if match is None or (match[1] is None and match[3] is None):
        return None
    days, first, second, third = (int(group) if group else 0 for group in match.groups())
    if match[1] is not None or match[4] is not None:
        return float(days * 86400 + first * 3600 + second * 60 + third)
    return float(first * 60 + second)


def _short_seconds(text: str) -> float | None:
    parts = _SHORT.findall(text)
    if not parts or _SHORT.sub("", text).strip():
        return None
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts)


def format_memory(amount: float) -> str:
    """A short text of an amount in bytes: ``"3 MB"``, ``"1.5 GB"``, binary as Slurm counts."""
    size, unit = float(amount), "B"
    for name in ("kB", "MB", "GB", "TB"):
        if abs(size) < 1024:
            break
        size, unit = size / 1024, name
    return f"{size:.0f} {unit}" if size >= 10 or size == int(size) else f"{size:.1f} {unit}"


def format_binary(amount: float) -> str:
    """An amount in bytes in the unit that a limit is told in: ``"31 GiB"``, ``"80 MiB"``."""
    return f"{amount / GIB:.4g} GiB" if amount >= GIB else f"{amount / MIB:.4g} MiB"


def format_duration(seconds: float) -> str:
    """A short text of seconds: ``"0.4 s"``, ``"12 s"``, ``"3 min 20 s"``, ``"1 h 05 min"``, ``"2 d 3 h"``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def format_range(least: float, most: float) -> str:
    """A short text of what lies between two durations in seconds: ``"38 to 44 s"``, ``"1.5 to 2 h"``."""
    if math.isinf(most):
        return f"over {format_range(least, least)}"
    size, unit = next((pair for pair in _LONG if most >= 2 * pair[0]), _LONG[-1])
    low, high = (_rounded(seconds / size) for seconds in (least, most))
    return f"{high} {unit}" if low == high else f"{low} to {high} {unit}"


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")


def counted(n: int, what: str) -> str:
    """Say how many of something there are: ``"1 job"``, ``"2,000 jobs"``."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def clock(seconds: float) -> str:
    """Seconds as Slurm's ``[D-]HH:MM:SS``."""
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    text = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text
