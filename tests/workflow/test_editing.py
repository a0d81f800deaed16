"""Parameters while they are edited cell by cell: read, refused, counted, applied, and met by others' changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from torc_nb.errors import Conflict, InvalidRequest, ReadOnly
from torc_nb.widgets.grid import Block
from torc_nb.workflow import Workflow, editing
from torc_nb.workflow.editing import Editing

MESH, N = 0, 1


def run(params: dict[str, Any]) -> Any:
    """Give a parameter back."""
    return params["mesh"]


def add(results: list[float]) -> float:
    """Add."""
    return sum(results)


def show(x: Any) -> str:
    """Say what it is."""
    return repr(x)


def _edit(wf: Workflow, name: str = "run") -> Editing:
    return Editing(wf.api, wf.id, name)


def _cell(edit: Editing, place: int, column: int = MESH) -> dict[str, Any]:
    found: dict[str, Any] = edit.rows(place, place + 1)[0]["cells"][column]
    return found


def _run_ids(wf: Workflow) -> list[int]:
    """In which run each row's result was made."""
    found: list[int] = wf["run"].results(provenance=True)["job.run_id"].tolist()
    return found


def _block(edit: Editing, row: int, column: int = MESH, height: int = 1, width: int = 1) -> Block:
    return Block(row, edit.rows(row, row + 1)[0]["job"], column, height, width)


@pytest.fixture
def mapped(wf: Workflow) -> Workflow:
    """Ten rows and a postprocess."""
    wf.map(run, [{"mesh": 0.1, "n": n} for n in range(10)], postprocess=add)
    return wf


def test_an_edit_reruns_exactly_its_jobs(mapped: Workflow, finish: Callable[[], None]) -> None:
    """It is said before what would run again, downstream included; that, and nothing else, does."""
    finish()
    edit = _edit(mapped)
    assert edit.type([(3, MESH, "0.05"), (5, MESH, "0.05")]) == ""
    summary = edit.summary()
    assert summary["text"] == "2 of 10 rows: mesh 0.1 → 0.05"
    assert summary["effect"].startswith("2 of 11 jobs would be ready again (2 parameter changed), 1 would wait")
    assert [row["state"] for row in edit.rows(0, 10)] == ["", "", "again", "", "again", "", "", "", "", ""]
    assert _run_ids(mapped) == [1] * 10
    assert mapped["run"].params()["mesh"].tolist() == [0.1] * 10
    said = edit.apply()
    assert said.startswith("2 of 10 rows of run: mesh 0.1 → 0.05. 2 of 11 jobs are ready again")
    finish()
    assert _run_ids(mapped) == [1, 1, 2, 1, 2, 1, 1, 1, 1, 1]
    assert mapped["run"].postprocess_result() == pytest.approx(0.9)
    assert edit.summary()["rows"] == 0


def test_an_edit_and_its_way_back_rerun_nothing(mapped: Workflow, finish: Callable[[], None]) -> None:
    """What was written and not run yet can be taken back: then no job is stale."""
    finish()
    df = mapped["run"].params()
    df.loc[2, "mesh"] = 0.05
    mapped["run"].modify(df)
    edit = _edit(mapped)
    edit.type([(3, MESH, "0.1")])
    assert edit.summary()["effect"] == "no job would run again"
    edit.undo()
    edit.type([(4, MESH, "7")])
    assert edit.summary()["again"] == 3  # the one written before, this one, and the postprocess


def test_jobs_that_have_not_begun_take_it_at_once(mapped: Workflow) -> None:
    """They do not run again, they begin with it."""
    edit = _edit(mapped)
    edit.type([(1, MESH, "0.5")])
    assert edit.summary()["effect"] == "no job would run again; 1 has not begun and takes it at once"
    assert edit.rows(0, 1)[0]["state"] == "once"
    edit.apply()
    assert mapped["run"].params()["mesh"][0] == 0.5


