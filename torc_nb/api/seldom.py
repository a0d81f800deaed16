"""Answers that take long, for views that ask again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from torc_nb.store import Database

#: The share of time that one of them may take while a view asks again and again.
SHARE = 0.05

#: How many answers are remembered.
MOST = 20

Answer = TypeVar("Answer")


class _Known(NamedTuple, Generic[Answer]):
    stands: object
    until: float
    answer: Answer


class Seldom(Generic[Answer]):
    """A question about a workflow that is put to the database only where something moved, and not too often.

    Parameters
    ----------
    ask
        Puts it: called with the database, the workflow's id, and what else it is about.
    most
        How many answers are remembered.
    """

    def __init__(self, ask: Callable[..., Answer], most: int = MOST) -> None:
        self._ask = ask
        self._most = most
        self._known: dict[Hashable, _Known[Answer]] = {}
        self._asking: dict[Hashable, Lock] = {}

    def __call__(self, database: Database, workflow_id: int, *about: Hashable, stands: object, is_over: bool) -> Answer:
        """Return the answer, which may be a little old while jobs run.

        Parameters
        ----------
        about
            What the question is about besides.
        stands
            How the workflow stands: as long as that is equal, the answer is.
        is_over
            Whether it stays so: then the answer is exact.
        """
        key = (database.url, workflow_id, *about)
        with self._asking.setdefault(key, Lock()):  # who asks the same meanwhile waits for the answer
            known = self._known.get(key)
            now = time.monotonic()
            if known is not None and (known.stands == stands or (now < known.until and not is_over)):
                return known.answer
            answer = self._ask(database, workflow_id, *about)
            took = time.monotonic() - now
            self._known[key] = _Known(stands, now + took / SHARE, answer)
        self._forget()
        return answer

    def _forget(self) -> None:
        for key in list(self._known)[: -self._most]:
            self._known.pop(key, None)
            self._asking.pop(key, None)
