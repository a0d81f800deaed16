"""The grid's widget: real ipywidgets and real threads, without a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from torc_nb.widgets.grid import GridView
from torc_nb.workflow import Map, Workflow
from torc_nb.workflow.editing import Editing

PATIENCE = 20.0
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202egnp\x00"


def run(params: dict[str, Any]) -> Any:
    """Give it back."""
    return params


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[Map]:
    """Twenty rows."""
    wf = Workflow("sweep", db=tmp_path / "torc.db")
    yield wf.map(run, [{"mesh": 0.1, "name": HOSTILE} for n in range(20)])
    wf.api.database.close()


@pytest.fixture
def view(mapped: Map) -> Iterator[GridView]:
    """A grid of them."""
    made = mapped.edit()
    yield made
    made.close()


class FrontEnd:
    """Speaks with a grid as the front end does: by messages."""

    def __init__(self, view: GridView) -> None:
        self.grid = view.widget
        self.heard: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        self.grid.send = self._take

    def _take(self, message: dict[str, Any]) -> None:
        with self.arrived:
            self.heard.append(message)
            self.arrived.notify_all()

    def ask(self, **message: Any) -> dict[str, Any]:
        """Send a message, and return the answer to it."""
        number = len(self.heard)
        self.grid._handle_custom_msg(message | {"id": "7"}, [])
        self.until(lambda: len(self.heard) > number)
        return self.heard[number]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something."""
        with self.arrived:
            assert self.arrived.wait_for(condition, PATIENCE)

    def summary(self) -> dict[str, Any]:
        """The summary of all that was sent."""
        wanted = self.grid.wanted
        known = threading.Event()
        self.grid.observe(lambda change: known.set(), "summary")
        if self.grid.summary.get("number") != wanted:
            assert known.wait(PATIENCE)
        return dict(self.grid.summary)


def test_a_still_picture_says_how_to_do_without_it(view: GridView) -> None:
    """Where no grid can be drawn, the first rows stand there, and what to type; nothing of a value is markup."""
    assert "run: 20 rows to edit" in repr(view)
    assert "wf['run'].modify(df)" in repr(view)
    assert view.html.count("&lt;script&gt;") == 10
    assert "<script" not in view.html
    assert "<img" not in view.html
    assert "and 10 more" in view.html


def test_rows_are_sent_when_they_are_asked_for(view: GridView) -> None:
    """The state of the widget holds none of them, so that a million rows cost no more than twenty."""
    front = FrontEnd(view)
    assert HOSTILE not in str(front.grid.get_state())
    answer = front.ask(kind="rows", start=5, stop=8)
    assert [row["label"] for row in answer["rows"]] == ["5", "6", "7"]
    assert answer["rows"][0]["cells"][1]["text"] == HOSTILE


def test_an_edit_is_acknowledged_counted_and_applied(view: GridView, mapped: Map) -> None:
    """Each message is answered under its own number, and the summary follows."""
    front = FrontEnd(view)
    answer = front.ask(kind="type", cells=[[3, 0, "0.05"]])
    assert (answer["kind"], answer["id"], answer["wrong"]) == ("done", "7", False)
    summary = front.summary()
    assert summary["text"] == "1 of 20 rows: mesh 0.1 → 0.05"
    assert (summary["no_worker"], summary["is_local"]) == (True, True)
    assert "1 of 20 rows of run" in front.ask(kind="apply")["text"]
    assert mapped.params()["mesh"].tolist() == [0.1] * 2 + [0.05] + [0.1] * 17


def test_what_goes_wrong_is_answered(view: GridView) -> None:
    """A refusal, a conflict, or nonsense: none is lost, and the next message is heard."""
    front = FrontEnd(view)
    refused = front.ask(kind="type", cells=[[3, 0, "abc"]])
    assert (refused["wrong"], refused["text"][:15]) == (True, "mesh is a float")
    assert "refused" in front.ask(kind="apply")["text"]
    assert front.ask(kind="paste", text="x")["wrong"]
    assert not front.ask(kind="undo")["wrong"]
    assert front.summary()["rows"] == 0


def test_changes_of_others_make_rows_be_asked_for_anew(view: GridView, mapped: Map) -> None:
    """A look that finds nothing costs the front end nothing."""
    front = FrontEnd(view)
    front.ask(kind="rows", start=0, stop=3)
    version = front.grid.version
    assert not view.look()
    assert front.grid.version == version
    df = mapped.params()
    df.loc[0, "mesh"] = 0.7
    mapped.modify(df)
    assert view.look()
    assert front.grid.version > version
    (row,) = front.ask(kind="rows", start=0, stop=1)["rows"]
    assert (row["cells"][0]["text"], row["cells"][0]["before"]) == ("0.7", "0.1")


def test_a_database_that_is_away_is_said_and_asked_again(view: GridView, mapped: Map, tmp_path: Path) -> None:
    """What was typed stays."""
    front = FrontEnd(view)
    front.ask(kind="type", cells=[[3, 0, "0.05"]])
    files = [path for path in tmp_path.iterdir() if path.name.startswith("torc.db")]
    for path in files:
        path.rename(path.with_name(f"away-{path.name}"))
    version = front.grid.version
    assert not view.look()
    assert front.grid.trouble
    assert front.grid.version == version
    for path in files:
        path.with_name(f"away-{path.name}").rename(path)
    view.look()
    assert front.grid.trouble == ""
    assert front.grid.version > version
    (row,) = front.ask(kind="rows", start=2, stop=3)["rows"]
    assert row["cells"][0]["text"] == "0.05"


def test_nobody_is_asked_once_nobody_looks(view: GridView) -> None:
    """Before a front end was heard, and after it is closed."""
    assert view.is_over
    FrontEnd(view).ask(kind="rows", start=0, stop=1)
    assert not view.is_over
    view.close()
    assert view.is_over


def test_the_same_rows_can_be_edited_twice_at_once(mapped: Map) -> None:
    """Two grids, or two kernels: the second to apply has to decide."""
    first, second = (Editing(mapped._api, mapped._workflow_id, "run") for _ in range(2))
    for edit in (first, second):
        edit.rows(0, 20)
    first.type([(1, 0, "0.2")])
    second.type([(1, 0, "0.3")])
    first.apply()
    assert second.look()
    assert second.summary()["conflicts"] == 1
    assert first.look()
    assert first.rows(0, 1)[0]["cells"][0] == {"text": "0.2", "kind": "number"}