def test_what_a_parameter_cannot_be_is_refused_in_its_cell(mapped: Workflow) -> None:
    """The text stays to be corrected, nothing is applied meanwhile, and the other edits stay too."""
    edit = _edit(mapped)
    assert "mesh is a float, and 'abc' is none" in edit.type([(1, MESH, "abc"), (2, N, "7")])
    cell = _cell(edit, 0)
    assert (cell["text"], cell["was"]) == ("abc", "0.1")
    assert "mesh is a float" in cell["refusal"]
    assert edit.summary()["refused"] == 1
    with pytest.raises(InvalidRequest, match=r"1 cell.*Nothing was written"):
        edit.apply()
    edit.type([(1, MESH, "0.2")])
    assert edit.apply().startswith("2 of 10 rows of run: mesh 0.1 → 0.2 (1 row), n 1 → 7 (1 row)")


def test_a_text_that_says_what_is_stored_is_no_edit(mapped: Workflow) -> None:
    """Written otherwise, or typed back by hand."""
    edit = _edit(mapped)
    edit.type([(1, MESH, "0.10"), (2, N, "1.0")])
    assert edit.summary()["rows"] == 0
    edit.type([(1, MESH, "5")])
    edit.type([(1, MESH, "0.1")])
    assert edit.summary()["rows"] == 0


def test_a_column_is_pasted_and_filled_and_taken_back(mapped: Workflow) -> None:
    """Blocks as spreadsheets give them; one value for all that is selected; what does not fit is said."""
    edit = _edit(mapped)
    assert edit.paste(_block(edit, 0), "".join(f"{n / 100}\t{n + 100}\r\n" for n in range(10))) == ""
    assert [_cell(edit, n)["text"] for n in range(3)] == ["0.0", "0.01", "0.02"]
    assert edit.summary()["text"].startswith("10 of 10 rows: ")
    edit.undo()
    assert edit.summary()["rows"] == 0
    edit.redo()
    assert _cell(edit, 9, N)["text"] == "109"
    edit.revert()
    assert "2 row(s) below and 1 column(s) beside" in edit.paste(_block(edit, 9, N), "1\t2\n3\n4")
    assert [_cell(edit, n, N).get("was") for n in (8, 9)] == [None, "9"]
    edit.revert()
    edit.paste(_block(edit, 2, MESH, 3, 2), "4\n")
    assert [(_cell(edit, n)["text"], _cell(edit, n, N)["text"]) for n in (1, 2, 4, 5)] == [
        ("0.1", "1"), ("4", "4"), ("4", "4"), ("0.1", "5"),
    ]  # fmt: skip
    edit.type([(8, MESH, "9")])
    edit.fill(_block(edit, 7, MESH, 3, 1))
    assert [_cell(edit, n)["text"] for n in (6, 7, 8, 9)] == ["0.1", "9", "9", "9"]
    assert "2 cells were refused" in edit.paste(_block(edit, 0, MESH, 2, 1), "x")


def test_texts_of_several_lines_and_quotes_survive_the_clipboard(wf: Workflow) -> None:
    """As spreadsheets quote them."""
    wf.map(run, [{"mesh": "a"}, {"mesh": "b"}])
    edit = _edit(wf)
    edit.paste(_block(edit, 0), '"one\ntwo, ""three"""\n{"a": 1}\n')
    assert [_cell(edit, n)["text"] for n in (0, 1)] == ['one\ntwo, "three"', '{"a": 1}']


def test_what_others_change_is_shown_and_not_overwritten(mapped: Workflow) -> None:
    """Where it was typed over, both are shown until one is chosen; elsewhere it just appears, marked."""
    edit = _edit(mapped)
    edit.rows(0, 10)
    edit.type([(1, MESH, "0.05"), (2, N, "50")])
    df = mapped["run"].params()
    df.loc[[0, 1], "mesh"] = 0.2
    mapped["run"].modify(df)
    with pytest.raises(Conflict, match=r"1 cell.*Nothing was written"):
        edit.apply()
    assert mapped["run"].params()["n"].tolist() == list(range(10))
    assert edit.look()
    assert (_cell(edit, 0)["text"], _cell(edit, 0)["theirs"]) == ("0.05", "0.2")
    assert (_cell(edit, 1)["text"], _cell(edit, 1)["before"]) == ("0.2", "0.1")
    assert edit.summary()["conflicts"] == 1
    edit.settle(1, MESH, keep=True)
    edit.apply()
    assert mapped["run"].params()["mesh"].tolist()[:3] == [0.05, 0.2, 0.1]
    assert mapped["run"].params()["n"].tolist()[:3] == [0, 50, 2]
    edit.look()
    assert "before" not in _cell(edit, 0)  # one's own changes are not marked


