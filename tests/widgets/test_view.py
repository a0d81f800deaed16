"""The live view: real ipywidgets, a real thread, no browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from torc_nb.api import Status
from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import AllocationModel, WorkerModel
from torc_nb.widgets import ProgressView, presence
from torc_nb.widgets.poll import Poll

WIDGET = "application/vnd.jupyter.widget-view+json"
PATIENCE = 20.0


@pytest.fixture
def poll() -> Poll:
    """A poll that does not dawdle."""
    return Poll(shortest=0.001, longest=0.002)


@pytest.fixture
def show(poll: Poll, made: Any) -> Iterator[Callable[..., ProgressView]]:
    """Make views that are closed after the test."""
    views: list[ProgressView] = []

    def make(*answers: Status | Exception, title: str = "sweep") -> ProgressView:
        views.append(ProgressView(made(*answers), title, poll=poll))
        return views[-1]

    yield make
    for view in views:
        view.close()
    assert stopped()


def stopped() -> bool:
    """Whether no thread looks any more, waited for."""
    for thread in threading.enumerate():
        if thread.name == "torc-nb views":
            thread.join(PATIENCE)
            return not thread.is_alive()
    return True


def test_a_still_picture_stands_beside_the_widget(show: Any, stands: Any) -> None:
    """Where no kernel is, the HTML and the line of text say what stood there; the widget says nothing else there."""
    view = show(stands(completed=1, running=1, name="other"), title="<sweep>")
    view.follow()
    picture = view._picture()
    assert picture["text/plain"] == repr(view) == "<sweep>: 1 of 2 completed, 1 running"
    assert "&lt;sweep&gt;" in picture["text/html"]
    assert "<sweep>" not in picture["text/html"]
    (bundle, _) = view.widget._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == view.widget.model_id


def test_nothing_is_asked_before_it_is_displayed(show: Any, stands: Any) -> None:
    """A view that nobody sees costs nothing."""
    view = show(stands(ready=1))
    assert view._watched.asked == 0
    assert stopped()


def test_it_follows_until_the_workflow_is_done(show: Any, stands: Any) -> None:
    """The thread brings the view to the last state and ends."""
    view = show(*(stands(completed=n, ready=20 - n) for n in range(21)))
    view.follow()
    assert stopped()
    assert view._watched.asked == 21
    assert "20 of 20 completed" in view.html


def test_one_thread_for_all_views(show: Any, stands: Any) -> None:
    """Ten views are kept up to date by one thread, also one displayed twice."""
    views = [show(stands(ready=1)) for _ in range(10)]
    for view in [*views, views[0]]:
        view.follow()
    for view in views:
        assert view._watched.exhausted.wait(PATIENCE)
    assert sum(thread.name == "torc-nb views" for thread in threading.enumerate()) == 1


def test_a_closed_view_is_left_alone(show: Any, stands: Any) -> None:
    """Closing one view of an unfinished workflow ends its part; closing the last ends the thread."""
    first, second = show(stands(ready=1)), show(stands(ready=1))
    first.follow()
    second.follow()
    first.close()
    assert second._watched.exhausted.wait(PATIENCE)
    second.close()
    assert stopped()


def test_a_done_view_shown_again_after_more_work_goes_on(show: Any, stands: Any) -> None:
    """A rerun after the end starts the thread again."""
    view = show(stands(completed=1), stands(ready=1), stands(completed=1))
    view.follow()
    assert stopped()
    view.follow()
    assert stopped()
    assert view._watched.asked == 3


def test_a_database_that_does_not_answer_is_shown_and_asked_again(
    show: Any, stands: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Errors stand in the view beside the last known state, never in a cell's output, and go when it answers."""
    failure = DatabaseUnavailable("no route to <host>")
    view = show(stands(completed=1, ready=1), failure)
    view.follow()
    assert view._watched.exhausted.wait(PATIENCE)
    view._watched.answers.append(stands(completed=1, ready=1))
    view.follow()
    assert "1 of 2 completed" in view.html
    view._watched.answers.append(stands(completed=2))
    assert stopped()
    assert "does not answer" not in view.html
    assert capfd.readouterr() == ("", "")


def test_an_error_at_first_sight(show: Any) -> None:
    """A view of a database that is away can be displayed all the same, and says what is wrong, escaped."""
    view = show(OSError("<disk> gone"))
    view.follow()
    assert "OSError: &lt;disk&gt; gone" in view.html
    assert "OSError" in repr(view)


