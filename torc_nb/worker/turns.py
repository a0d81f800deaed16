"""Whose turn it is: jobs that need much of a node are not passed over for ever by those that need little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from torc_nb.store.counts import Group

#: How often in a row a worker passes over what is too large for the places that are free just then, though its node
#: could hold it. After that it begins nothing that comes later until it fits.
ROUNDS = 200


class Turns:
    """How often a worker has passed over each group since it last took jobs of it."""

    def __init__(self) -> None:
        self._passed: Counter[Group] = Counter()

    def served(self, group: Group, passed: Iterable[Group]) -> None:
        """Note that there is a place for jobs of a group, and that there was none for these before it."""
        self._passed.update(passed)
        self._passed.pop(group, None)

    def is_due(self, group: Group) -> bool:
        """Whether a group was passed over often enough."""
        return self._passed[group] >= ROUNDS
