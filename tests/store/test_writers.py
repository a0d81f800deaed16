"""Several writers of one SQLite file: none waits long for its turn."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sqlalchemy import text

from torc_nb.store import Database


def test_a_writer_finds_the_gaps_that_another_leaves(tmp_path: Path) -> None:
    """While one writes again and again with short gaps, another gets its turn in each of many attempts."""
    database = Database.open(tmp_path / "torc.db")
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            with database.write() as connection:
                connection.execute(text("UPDATE sequences SET next = next + 1"))
                time.sleep(0.02)
            time.sleep(0.004)

    busy = threading.Thread(target=keep_writing)
    busy.start()
    try:
        for _ in range(20):
            with database.write() as connection:
                connection.execute(text("UPDATE sequences SET next = next + 1000"))
    finally:
        stop.set()
        busy.join()
    assert database.take_ids("jobs", 1) > 20_000
    database.close()


def test_waiting_for_a_writer_leaves_the_connection_as_it_was(tmp_path: Path) -> None:
    """After a turn, readers of the same connection still wait for SQLite's locks as long as before."""
    database = Database.open(tmp_path / "torc.db")
    with database.write() as connection:
        connection.execute(text("UPDATE sequences SET next = next + 1"))
    with database.read() as connection:
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000
    database.close()
