"""One database that is open, and the few threads in which it is asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from torc_nb.api import Api
from torc_nb.errors import DatabaseUnavailable
from torc_nb.store import Database

Answer = TypeVar("Answer")

#: How many questions one database is asked at a time, and how many more may wait for their turn.
AT_ONCE, WAITING = 4, 32


class Room:
    """Where a database is asked; what hangs there keeps nobody waiting elsewhere.

    Parameters
    ----------
    url
        What names the database; it is opened at the first question, and has to be there.
    place
        What it is called in errors.
    """

    def __init__(self, url: str, place: str) -> None:
        self.used = time.monotonic()
        self.under_way = 0
        self._url = url
        self._place = place
        self._api: Api | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="torc-nb")

    async def ask(self, question: Callable[[Api], Answer], patience: float | None) -> Answer:
        """Put a question in a thread.

        Parameters
        ----------
        patience
            How long to wait for the answer, in seconds; None: as long as it takes.

        Raises
        ------
        DatabaseUnavailable
            There is no answer in time, or too many questions wait.
        """
        if self.under_way >= AT_ONCE + WAITING:
            raise DatabaseUnavailable(f"{self._place} is busy: {self.under_way} questions wait. Ask again in a while.")
        self.under_way += 1
        answer = asyncio.get_running_loop().run_in_executor(self._threads, self._answer, question)
        answer.add_done_callback(self._leave)
        done, _ = await asyncio.wait([answer], timeout=patience)
        if not done:
            answer.cancel()  # what waits for its turn needs none any more; what has begun ends by itself
            raise DatabaseUnavailable(f"{self._place} has not answered for {patience:.0f} s. Ask again in a while.")
        return await answer

    def close(self) -> None:
        """Close the database; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._api is not None:
            self._api.database.close()

    def _answer(self, question: Callable[[Api], Answer]) -> Answer:
        with self._opening:
            if self._api is None:
                self._api = Api(Database.open(self._url, create=False), has_code=False)
        self._api.database.check_exists()
        return question(self._api)

    def _leave(self, answer: asyncio.Future[Answer]) -> None:
        self.under_way -= 1
        self.used = time.monotonic()
        if not answer.cancelled():
            answer.exception()  # of one that nobody waits for any more, too
