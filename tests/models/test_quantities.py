"""Memory and durations, read and shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_nb.errors import InvalidRequest
from torc_nb.models.quantities import (
    GIB,
    KIB,
    MIB,
    TIB,
    clock,
    format_duration,
    format_memory,
    parse_duration,
    parse_memory,
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("20g", 20 * GIB),
        ("20G", 20 * GIB),
        ("512 MB", 512 * MIB),
        ("1.5GiB", 3 * GIB // 2),
        ("4k", 4 * KIB),
        ("1t", TIB),
        ("7b", 7),
        (" 7 ", 7),
        (1024, 1024),
        ("0", 0),
    ],
)
def test_memory_is_binary(text: str | int, amount: int) -> None:
    """Letters count by 1024, as in Slurm and the original; bare numbers are bytes."""
    assert parse_memory(text) == amount


def test_a_bare_number_counts_the_callers_unit() -> None:
    """Slurm's ``mem`` means MiB; a unit given wins."""
    assert parse_memory("4000", unit=MIB) == 4000 * MIB
    assert parse_memory("4g", unit=MIB) == 4 * GIB
    assert parse_memory("5b", unit=MIB) == 5


@pytest.mark.parametrize("text", ["", "g", "-1g", "1 gig", "1e3", "1,5g", "nan", "1g2m"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    """The message shows what was given and how to write it."""
    with pytest.raises(InvalidRequest, match="20g"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h", 3600),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("90s", 90),
        ("2d", 172800),
        ("04:00:00", 14400),
        ("2-12:00:00", 216000),
        ("2-12", 216000),
        ("30:00", 1800),
        ("P0DT1H", 3600),
        ("PT1M30.5S", 90.5),
        ("P1W", 604800),
        ("p1dt0h", 86400),
        (timedelta(minutes=2), 120),
        (12.5, 12.5),
        ("0.5h", 1800),
    ],
)
def test_durations_in_every_dress(text: str | float | timedelta, seconds: float) -> None:
    """Short, Slurm's, ISO 8601, timedelta and bare numbers."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1 fortnight", "P", "PT", "1:2:3:4", "12", "h", "-1h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A bare number as text is refused too: minutes or seconds, nobody knows."""
    with pytest.raises(InvalidRequest, match="04:00:00"):
        parse_duration(text)


@given(st.integers(0, 10**7))
def test_a_clock_reads_back(seconds: int) -> None:
    """What Slurm is given is what was asked."""
    assert parse_duration(clock(seconds)) == seconds


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 kB"), (1536, "1.5 kB"), (3 * MIB, "3 MB"), (31 * GIB + MIB, "31 GB")],
)
def test_memory_is_shown_shortly(amount: int, text: str) -> None:
    """Two figures at most below ten, whole numbers above."""
    assert format_memory(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (12.4, "12 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 00 min"),
        (3599.9, "1 h 00 min"),
        (86400, "1 d 0 h"),
        (183600, "2 d 3 h"),
    ],
)
def test_durations_are_shown_shortly(seconds: float, text: str) -> None:
    """Two units at most, and no sixty seconds."""
    assert format_duration(seconds) == text
