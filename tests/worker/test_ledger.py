"""The ledger's thread notices that there is work, whatever else it is about at that moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from store.scene import completion

from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import Claim, Introduction, Room
from torc_nb.store import leases, machine, runtimes
from torc_nb.store.spool import Spool
from torc_nb.worker import ledger as module
from torc_nb.worker import outlook
from torc_nb.worker.appetite import Appetite
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.backlog import Backlog
from torc_nb.worker.beginning import Beginning
from torc_nb.worker.ledger import Ledger

from .conftest import Site


class Desk:
    """A worker that is nothing but its ledger."""

    def __init__(self, site: Site) -> None:
        self.site = site
        who = Introduction(site.id, "here", os.getpid(), machine.boot_id(), machine.process_start(), num_cpus=2)
        self.worker = leases.join(site.database, who)
        self.assignments = Assignments(site.database, site.id)
        backlog = Backlog(Spool(site.files, self.worker.id))
        beginning = Beginning(site.database, self.worker, self.assignments, Room(2, 1 << 30), "here")
        self.ledger = Ledger(site.database, self.worker, self.assignments, backlog, beginning, lambda: None)
        self.ledger.start()
        self.claims: list[Claim] = []

    def ask(self, time_left: float | None = None, of: float | None = None, memory: int = 1 << 30) -> None:
        """Ask for jobs for two CPUs, with so many seconds left of a walltime."""
        whole, free = Room(2, 1 << 30, 0, of), Room(2, memory, 0, time_left)
        self.ledger.ask(Appetite(whole, free, {}, {}, self.assignments.request, self.assignments.outlook))

    def hear(self) -> module.News:
        """Take the news."""
        news = self.ledger.news()
        self.claims += news.claims
        return news


@pytest.fixture
def desk(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A ledger that does not look by itself every few seconds."""
    monkeypatch.setattr(module, "HEARTBEAT", 1000.0)
    made = Desk(any_site)
    yield made
    made.ledger.finish()
    for thread in threading.enumerate():
        if thread.name == "collection":  # it reads what a postprocess is given, and a worker's end would end it
            thread.join()


def test_work_that_came_while_nothing_was_asked_for_is_found(desk: Desk) -> None:
    """A change that is noticed when the worker has no room, and says something else, is not forgotten."""
    site = desk.site
    desk.ask()
    site.until(lambda: not desk.hear().may_get_work)
    desk.ledger.ask(None)
    site.map(lambda row: row, range(2))
    site.until(lambda: desk.ledger._others_changed_it)
    desk.ledger.mark_started([Claim(10**6, 1, 1, 1, 0, 1, 1, 0, "0", b"")])  # something to say
    site.until(lambda: not desk.ledger._errand.begun)
    desk.ask()
    site.until(lambda: desk.hear() and len(desk.claims) == 2, 5)


def test_the_loop_is_woken_for_what_an_end_released(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited for a job is ready once its end is written, and the loop, told at once, asks for it."""
    site = desk.site
    site.map(lambda row: row, range(1), postprocess=len)
    desk.ask()
    site.until(lambda: desk.hear() and len(desk.claims) == 1)
    rung = threading.Event()
    monkeypatch.setattr(desk.ledger, "_wake", rung.set)
    desk.ledger.record([completion(desk.claims[0], value="0")], urgent=True)
    assert rung.wait(10)
    desk.ask()
    site.until(lambda: desk.hear() and len(desk.claims) == 2, 5)


def test_an_outage_of_any_length_is_waited_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After thousands of attempts that failed, the next is made as after the first."""
    monkeypatch.setattr(module, "SHORTEST_WAIT", 1e-5)
    monkeypatch.setattr(module, "LONGEST_WAIT", 1e-4)
    monkeypatch.setattr(module, "LOOK", 1e-4)
    attempts = 0
    exchange = desk.ledger._exchange

    def fail_at_first(*errand: object) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts <= 3000:
            raise DatabaseUnavailable("The database does not answer")
        return exchange(*errand)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.ledger, "_exchange", fail_at_first)
    desk.site.map(lambda row: row, range(2))
    desk.ask()
    desk.site.until(lambda: desk.hear() and len(desk.claims) == 2)
    assert attempts > 3000


def test_what_took_longer_than_what_is_left_is_not_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no runtime was given, others of the map say what to expect; a worker that has just begun tries it."""
    monkeypatch.setattr(outlook, "LASTS", 0.0)
    site = desk.site
    site.map(lambda row: row, range(runtimes.FEWEST + 1))
    while len(desk.claims) < runtimes.FEWEST:
        desk.ask(50.0, 3600.0)  # nothing is known yet
        n = len(desk.claims)
        site.until(lambda n=n: desk.hear() and len(desk.claims) > n)
    desk.ledger.record([completion(one, seconds=60.0) for one in desk.claims], urgent=True)
    site.until(lambda: site.statuses() == {"completed": runtimes.FEWEST, "ready": 1})
    desk.ask(50.0, 3600.0)
    site.until(lambda: not desk.ledger._others_changed_it and desk.ledger._unfit == (2, 1 << 30, 0))
    assert len(desk.claims) == runtimes.FEWEST
    desk.ask(50.0, 50.0, memory=1 << 29)  # what was found unfit for a room is not asked for again till anything changes
    site.until(lambda: desk.hear() and len(desk.claims) == runtimes.FEWEST + 1)
