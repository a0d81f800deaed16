"""``modify``: an edited table of parameters, of which only what changed is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from torc_nb.api import Api
from torc_nb.api.inputs import Edit, waits
from torc_nb.errors import Conflict, InvalidRequest
from torc_nb.values import encode

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.frames.edits import Cell, Edited
    from torc_nb.frames.remembering import Remembered

#: Rows compared at a time.
_PIECE = 10_000


class Modifying:
    """What has parameters that can be edited as a table."""

    _api: Api
    _workflow_id: int

    def modify(self, edited: pd.DataFrame) -> int:
        """Write the changed cells of an edited ``params()``; jobs that have not begun take them at once.

        Those that run or have ended run again with them at the next ``reinitialize``. Rows are found by the index and
        by what the DataFrame remembers, so it may be sorted, filtered or cut into pieces that are put together again;
        columns may stand in any order. An empty cell (NaN, None, NA) is written as NaN for a number, else as None.

        Parameters
        ----------
        edited : DataFrame
            All columns of ``params()``, and all or some of its rows.

        Returns
        -------
        int
            How many rows were changed.

        Raises
        ------
        Conflict
            Somebody changed one of these rows since ``params()`` read it; both values are shown. Nothing was written.
            Only of more than 5000 changes, a row that is changed in the very moments of writing is left as it then is
            although the others are written; the message says so.
        InvalidRequest
            Rows or columns are new or missing, or a value cannot be what the parameter is. Nothing was written.
        """
        return modify(self._api, self._workflow_id, edited, self._own_map())

    def _own_map(self) -> int | None:
        """The map whose parameters alone can be meant, if there is one."""
        return None


class _Found(NamedTuple):
    """A changed row, as the table has it."""

    label: Any
    place: int
    edit: Edit
    edited: Edited


def modify(api: Api, workflow_id: int, table: pd.DataFrame, own_map: int | None) -> int:
    """Write the changed cells of a table and say what was done; returns how many rows that were."""
    from torc_nb import frames

    seen = frames.remembered(table)
    map_ = _checked_map(api, workflow_id, seen, own_map)
    frames.check_columns(table, seen)
    labels, of_jobs = _labels(api, seen)
    places = of_jobs[frames.places(table, labels)]
    found = list(_changed(api, seen, table, places))
    _check_not_moved(api, workflow_id, table, seen, places, found)
    outcome = api.modify_inputs(workflow_id, map_.function_id, (one.edit for one in found))
    if outcome.stale:
        raise Conflict(_conflict(api, seen, found, outcome.stale, len(outcome.written)))
    revs = seen.revs.copy()
    for one in found:
        revs[one.place] = outcome.written[one.edit.job_id].rev
    frames.renew(table, revs)
    print(_sentence(map_.name, found, len(seen.jobs), sum(map(waits, outcome.written.values()))))
    return len(found)


def _checked_map(api: Api, workflow_id: int, seen: Remembered, own_map: int | None) -> Any:
    known = {(map_.id, map_.created): map_ for map_ in api.list_maps(workflow_id)}
    map_ = known.get((seen.map_id, seen.created))
    if map_ is None:
        raise InvalidRequest("This DataFrame holds the parameters of another workflow, or of a map that is gone.")
    if own_map not in (None, map_.id):
        raise InvalidRequest(
            f"This DataFrame holds the parameters of another map, {map_.name}: wf[{map_.name!r}].modify(df)."
        )
    check_has_own_rows(map_)
    return map_


def check_has_own_rows(map_: Any) -> None:
    """Make sure that the parameters of a map are the user's to change.

    Raises
    ------
    InvalidRequest
        They are what the jobs of another map return.
    """
    if source := map_.shape.get("source"):
        raise InvalidRequest(
            f"The rows of {map_.name} are what the jobs of {source} return: change the inputs of these, "
            f"wf[{source!r}].params(), or run them again."
        )


def _labels(api: Api, seen: Remembered) -> tuple[pd.Index[Any], Any]:
    """The index of the map's rows as ``params()`` gave it, and where each stands among the jobs of the table."""
    import numpy as np
    import pandas as pd

    from torc_nb import frames

    shape = api.map_shape(seen.map_id)
    if not shape.get("labelled"):
        return pd.RangeIndex(len(seen.jobs)), np.arange(len(seen.jobs))
    keys = {row[0]: row[1] for row in api.map_inputs(seen.map_id)}
    there = [place for place, job_id in enumerate(seen.jobs.tolist()) if keys.get(job_id) is not None]
    texts = [keys[job_id] for job_id in seen.jobs[there].tolist()]
    return frames.labels(texts, shape, api.map_decoder(seen.map_id)), np.array(there, dtype=np.int64)


