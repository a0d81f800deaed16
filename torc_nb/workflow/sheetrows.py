"""The rows of a grid as plain data: what is stored, what was typed over it, and what is to be said of each cell."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from torc_nb.models import JobStatus
from torc_nb.values import Opaque, text_of
from torc_nb.workflow.draft import Draft, Place
from torc_nb.workflow.sheet import ABSENT, CUT, LONGEST, Sheet, Stored, short

#: What is said of a row: its job would run again, or begins with what was typed.
AGAIN, ONCE = "again", "once"


class Rows:
    """Puts rows together for a front end, which decides nothing: all that it shows are texts.

    Attributes
    ----------
    conflicts
        The cells that somebody else changed after something was typed there, with what stands there by now.
    affected
        The jobs that would run again, or wait for such ones, as was found last.
    """

    def __init__(self, sheet: Sheet, draft: Draft) -> None:
        self._sheet = sheet
        self._draft = draft
        self.conflicts: dict[Place, Any] = {}
        self.affected: Any = ()

    def shown(self, jobs: Sequence[int], places: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of some jobs, which have these places in the map."""
        stored = self._sheet.show(jobs)
        return [
            self._row(stored[job_id], place) if job_id in stored else _gone(job_id)
            for job_id, place in zip(jobs, places, strict=True)
        ]

    def text(self, row: Stored, column: Hashable) -> str | None:
        """Return what stands in a cell, as it could be typed; None where it cannot."""
        mine = self._draft.get((row.job_id, column))
        if mine is not None:
            return mine.text
        cell = _stored_cell(self._sheet.cells(row).get(str(column), ABSENT))
        return None if "fixed" in cell else cell["text"]

    def _row(self, row: Stored, place: int) -> dict[str, Any]:
        values = self._sheet.cells(row)
        typed = self._draft.of_job(row.job_id)
        is_changed = any(not one.refusal for one in typed.values())
        again = row.job_id in self.affected
        return {
            "job": row.job_id,
            "label": self._sheet.label(row, place),
            "status": self._sheet.status(row),
            "state": AGAIN if again else ONCE if is_changed and JobStatus(row.status).is_finished is False else "",
            "cells": [self._cell((row.job_id, name), values.get(str(name), ABSENT)) for name in self._sheet.columns],
        }

    def _cell(self, place: Place, value: Any) -> dict[str, Any]:
        cell = _stored_cell(value)
        if place in self._sheet.changed_by_others:
            cell["before"] = self._sheet.changed_by_others[place]
        mine = self._draft.get(place)
        if mine is None:
            return cell
        shown: dict[str, Any] = {"text": mine.text, "was": short(value), "kind": cell["kind"]}
        if mine.refusal:
            shown["refusal"] = mine.refusal
        if place in self.conflicts:
            shown["theirs"] = short(value)
        return shown


def _stored_cell(value: Any) -> dict[str, Any]:
    """What a cell shows where nothing was typed: its text, of what kind it is, and why it is not typed over."""
    if value is ABSENT:
        return {"text": "", "kind": "absent"}
    text = text_of(value)
    if text is None or isinstance(value, Opaque):
        return {
            "text": repr(value)[:CUT],
            "kind": "object",
            "fixed": "It is shown, and not typed over, in a cell: m.modify(df).",
        }
    if len(text) > LONGEST:
        size = f"{len(text):,} characters are too many for a cell: m.modify(df)."
        return {"text": f"{text[:CUT]}…", "kind": "text", "fixed": size}
    return {"text": text, "kind": _kind(value)}


def _kind(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "text"


def _gone(job_id: int) -> dict[str, Any]:
    return {"job": job_id, "label": "", "status": "gone", "state": "", "cells": []}
