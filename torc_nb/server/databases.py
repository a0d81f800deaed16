"""The databases of a server: seen in passing by all, opened by whoever looks into one, closed when nobody does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from torc_nb.api import Api
from torc_nb.errors import NotFound
from torc_nb.server.lookout import Lookout
from torc_nb.server.room import Room
from torc_nb.server.sources import Source

Answer = TypeVar("Answer")

#: How long a list waits for a database that does not answer, in seconds; one that comes later is in the next list.
GLANCE = 2.0
#: How long a request waits for an answer, in seconds.
PATIENCE = 30.0
#: After so many seconds without a question a database is closed; how often it is looked after that.
IDLE, SWEEP = 300.0, 60.0
#: How many databases are looked into at a time: one that hangs holds one of these threads.
_LOOKING = 16


class Databases:
    """All databases that a server knows.

    Parameters
    ----------
    sources
        Returns what names them; called in a thread, each time they are listed.
    """

    def __init__(self, sources: Callable[[], list[Source]]) -> None:
        self._sources = sources
        self._lookouts: dict[Source, Lookout] = {}
        self._rooms: dict[str, Room] = {}
        self._threads = ThreadPoolExecutor(_LOOKING, thread_name_prefix="torc-nb looking")
        self._sweep: asyncio.TimerHandle | None = None

    async def look(self) -> list[Lookout]:
        """Look into all of them, side by side, and return those that are there."""
        named = await asyncio.get_running_loop().run_in_executor(self._threads, self._sources)
        self._lookouts = {source: self._lookouts.get(source) or Lookout(source) for source in named}
        looks = [one.look(self._threads) for one in self._lookouts.values()]
        if looks:
            await asyncio.wait(looks, timeout=GLANCE)
        for one in self._lookouts.values():
            if one.is_looking:
                one.trouble = f"{one.place} does not answer; it is asked again and again."
        return self._there()

    async def ask(
        self, database_id: str, question: Callable[[Api], Answer], *, patience: float | None = PATIENCE
    ) -> Answer:
        """Ask one of them, in a thread.

        Raises
        ------
        NotFound
            There is none of that id.
        DatabaseError
            It cannot be opened, or does not answer.
        """
        room = self._rooms.get(database_id) or await self._enter(database_id)
        return await room.ask(question, patience)

    def close(self) -> None:
        """Close all that is open."""
        if self._sweep is not None:
            self._sweep.cancel()
        for room in self._rooms.values():
            room.close()
        self._rooms.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, database_id: str) -> Room:
        known = next((one for one in self._there() if one.id == database_id), None)
        if known is None:
            known = next((one for one in await self.look() if one.id == database_id), None)
        if known is None:
            raise NotFound(
                f"There is no database {database_id[:40]!r} here; GET torc-nb/databases lists those there are."
            )
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP, self._close_idle)
        return self._rooms.setdefault(database_id, Room(known.url, known.place))

    def _there(self) -> list[Lookout]:
        """Return each once: the same one may be named in several ways."""
        return list({one.id: one for one in reversed(self._lookouts.values()) if one.is_listed}.values())[::-1]

    def _close_idle(self) -> None:
        since = time.monotonic() - IDLE
        for database_id, room in list(self._rooms.items()):
            if not room.under_way and room.used < since:
                del self._rooms[database_id]
                room.close()
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(SWEEP, self._close_idle) if self._rooms else None
