"""Answers that take long, for views that ask again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from torc_nb.store import Database

#: The share of time that one of them may take while a view asks again and again.
SHARE = 0.05

#: How many workflows are remembered.
_MOST = 20

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
        Puts it: called with the database and the workflow's id.
    """

    def __init__(self, ask: Callable[[Database, int], Answer]) -> None:
        self._ask = ask
        self._known: dict[tuple[str, int], _Known[Answer]] = {}

    def __call__(self, database: Database, workflow_id: int, stands: object, *, is_over: bool) -> Answer:
        """Return the answer, which may be a little old while jobs run.

        Parameters
        ----------
        stands
            How the workflow stands: as long as that is equal, the answer is.
        is_over
            Whether it stays so: then the answer is exact.
        """
        key = (database.url, workflow_id)
        known = self._known.get(key)
        now = time.monotonic()
        if known is not None and (known.stands == stands or (now < known.until and not is_over)):
            return known.answer
        answer = self._ask(database, workflow_id)
        took = time.monotonic() - now
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = _Known(stands, now + took / SHARE, answer)
        return answer
