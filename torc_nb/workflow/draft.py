"""What was typed into a table of parameters and is not stored yet: cell by cell, with the steps back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

#: A cell: the job of its row, and its column.
Place = tuple[int, Hashable]


class Typed(NamedTuple):
    """What was typed into a cell.

    Attributes
    ----------
    text
        As it was typed.
    value
        As it was read; None where it was refused.
    refusal
        Why it cannot be what the parameter is; "" where it can.
    base
        What was stored there when it was typed: where something else is by now, somebody else changed it.
    """

    text: str
    value: Any
    refusal: str
    base: Any


#: Cells, each with what stands in it from now on; None: what is stored.
Step = Mapping[Place, Typed | None]


class Draft:
    """The edits of a table, and how to take them back."""

    def __init__(self) -> None:
        self._cells: dict[Place, Typed] = {}
        self._rows: dict[int, set[Hashable]] = {}
        self._back: list[Step] = []
        self._forth: list[Step] = []

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[tuple[Place, Typed]]:
        return iter(list(self._cells.items()))

    def get(self, place: Place) -> Typed | None:
        """Return what was typed into a cell."""
        return self._cells.get(place)

    def jobs(self) -> list[int]:
        """Return the jobs whose rows were edited."""
        return sorted(self._rows)

    def of_job(self, job_id: int) -> dict[Hashable, Typed]:
        """Return what was typed into a row, by its columns."""
        return {column: self._cells[job_id, column] for column in self._rows.get(job_id, ())}

    @property
    def refused(self) -> int:
        """How many cells hold what their parameters cannot be."""
        return sum(bool(one.refusal) for one in self._cells.values())

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._back)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back last."""
        return bool(self._forth)

    def put(self, step: Step) -> None:
        """Type into cells, all in one step."""
        changed = {place: one for place, one in step.items() if self._cells.get(place) is not one}
        if changed:
            self._back.append(self._replace(changed))
            self._forth.clear()

    def undo(self) -> None:
        """Take the last step back."""
        if self._back:
            self._forth.append(self._replace(self._back.pop()))

    def redo(self) -> None:
        """Take again the step that was taken back last."""
        if self._forth:
            self._back.append(self._replace(self._forth.pop()))

    def revert(self) -> None:
        """Take everything back, in one step."""
        self.put(dict.fromkeys(self._cells))

    def forget(self, places: Iterable[Place]) -> None:
        """Drop edits that are stored by now; no step leads behind that."""
        self._replace(dict.fromkeys(places))
        self._back.clear()
        self._forth.clear()

    def _replace(self, step: Step) -> Step:
        """Bring cells to what a step says; returns the step back."""
        before = {place: self._cells.get(place) for place in step}
        for (job_id, column), one in step.items():
            if one is not None:
                self._cells[job_id, column] = one
                self._rows.setdefault(job_id, set()).add(column)
            elif self._cells.pop((job_id, column), None) is not None:
                self._rows[job_id].discard(column)
                if not self._rows[job_id]:
                    del self._rows[job_id]
        return before