def test_theirs_can_be_taken_and_what_is_alike_is_no_conflict(mapped: Workflow) -> None:
    """Both who typed the same have what they want."""
    edit = _edit(mapped)
    edit.type([(1, MESH, "0.2"), (2, MESH, "0.3"), (3, MESH, "abc")])
    df = mapped["run"].params()
    df.loc[[0, 1], "mesh"] = 0.2
    mapped["run"].modify(df)
    assert edit.look()
    summary = edit.summary()
    assert (summary["conflicts"], summary["cells"]) == (1, 2)
    edit.settle(2, MESH, keep=False)
    edit.type([(3, MESH, "0.1")])
    assert edit.summary()["rows"] == 0
    assert not edit.look()


def test_a_change_in_the_very_moment_of_writing_is_not_overwritten(
    mapped: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database compares once more."""
    edit = _edit(mapped)
    edit.type([(1, MESH, "0.05")])
    write = mapped.api.modify_inputs

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        df = mapped["run"].params()
        df.loc[0, "mesh"] = 0.2
        mapped["run"].modify(df)
        return write(*arguments)

    monkeypatch.setattr(mapped.api, "modify_inputs", late)
    with pytest.raises(Conflict, match="just now"):
        edit.apply()
    assert _cell(edit, 0)["theirs"] == "0.2"
    assert mapped["run"].params()["mesh"][0] == 0.2


def test_only_the_changed_rows(mapped: Workflow) -> None:
    """They keep their labels, and can be edited as ever."""
    edit = _edit(mapped)
    edit.type([(4, MESH, "7"), (9, MESH, "8")])
    edit.show_changed(True)
    assert [row["label"] for row in edit.rows(0, 10)] == ["3", "8"]
    assert (edit.head()["rows"], edit.head()["total"]) == (2, 10)
    edit.paste(_block(edit, 1), "9")
    with pytest.raises(Conflict, match="try again"):
        edit.paste(Block(1, 4, MESH, 1, 1), "1")
    edit.show_changed(False)
    assert [_cell(edit, place)["text"] for place in (3, 8)] == ["7", "9"]


def test_rows_that_come_meanwhile(mapped: Workflow) -> None:
    """Another kernel that maps further rows makes them appear."""
    edit = _edit(mapped)
    edit.type([(1, MESH, "0.05")])
    mapped.map(run, [{"mesh": 0.1, "n": n} for n in range(12)], postprocess=add)
    assert edit.look()
    assert edit.head()["rows"] == 12
    assert _cell(edit, 0)["text"] == "0.05"


def test_labels_that_look_alike_in_any_script_and_no_rows_at_all(wf: Workflow) -> None:
    """Rows are known by their jobs."""
    wf.map(run, pd.DataFrame({"mesh": [1.0, 2.0, 3.0]}, index=pd.Index(["1", 1, "سلام"], name="Größe")), name="m")
    edit = _edit(wf, "m")
    assert [row["label"] for row in edit.rows(0, 5)] == ["1", "1", "سلام"]
    assert edit.head()["index"] == "Größe"
    edit.type([(2, MESH, "20")])
    edit.apply()
    assert wf["m"].params()["mesh"].tolist() == [1.0, 20.0, 3.0]
    wf.map(run, [], name="none")
    empty = _edit(wf, "none")
    assert (empty.head()["rows"], empty.rows(0, 10), empty.summary()["rows"]) == (0, [], 0)


def test_all_kinds_of_rows(wf: Workflow) -> None:
    """Scalars, tuples, dicts of different keys, missing values, nested ones."""
    wf.map(show, [1.5, math.nan], name="scalars")
    wf.map(show, [{"a": 1}, {"b": [1, 2]}, {"a": None}], name="ragged", unpack=False)
    wf.map(pow, [2, 3], [2, 2], name="pairs")
    scalars, ragged, pairs = _edit(wf, "scalars"), _edit(wf, "ragged"), _edit(wf, "pairs")
    assert [_cell(scalars, n)["text"] for n in (0, 1)] == ["1.5", "nan"]
    assert ragged.head()["columns"] == ["a", "b"]
    assert [_cell(ragged, n, 0)["kind"] for n in range(3)] == ["number", "absent", "none"]
    assert pairs.head()["columns"] == ["params.0", "params.1"]
    first = {name: int(wf[name].jobs().index[0]) for name in ("scalars", "ragged", "pairs")}
    scalars.type([(first["scalars"] + 1, 0, "3")])
    ragged.type([(first["ragged"] + 1, 1, "[7]"), (first["ragged"], 1, "[8]"), (first["ragged"] + 2, 0, "4")])
    pairs.type([(first["pairs"], 1, "5")])
    for one in (scalars, ragged, pairs):
        one.apply()
    assert wf["scalars"].params()["params"].tolist() == [1.5, 3.0]
    assert [wf.api.get_user_data(2 * job).data["params"] for job in wf["ragged"].jobs().index] == [
        {"a": 1, "b": [8]}, {"b": [7]}, {"a": 4},
    ]  # fmt: skip
    assert wf["pairs"].params()["params.1"].tolist() == [5, 2]


def test_large_values_are_cut_and_not_typed_over(wf: Workflow) -> None:
    """Ten megabytes are not sent to a browser, in whichever column; the others of such a row are edited as ever."""
    wf.map(run, [{"mesh": 0.1, "n": "x" * 10_000_000}, {"mesh": 0.2, "n": "y" * 5000}, {"mesh": 0.3, "n": "z"}])
    edit = _edit(wf)
    assert len(str(edit.rows(0, 3))) < 2000
    assert [("fixed" in _cell(edit, n, N)) for n in range(3)] == [True, True, False]
    edit.type([(1, MESH, "0.5")])
    edit.apply()
    assert wf["run"].params()["mesh"].tolist() == [0.5, 0.2, 0.3]
    assert len(wf["run"].params()["n"][0]) == 10_000_000


def test_rows_that_are_other_jobs_results_are_refused(mapped: Workflow) -> None:
    """With the words of modify."""
    mapped.map(show, mapped["run"], name="second")
    with pytest.raises(InvalidRequest, match="what the jobs of run return"):
        mapped["second"].edit()


def test_many_rows_a_page_at_a_time(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces fit together, and a front end gets no more than a page."""
    monkeypatch.setattr(editing, "_PIECE", 7)
    monkeypatch.setattr(editing, "_PAGE", 10)
    wf.map(run, [{"mesh": float(n)} for n in range(100)])
    edit = _edit(wf)
    assert [row["label"] for row in edit.rows(90, 200)] == [str(n) for n in range(90, 100)]
    assert len(edit.rows(0, 100)) == 10
    edit.paste(_block(edit, 0), "\n".join(str(n + 0.5) for n in range(100)))
    edit.apply()
    assert wf["run"].params()["mesh"].tolist() == [n + 0.5 for n in range(100)]


def test_a_database_that_may_only_be_read(mapped: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are shown; nothing is typed into them, and it is said why."""
    monkeypatch.setattr(mapped.api.database, "is_read_only", True)
    edit = _edit(mapped)
    assert "You may only read this database" in edit.head()["fixed"]
    assert _cell(edit, 0)["text"] == "0.1"
    with pytest.raises(ReadOnly):
        edit.type([(1, MESH, "1")])
