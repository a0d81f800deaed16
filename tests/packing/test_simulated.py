"""How long a thousand jobs take on many nodes, beside schedules made from lists with all run times at hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from torc_nb.models import Request, Room
from torc_nb.store.counts import Group
from torc_nb.worker import turns
from torc_nb.worker.appetite import Appetite
from torc_nb.worker.turns import Turns

from . import lists, mixes
from .simulator import simulate

#: Workers may take so many times as long as the schedule that they are compared with.
BAR = 1.05
#: So many jobs of a map have completed where what they took is to be observed.
ENDED_BEFORE = 12


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: the database of a simulation need not outlive it."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="torc-nb-", dir=memory if memory.is_dir() else None))
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize(("distribution", "nodes"), [("uniform", 4), ("lognormal", 32)])
def test_given_run_times_pack_like_the_best_list(distribution: str, nodes: int, folder: Path) -> None:
    """Where each map's longest run time is given, workers take hardly longer than the best of three lists."""
    mix = mixes.alike(distribution, seed=2)
    ran = simulate(f"sqlite:///{folder}/torc.db", folder, mix, nodes)
    assert ran.makespan <= BAR * lists.best(mix.jobs, nodes)[0]


@pytest.mark.parametrize(("distribution", "nodes"), [("heavy-tailed", 4)])
def test_observed_run_times_pack_like_the_best_list(distribution: str, nodes: int, folder: Path) -> None:
    """Where a dozen jobs of each map have completed, what they took serves as well."""
    mix = mixes.alike(distribution, seed=1, told=False)
    ran = simulate(f"sqlite:///{folder}/torc.db", folder, mix, nodes, ended_before=ENDED_BEFORE)
    assert ran.makespan <= BAR * lists.best(mix.jobs, nodes)[0]


@pytest.mark.parametrize(("distribution", "nodes"), [("lognormal", 4)])
def test_without_run_times_first_come_is_first_served(distribution: str, nodes: int, folder: Path) -> None:
    """Where nothing tells how long a job takes, others of its map neither, jobs begin as they were declared."""
    mix = mixes.unlike(distribution, seed=1)
    ran = simulate(f"sqlite:///{folder}/torc.db", folder, mix, nodes)
    assert ran.makespan <= BAR * lists.first_come(mix.jobs, nodes)


@pytest.mark.postgres
def test_workers_pack_alike_on_postgresql(postgres_url: str, folder: Path) -> None:
    """The other database gives the same jobs in the same order."""
    mix = mixes.alike("lognormal", seed=3)
    few = mixes.Mix([job for job in mix.jobs if job.map_number < 3], mix.runtimes)
    ran = simulate(postgres_url, folder, few, 4)
    assert ran.began == simulate(f"sqlite:///{folder}/torc.db", folder / "beside", few, 4).began


def test_what_is_passed_over_has_its_turn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that takes a whole node begins though small ones never leave one free by themselves."""
    monkeypatch.setattr(turns, "ROUNDS", 20)
    draw = [mixes.Work(1, 1, mixes.GIB, 10.0 + number % 7) for number in range(800)]
    mix = mixes.Mix([mixes.Work(0, 1, mixes.GIB, 5.0)] * 16 + [mixes.Work(2, 16, mixes.GIB, 60.0), *draw], {})
    mix = mixes.Mix(mix.jobs, {0: 1e6, 2: 1e5, 1: 1.0})  # the order in which they are asked about
    ran = simulate(f"sqlite:///{folder}/torc.db", folder, mix, 1)
    large = 17  # declared after the sixteen
    before = [job for _, job, _ in ran.began].index(large)
    assert before <= 16 + 20 + 16  # the first, a round each, and what ran meanwhile


class TestTurns:
    NODE = Room(16, 64 * mixes.GIB)
    SMALL, LARGE = Group(1, 1), Group(2, 2)
    ASKED: ClassVar = {1: Request(1, 0, mixes.GIB), 2: Request(12, 0, mixes.GIB)}

    def room(self, known: Turns, free: int) -> list[int]:
        """For how many of the large jobs, and then of the small ones, there is room where so many CPUs are free."""
        appetite = Appetite(self.NODE, Room(free, 64 * mixes.GIB), {}, {}, self.ASKED.__getitem__, turns=known)
        return [appetite.room_for(group, 100, 1) for group in (self.LARGE, self.SMALL)]

    def test_after_so_many_rounds_nothing_later_begins(self) -> None:
        """Each round the small ones go first since they fit; then the place is kept until the large one fits."""
        known = Turns()
        for _ in range(turns.ROUNDS):
            assert self.room(known, 2) == [0, 2]
        assert self.room(known, 2) == [0, 0]
        assert self.room(known, 11) == [0, 0]
        assert self.room(known, 13) == [1, 1]
        assert self.room(known, 2) == [0, 2]

    def test_what_the_node_never_holds_keeps_nothing(self) -> None:
        """A job larger than the node is no reason to wait."""
        known = Turns()
        for _ in range(turns.ROUNDS + 5):
            whole, free = Room(8, 64 * mixes.GIB), Room(2, mixes.GIB)
            appetite = Appetite(whole, free, {}, {}, self.ASKED.__getitem__, turns=known)
            assert [appetite.room_for(group, 100, 1) for group in (self.LARGE, self.SMALL)] == [0, 1]