def _changed(api: Api, seen: Remembered, table: pd.DataFrame, places: Any) -> Iterator[_Found]:
    from torc_nb import frames

    decode = api.map_decoder(seen.map_id)
    jobs = seen.jobs[places]
    order = jobs.argsort()
    for start in range(0, len(order), _PIECE):
        part = order[start : start + _PIECE]
        ids = jobs[part].tolist()
        rows = {row[0]: row for row in api.map_inputs(seen.map_id, ids)}
        gone = [job_id for job_id in ids if job_id not in rows]
        if gone:
            raise Conflict(f"Job(s) {gone[:3]} are gone by now; nothing was written. Start again from m.params().")
        values = frames.decoded([rows[job_id][3] for job_id in ids], decode)
        for one in frames.edited(table.iloc[part], seen, values):
            place = int(part[one.place])
            edit = Edit(ids[one.place], int(seen.revs[places[place]]), one.value)
            yield _Found(table.index[place], int(places[place]), edit, one)


def _check_not_moved(
    api: Api, workflow_id: int, table: pd.DataFrame, seen: Remembered, places: Any, found: Sequence[_Found]
) -> None:
    """Refuse a table that was filtered or sorted and then numbered anew: its rows would go to other jobs.

    It shows: a changed row holds what another row of the map had, and that one is not in the table as it was.
    """
    import pandas as pd

    if not found or not isinstance(table.index, pd.RangeIndex) or (table.index.start, table.index.step) != (0, 1):
        return
    wanted: dict[bytes, list[int]] = {}
    for one in found:
        wanted.setdefault(encode(one.edit.value).digest, []).append(one.edit.job_id)
    changed = {one.edit.job_id for one in found}
    unchanged = set(seen.jobs[places].tolist()) - changed
    moved: set[int] = set()
    kept: set[bytes] = set()
    for job_id, digest in api.input_digests(workflow_id, seen.map_id):
        if digest in wanted:
            kept |= {digest} if job_id in unchanged else set()
            moved |= {other for other in wanted[digest] if other != job_id}
    moved -= {job_id for digest in kept for job_id in wanted[digest]}
    if 2 * len(moved) > len(found):
        raise InvalidRequest(
            f"{len(moved):,} of {len(found):,} changed rows hold what other rows of the map have: it seems that the "
            "DataFrame was filtered or sorted and numbered anew. Leave the index as m.params() has it (no "
            "reset_index), for it tells which row is which."
        )


def _conflict(api: Api, seen: Remembered, found: Sequence[_Found], stale: dict[int, Any], written: int) -> str:
    from torc_nb.api.inputs import differences

    decode = api.map_decoder(seen.map_id)
    told = []
    for one in [one for one in found if one.edit.job_id in stale][:3]:
        now = stale[one.edit.job_id]
        if now is None:
            told.append(f"row {one.label!r} (job {one.edit.job_id}) is gone")
            continue
        differ = ", ".join(
            f"{difference.name or 'params'} is {difference.old!r:.60} there and {difference.new!r:.60} in yours"
            for difference in differences(decode(now.params), one.edit.value)
        )
        told.append(f"row {one.label!r} (job {one.edit.job_id}, rev {now.rev}, you saw {one.edit.rev}): {differ}")
    more = f"; and {len(stale) - len(told):,} more" if len(stale) > len(told) else ""
    done = f"The other {written:,} were written." if written else "Nothing was written."
    return (
        f"{len(stale):,} row(s) were changed by somebody else since params() read them: {'; '.join(told)}{more}. "
        f"{done} m.params() gives them as they are: make your changes in that, or give modify only the rows that you "
        "edited."
    )


def _sentence(name: str, found: Sequence[_Found], total: int, waiting: int) -> str:
    """Say what was done in one line: ``7 of 10,000 rows of run: mesh 0.1 → 0.05``."""
    if not found:
        return f"0 of {total:,} rows of {name}: nothing differs from what is stored"
    changed = what_changed(one.edited.cells for one in found)
    have, them = ("has", "it") if waiting == 1 else ("have", "them")
    when = f"; {waiting:,} {have} begun or ended: `wf.reinitialize()` makes {them} run again" if waiting else ""
    return f"{len(found):,} of {total:,} rows of {name}: {changed}{when}"


def what_changed(rows: Iterable[Iterable[Cell]]) -> str:
    """Say what the changed cells of some rows are: ``mesh 0.1 → 0.05``."""
    by_column: dict[Any, list[Cell]] = {}
    for cells in rows:
        for cell in cells:
            by_column.setdefault(cell.column, []).append(cell)
    parts = []
    for column, found in by_column.items():
        others = "" if all(_is_like(cell, found[0]) for cell in found) else " …"
        n = f" ({len(found):,} row{'s' if len(found) > 1 else ''})" if len(by_column) > 1 else ""
        parts.append(f"{column} {found[0].old!r:.40} → {found[0].new!r:.40}{others}{n}")
    more = f"; and {len(parts) - 5} more parameters" if len(parts) > 5 else ""
    return f"{', '.join(parts[:5])}{more}"


def _is_like(cell: Cell, other: Cell) -> bool:
    return repr(cell.old) == repr(other.old) and repr(cell.new) == repr(other.new)