def test_a_view_that_cannot_be_drawn_takes_no_other_with_it(
    show: Any, stands: Any, poll: Poll, capfd: pytest.CaptureFixture[str]
) -> None:
    """A failure outside of the database ends that view's part silently; the others go on."""

    class Broken:
        is_over = False

        def look(self) -> bool:
            raise RuntimeError("the kernel is going")

    poll.add(Broken())
    view = show(*(stands(completed=n, ready=5 - n) for n in range(6)))
    view.follow()
    assert stopped()
    assert "5 of 5 completed" in view.html
    assert capfd.readouterr() == ("", "")


def test_a_part_that_did_not_change_is_not_sent_again(show: Any, stands: Any) -> None:
    """The browser gets the numbers that moved, and leaves a log alone, with its place and the selection in it."""
    failed = [AllocationModel(id=1, workflow_id=1, message="why\nlog")]
    view = show(*(stands(completed=n, ready=5 - n, allocations_failed=failed) for n in range(6)))
    view.look()
    sent: list[set[str]] = []
    view._live.send_state = lambda key=None: sent.append(set(key))
    for _ in range(5):
        view.look()
    assert [names - {"over"} for names in sent] == 5 * [{"jobs", "looks"}]


def test_a_view_that_is_looked_at_goes_on_after_the_end(show: Any, stands: Any) -> None:
    """What runs again later is seen where a front end shows the view; once it is away nothing is asked any more."""
    view = show(stands(completed=1))
    view._hear({"kind": "here"})
    view.follow()
    assert view._watched.exhausted.wait(PATIENCE)
    view._watched.answers.append(stands(completed=1, ready=1))
    while "1 of 2 completed" not in view.html:
        assert not view.is_over
    view._presence._heard -= presence.PATIENCE
    assert stopped()
    view._hear({"kind": "here"})
    assert any(thread.name == "torc-nb views" for thread in threading.enumerate())


def test_what_is_taken_away_here_may_be_shown_there(show: Any, stands: Any) -> None:
    """One front end of two that goes does not end the view; but for so long as others say that they are there."""
    view = show(stands(completed=1))
    view._hear({"kind": "here"})
    view._hear({"kind": "gone"})
    assert view._presence.is_likely()
    view._presence._heard -= presence.OTHERS
    view._presence._free -= presence.OTHERS
    assert not view._presence.is_likely()


def test_a_press_is_done_once_and_answered(show: Any, stands: Any) -> None:
    """A front end may say it twice; the answer is the workflow's own words."""
    view = show(stands(ready=1))
    for _ in range(2):
        view._hear({"kind": "press", "press": "p1", "act": "cancel", "n": 1})
    wait_for(lambda: view._live.answer)
    assert view._live.answer == {"press": "p1", "text": "Done.", "wrong": False}
    assert view._watched.told == [("cancel", 1)]


def test_a_press_that_fails_says_why(show: Any, stands: Any) -> None:
    """An error stands below the buttons, not in a cell."""
    view = show(stands(ready=1))
    view._hear({"kind": "press", "press": "p1", "act": "nodes", "n": 101})
    wait_for(lambda: view._live.answer)
    assert view._live.answer == {"press": "p1", "text": "So many nodes there are not.", "wrong": True}


def test_a_press_holds_nobody_up(show: Any, stands: Any) -> None:
    """Whoever hears it, be it the kernel's main thread, goes on at once, however long it takes."""
    view = show(stands(ready=1))
    view._watched.allowed.clear()
    view._hear({"kind": "press", "press": "p1", "act": "cancel", "n": 1})
    assert view._live.answer == {}
    view._watched.allowed.set()
    wait_for(lambda: view._live.answer)


class Place:
    """A place on a page, which remembers what was drawn there."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def update(self, picture: dict[str, str]) -> None:
        self.drawn.append(picture["text/plain"])


def test_the_still_picture_keeps_up_and_holds_the_end(show: Any, stands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then while the numbers move, seldom where a front end draws the view itself; and in the end, once."""
    monkeypatch.setattr("torc_nb.widgets.view.STILL_ALONE", 0.0)
    view = show(*(stands(completed=n, ready=4 - n) for n in range(5)))
    place = Place()
    view._places = [place]
    view.look()
    view.look()
    assert place.drawn == ["sweep: 0 of 4 completed", "sweep: 1 of 4 completed"]
    view._hear({"kind": "here"})
    assert stopped() is False
    assert place.drawn[2:] == ["sweep: 4 of 4 completed"]


def test_a_long_job_has_a_rate_at_first_sight(show: Any, stands: Any) -> None:
    """What ended before the view was opened counts, as the database remembers it."""
    worker = WorkerModel(id=1, workflow_id=1, host="n1", pid=1)
    view = show(stands(completed=40, ready=40, workers=[worker]))
    view._watched.recalled = [1] * 40
    view.look()
    assert "1.0/min" in view.html
    assert "30 to 62 min left" in view.html


def wait_for(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
