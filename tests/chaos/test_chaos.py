"""A short chaos on each database goes well; and the oracle complains where it should."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from services.early import ASKED

from chaos import oracle, schedule
from chaos.harness import Harness
from chaos.oracle import Verdict
from chaos.schedule import Planned
from chaos.sites import SITES

SEED = 7
#: Seconds between two faults on average.
PAUSE = 0.4

slow = pytest.mark.skipif(ASKED not in os.environ, reason=f"takes a minute: set {ASKED}=1")


def verdict(
    database: str, folder: Path, *, jobs: int, faults: Sequence[Planned] | int, bug: str | None = None, limit: float
) -> Verdict:
    """Run chaos, say what happened, and judge it."""
    with SITES[database](folder, bug) as site:
        planned = schedule.drawn(SEED, list(site.kinds), faults, PAUSE) if isinstance(faults, int) else faults
        course = Harness(site, SEED, jobs, planned, limit).run()
        found = oracle.judge(site, course)
        print(oracle.report(course, found))
    assert not course.refused
    return found


@pytest.mark.postgres
@pytest.mark.slurm
@pytest.mark.timeout(300)
def test_a_short_one_on_slurm(needs_slurm: None, postgres_server: object, tmp_path: Path) -> None:
    """One fault of each kind: nothing is lost, doubled or stuck."""
    assert verdict("postgresql", tmp_path / "chaos", jobs=200, faults=16, limit=150).complaints == []


@pytest.mark.timeout(200)
def test_a_short_one_on_sqlite(tmp_path: Path) -> None:
    """A fault of each kind: nothing is lost, doubled or stuck."""
    assert verdict("sqlite", tmp_path / "chaos", jobs=200, faults=9, limit=100).complaints == []


def several(kind: str, count: int, first: float = 4.0, pause: float = 3.0) -> list[Planned]:
    """So many long faults of a kind."""
    return [Planned(first + pause * number, kind, 1.0, 0.37 * number % 1, True) for number in range(count)]


@slow
@pytest.mark.postgres
@pytest.mark.slurm
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("bug", "faults", "complaint"),
    [
        ("claims are never freed", several("worker killed", 2), "stuck"),
        ("claims of the living are freed", several("worker stopped", 4), "doubled"),
        ("a completion counts twice", several("worker stopped", 6), "doubled"),
    ],
)
def test_a_mistake_with_leases_is_found(
    needs_slurm: None, postgres_server: object, tmp_path: Path, bug: str, faults: list[Planned], complaint: str
) -> None:
    """Where claims are not freed, or too early, or completions are not idempotent."""
    found = verdict("postgresql", tmp_path / "chaos", jobs=200, faults=faults, bug=bug, limit=60)
    assert getattr(found, complaint)


@slow
@pytest.mark.timeout(100)
def test_an_overlooked_change_is_found(tmp_path: Path) -> None:
    """Jobs that have run keep the results of parameters that they have no more."""
    edits = several("reinitialized", 3, first=3.0, pause=1.0)
    found = verdict("sqlite", tmp_path / "chaos", jobs=200, faults=edits, bug="a change is overlooked", limit=60)
    assert found.lost
    assert not found.doubled
    assert not found.stuck


@slow
@pytest.mark.timeout(200)
def test_a_dropped_spool_is_found(tmp_path: Path) -> None:
    """Workers that are killed late in an outage have ended jobs that nobody else knows of."""
    outages = [Planned(at, "file locked", 1.0, 0.0, True) for at in (4.0, 16.0, 28.0)]
    kills = [
        Planned(outage.at + 4.3, "worker killed", 1.0, choice, False) for outage in outages for choice in (0.1, 0.5)
    ]
    faults = sorted(outages + kills, key=lambda planned: planned.at)
    found = verdict("sqlite", tmp_path / "chaos", jobs=400, faults=faults, bug="a spool is dropped", limit=120)
    assert found.doubled
