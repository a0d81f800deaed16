"""A map's parameters while they are edited in a grid: what was typed is read, compared, counted, and then applied.

It has no rules of its own: what cells may hold, and what meets another's change, is as ``modify`` has it.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torc_nb.api import Api
from torc_nb.api.changing import Foreseen
from torc_nb.api.inputs import Edit
from torc_nb.errors import Conflict, InvalidRequest, ReadOnly, TorcError
from torc_nb.frames.edits import Cell
from torc_nb.models.sentences import sentence
from torc_nb.values import equal, typed
from torc_nb.widgets.grid import Block
from torc_nb.workflow.draft import Draft, Place, Typed
from torc_nb.workflow.modifying import check_has_own_rows, what_changed
from torc_nb.workflow.sheet import ABSENT, Sheet, Stored
from torc_nb.workflow.sheetrows import Rows

#: Rows read at a time.
_PIECE = 5000

#: At most so many rows are sent at once.
_PAGE = 1000

#: From so many rows it is learned which types stand in a column.
_LEARNED = 500

#: What changes rows under the eyes of who edits them.
_EVENTS = ("user data modified", "map declared")


class Changed(NamedTuple):
    """A row with what was typed into it: as a change to be written, and its changed cells."""

    edit: Edit
    cells: list[Cell]


class Editing:
    """The parameters of one map, as somebody edits them.

    Rows are named by their jobs, columns by their numbers. It may be called from several threads.

    Raises
    ------
    InvalidRequest
        The rows are what another map's jobs return.
    """

    def __init__(self, api: Api, workflow_id: int, name: str) -> None:
        map_ = api.get_map(workflow_id, name)
        check_has_own_rows(map_)
        self._api = api
        self._workflow_id = workflow_id
        self._name = name
        self._map_id = map_.id
        self._lock = threading.RLock()
        self._sheet = Sheet(api, workflow_id, map_)
        self._draft = Draft()
        self._rows = Rows(self._sheet, self._draft)
        self._chosen: dict[int, int] | None = None  # jobs whose rows alone are shown, and the places of these
        self._samples: dict[Hashable, dict[type, Any]] = {}
        self._seen = self._stand()

    # What is shown.

    def head(self) -> dict[str, Any]:
        """Return what stands above the rows, as plain data."""
        with self._lock:
            return {
                "title": self._name,
                "index": self._sheet.index_names,
                "columns": self._sheet.labels,
                "rows": len(self._shown()),
                "total": len(self._sheet.jobs),
                "only_changed": self._chosen is not None,
                "fixed": self._why_fixed(),
            }

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Return rows from one place to another, as plain data."""
        with self._lock:
            stop = min(stop, start + _PAGE, len(self._shown()))
            places = range(start, stop) if self._chosen is None else list(self._chosen.values())[start:stop]
            return self._rows.shown(self._shown()[start:stop], places)

    def _shown(self) -> Sequence[int]:
        return self._sheet.jobs if self._chosen is None else list(self._chosen)

    def _why_fixed(self) -> str:
        """Why nothing can be changed; "" where it can."""
        try:
            self._api.database.check_writable()
        except ReadOnly as error:
            return str(error)
        return ""

    def show_changed(self, only: bool) -> None:
        """Show only the rows that are changed by now, by whomever, or all of them."""
        with self._lock:
            changed = {*self._draft.jobs(), *(job_id for job_id, _ in self._sheet.changed_by_others)}
            places = {job_id: place for place, job_id in enumerate(self._sheet.jobs) if job_id in changed}
            self._chosen = places if only else None

    # What is typed.

    def type(self, cells: Sequence[tuple[int, int, str]]) -> str:
        """Take what was typed into cells, (job, number of the column, text); says what of it was refused, and why."""
        with self._lock:
            return self._put({(job_id, self._sheet.columns[column]): text for job_id, column, text in cells})

    def paste(self, block: Block, text: str) -> str:
        """Take cells as spreadsheets put them on the clipboard; one value fills all that is selected.

        Returns
        -------
        str
            What was refused, and what did not fit; "" where nothing was.
        """
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t")) or [[""]]
        if len(lines) == 1 and len(lines[0]) < 2:
            lines = [(lines[0] or [""]) * block.width] * block.height
        width = max(map(len, lines))
        with self._lock:
            jobs = self._selected(block)[: len(lines)]
            columns = self._sheet.columns[block.column : block.column + width]
            refused = self._put(
                {
                    (job_id, name): cell
                    for job_id, cells in zip(jobs, lines, strict=False)
                    for name, cell in zip(columns, cells, strict=False)
                }
            )
            below, beside = len(lines) - len(jobs), width - len(columns)
            parts = [f"{n} {what}" for n, what in ((below, "row(s) below"), (beside, "column(s) beside")) if n > 0]
            beyond = f"{' and '.join(parts)} the table were left out." if parts else ""
            return " ".join(one for one in (refused, beyond) if one)

    def fill(self, block: Block) -> str:
        """Give all selected rows what stands in the first of them; says what was refused."""
        with self._lock:
            first, *others = self._selected(block)[: block.height]
            columns = self._sheet.columns[block.column : block.column + block.width]
            stored = self._sheet.read([first])
            if first not in stored:
                raise Conflict(_MOVED)
            texts = {name: self._rows.text(stored[first], name) for name in columns}
            if cut := [str(name) for name, text in texts.items() if text is None]:
                raise InvalidRequest(f"{cut[0]} of this row cannot be typed, and so not filled in below: m.modify(df).")
            return self._put({(job_id, name): text or "" for job_id in others for name, text in texts.items()})

    def _selected(self, block: Block) -> Sequence[int]:
        """The jobs from the first row of a block on, if that is still where the front end has it."""
        found = self._shown()[block.row :]
        if not len(found) or found[0] != block.job:
            raise Conflict(_MOVED)
        return found

    def undo(self) -> None:
        """Take the last step back."""
        with self._lock:
            self._draft.undo()

    def redo(self) -> None:
        """Take again the step that was taken back last."""
        with self._lock:
            self._draft.redo()

    def revert(self) -> None:
        """Take back all that was typed, and show as usual what others changed."""
        with self._lock:
            self._draft.revert()
            self._sheet.changed_by_others.clear()

    def settle(self, job_id: int, column: int, keep: bool) -> None:
        """Where somebody else changed a cell meanwhile: keep what was typed, or take what they wrote."""
        with self._lock:
            place = (job_id, self._sheet.columns[column])
            mine, row = self._draft.get(place), self._sheet.read([job_id]).get(job_id)
            if mine is None or row is None:
                return
            now = self._sheet.parts(self._sheet.values(row)).get(place[1], ABSENT)
            self._draft.put({place: mine._replace(base=now) if keep else None})
            self._rows.conflicts.pop(place, None)

    def _put(self, texts: Mapping[Place, str]) -> str:
        self._api.database.check_writable()
        if not self._samples:
            self._learn_first()
        step: dict[Place, Typed | None] = {}
        by_job: dict[int, list[tuple[Hashable, str]]] = {}
        for (job_id, column), text in texts.items():
            by_job.setdefault(job_id, []).append((column, text))
        for rows in self._pieces(sorted(by_job)):
            for row in rows.values():
                step |= self._read(row, by_job[row.job_id])
        self._draft.put(step)
        for place in step:
            self._rows.conflicts.pop(place, None)
        refusals = [one.refusal for one in step.values() if one is not None and one.refusal]
        if len(refusals) < 2:
            return "".join(refusals)
        return f"{len(refusals):,} cells were refused, as this one: {refusals[0]}"

    def _read(self, row: Stored, cells: Sequence[tuple[Hashable, str]]) -> dict[Place, Typed | None]:
        try:
            stored = self._sheet.parts(self._sheet.values(row))
        except TorcError as error:
            return {(row.job_id, column): Typed(text, None, str(error), ABSENT) for column, text in cells}
        self._learn(stored)
        return {(row.job_id, column): self._typed(stored.get(column, ABSENT), column, text) for column, text in cells}

    def _learn_first(self) -> None:
        for row in self._sheet.read(self._sheet.jobs[:_LEARNED]).values():
            try:
                self._learn(self._sheet.parts(self._sheet.values(row)))
            except TorcError:  # said where it is edited
                continue

    def _learn(self, stored: Mapping[Hashable, Any]) -> None:
        """Remember of which types the parameters of a column are."""
        for column, value in stored.items():
            self._samples.setdefault(column, {}).setdefault(type(value), value)

    def _typed(self, old: Any, column: Hashable, text: str) -> Typed | None:
        """What was typed as it is kept; None where it is what is stored."""
        others = list(self._samples.get(column, {}).values())
        alike = others if old is ABSENT else [old, *(one for one in others if type(one) is not type(old))]
        label = f"params.{column}" if self._sheet.kind == "positions" else str(column)
        try:
            value = typed(text, alike, label)
        except InvalidRequest as error:
            return Typed(text, None, str(error), old)
        return None if _same(old, value) else Typed(text, value, "", old)

    def _pieces(self, job_ids: Sequence[int]) -> Iterator[dict[int, Stored]]:
        for start in range(0, len(job_ids), _PIECE):
            yield self._sheet.read(job_ids[start : start + _PIECE])

    # What it comes to.

    def summary(self) -> dict[str, Any]:
        """Say which rows are changed and what would run again; nothing is written.

        It looks at the whole workflow, which may take seconds where that is large: other calls go on meanwhile.
        """
        with self._lock:
            changed, map_ = self._changed(), self._map()
            draft, conflicts, total = self._draft, len(self._rows.conflicts), len(self._sheet.jobs)
            said = {"undo": draft.can_undo, "redo": draft.can_redo, "cells": len(draft)}
            said |= {"refused": draft.refused, "conflicts": conflicts}
        if not changed:
            self._set_affected(())
            return said | {"rows": 0, "text": "Nothing is changed.", "effect": "", "question": "", "again": 0}
        foreseen = self._api.foresee(self._workflow_id, map_.function_id, [one.edit for one in changed])
        self._set_affected(foreseen.report.jobs)
        text = f"{len(changed):,} of {total:,} rows: {what_changed(one.cells for one in changed)}"
        effect = _effect(foreseen)
        status = self._api.progress(self._workflow_id)
        return said | {
            "rows": len(changed),
            "text": text,
            "effect": effect,
            "again": foreseen.report.affected,
            "notes": list(foreseen.report.notes),
            "question": f"Write {text}, and run again what that affects? {sentence(effect)}",
            "no_worker": not status.workers and not status.waiting,
            "is_local": all(one.kind != "slurm" for one in self._api.list_allocations(self._workflow_id)),
        }

    def _set_affected(self, jobs: Any) -> None:
        with self._lock:
            self._rows.affected = jobs

    def _map(self) -> Any:
        return self._api.get_map(self._workflow_id, self._name)

    def _changed(self) -> list[Changed]:
        """The rows into which something was typed that they can hold, as they now are but for that."""
        found = []
        for rows in self._pieces(self._draft.jobs()):
            for row in rows.values():
                new = {name: one.value for name, one in self._draft.of_job(row.job_id).items() if not one.refusal}
                if not new:
                    continue
                value = self._sheet.values(row)
                old = self._sheet.parts(value)
                cells = [Cell(name, old.get(name, ABSENT), one) for name, one in new.items()]
                found.append(Changed(Edit(row.job_id, row.rev, self._sheet.whole(value, new)), cells))
        return found

    def apply(self, start_worker: bool = False) -> str:
        """Write what was typed, run again what that affects, and say what was done.

        Parameters
        ----------
        start_worker
            Have a worker on this machine.

        Raises
        ------
        Conflict
            Somebody else changed some of these cells; nothing was written.
        InvalidRequest
            A cell holds what its parameter cannot be; nothing was written.
        """
        with self._lock:
            said = [self._write()]
            report = self._api.reinitialize(self._workflow_id)
            said += [report.sentence(), *report.notes]
            if start_worker:
                said.append(self._api.run(self._workflow_id).message)
            return ". ".join(one.rstrip(".") for one in said) + "."

    def _write(self) -> str:
        if self._draft.refused:
            raise InvalidRequest(f"{self._draft.refused} cell(s) were refused: correct them, or undo. {_NOTHING}")
        self._find_conflicts()
        if self._rows.conflicts:
            raise Conflict(_conflict(len(self._rows.conflicts)))
        changed = self._changed()
        outcome = self._api.modify_inputs(self._workflow_id, self._map().function_id, (one.edit for one in changed))
        self._draft.forget([place for place, _ in self._draft if place[0] in outcome.written])
        self._sheet.forget(outcome.written)
        if outcome.stale:  # in the very moments since they were read
            self._find_conflicts()
            written = f"The other {len(outcome.written):,} rows were written." if outcome.written else _NOTHING
            raise Conflict(f"{len(outcome.stale):,} row(s) were changed by somebody else just now. {written}")
        what = what_changed(one.cells for one in changed)
        return f"{len(changed):,} of {len(self._sheet.jobs):,} rows of {self._name}: {what}"

    # What others do meanwhile.

    def look(self) -> bool:
        """Look whether anybody changed anything since; returns whether something is to be shown anew."""
        stand = self._stand()
        with self._lock:
            before, self._seen = self._seen, stand
            if stand == before:
                return False
            self._sheet.renew_statuses()
            if stand[0] != before[0]:
                self._sheet.look_for_rows()
                self._find_conflicts()
            return True

    def _stand(self) -> tuple[Any, ...]:
        """What differs once anybody changed parameters, rows or statuses: cheap to ask."""
        self._api.database.check_exists()
        newest = self._api.list_events(self._workflow_id, 1, kinds=_EVENTS)
        return newest[-1].id if newest else 0, self._api.map_numbers(self._workflow_id, self._map_id)

    def _find_conflicts(self) -> None:
        """Compare what was stored when something was typed with what is stored now."""
        conflicts: dict[Place, Any] = {}
        for rows in self._pieces(self._draft.jobs()):
            for row in rows.values():
                now = self._sheet.parts(self._sheet.values(row))
                for column, mine in self._draft.of_job(row.job_id).items():
                    theirs = now.get(column, ABSENT)
                    if not _same(mine.base, theirs):
                        conflicts[row.job_id, column] = theirs
        alike = [place for place, theirs in conflicts.items() if self._is_what_was_typed(place, theirs)]
        gone = set(self._draft.jobs()) - {job_id for rows in self._pieces(self._draft.jobs()) for job_id in rows}
        if alike or gone:
            self._draft.forget([*alike, *(place for place, _ in self._draft if place[0] in gone)])
        self._rows.conflicts = {place: theirs for place, theirs in conflicts.items() if place not in alike}

    def _is_what_was_typed(self, place: Place, theirs: Any) -> bool:
        mine = self._draft.get(place)
        return mine is not None and not mine.refusal and _same(mine.value, theirs)


_NOTHING = "Nothing was written."
_MOVED = "Rows came or went in this very moment, so that others stand here now: try again."


def _effect(foreseen: Foreseen) -> str:
    """Say which jobs would run again, and which just begin with what is written."""
    report, n = foreseen
    parts = [report.sentence()] if report.affected else ["no job would run again"]
    if n:
        parts.append(f"{n:,} {'has not begun and takes' if n == 1 else 'have not begun and take'} it at once")
    return "; ".join(parts)


def _conflict(n: int) -> str:
    return (
        f"{n:,} cell(s) were changed by somebody else meanwhile: both values are shown there; keep yours or take "
        f"theirs. {_NOTHING}"
    )


def _same(old: Any, new: Any) -> bool:
    """Whether two values are stored as the same; an absent one is like no other."""
    if old is ABSENT or new is ABSENT:
        return old is new
    return equal(old, new)
