"""The live view: real ipywidgets, a real thread, no browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from torc_nb.api import Status
from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import AllocationModel
from torc_nb.widgets import ProgressView
from torc_nb.widgets.poll import Poll

WIDGET = "application/vnd.jupyter.widget-view+json"
PATIENCE = 20.0


class Database:
    """Answers with one status after the other, the last one for ever; an exception among them is raised."""

    def __init__(self, *answers: Status | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.exhausted = threading.Event()

    def __call__(self) -> Status:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if self.asked > len(self.answers) + 1:
            self.exhausted.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def poll() -> Poll:
    """A poll that does not dawdle."""
    return Poll(shortest=0.001, longest=0.002)


@pytest.fixture
def show(poll: Poll) -> Iterator[Callable[..., ProgressView]]:
    """Make views that are closed after the test."""
    made: list[ProgressView] = []

    def make(*answers: Status | Exception, title: str = "sweep") -> ProgressView:
        made.append(ProgressView(Database(*answers), title, poll=poll))
        return made[-1]

    yield make
    for view in made:
        view.close()
    assert stopped()


def stopped() -> bool:
    """Whether no thread looks any more, waited for."""
    for thread in threading.enumerate():
        if thread.name == "torc-nb views":
            thread.join(PATIENCE)
            return not thread.is_alive()
    return True


def text(view: ProgressView) -> str:
    """All that a view shows."""
    return "".join(part.value for part in view.children)


def test_a_view_is_a_widget_with_a_still_picture_beside_it(show: Any, stands: Any) -> None:
    """Where no kernel is, the HTML and the line of text say what stood there."""
    view = show(stands(completed=1, running=1, name="other"), title="<sweep>")
    bundle = view._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == view.model_id
    assert bundle["text/plain"] == "<sweep>: 1 of 2 completed, 1 running"
    assert "&lt;sweep&gt;" in bundle["text/html"]
    assert "<sweep>" not in bundle["text/html"]


def test_nothing_is_asked_before_it_is_displayed(show: Any, stands: Any) -> None:
    """A view that nobody sees costs nothing."""
    view = show(stands(ready=1))
    assert view._ask.asked == 0
    assert stopped()


def test_it_follows_until_the_workflow_is_done(show: Any, stands: Any) -> None:
    """The thread brings the view to the last state and ends."""
    view = show(*(stands(completed=n, ready=20 - n) for n in range(21)))
    view._repr_mimebundle_()
    assert stopped()
    assert view._ask.asked == 21
    assert "20 of 20 completed" in text(view)


def test_one_thread_for_all_views(show: Any, stands: Any) -> None:
    """Ten views are kept up to date by one thread, also one displayed twice."""
    views = [show(stands(ready=1)) for _ in range(10)]
    for view in [*views, views[0]]:
        view._repr_mimebundle_()
    for view in views:
        assert view._ask.exhausted.wait(PATIENCE)
    assert sum(thread.name == "torc-nb views" for thread in threading.enumerate()) == 1


def test_a_closed_view_is_left_alone(show: Any, stands: Any) -> None:
    """Closing one view of an unfinished workflow ends its part; closing the last ends the thread."""
    first, second = show(stands(ready=1)), show(stands(ready=1))
    first._repr_mimebundle_()
    second._repr_mimebundle_()
    first.close()
    assert second._ask.exhausted.wait(PATIENCE)
    second.close()
    assert stopped()


def test_a_done_view_shown_again_after_more_work_goes_on(show: Any, stands: Any) -> None:
    """A rerun after the end starts the thread again."""
    view = show(stands(completed=1), stands(ready=1), stands(completed=1))
    view._repr_mimebundle_()
    assert stopped()
    view._repr_mimebundle_()
    assert stopped()
    assert view._ask.asked == 3


def test_a_database_that_does_not_answer_is_shown_and_asked_again(
    show: Any, stands: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Errors stand in the view beside the last known state, never in a cell's output, and go when it answers."""
    failure = DatabaseUnavailable("no route to <host>")
    view = show(stands(completed=1, ready=1), failure)
    view._repr_mimebundle_()
    assert view._ask.exhausted.wait(PATIENCE)
    view._ask.answers.append(stands(completed=1, ready=1))
    shown = view._repr_mimebundle_()["text/html"]
    assert "1 of 2 completed" in shown
    view._ask.answers.append(stands(completed=2))
    assert stopped()
    assert "does not answer" not in text(view)
    assert capfd.readouterr() == ("", "")


def test_an_error_at_first_sight(show: Any) -> None:
    """A view of a database that is away can be displayed all the same, and says what is wrong, escaped."""
    view = show(OSError("<disk> gone"))
    bundle = view._repr_mimebundle_()
    assert "OSError: &lt;disk&gt; gone" in bundle["text/html"]
    assert "OSError" in bundle["text/plain"]


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
    view._repr_mimebundle_()
    assert stopped()
    assert "5 of 5 completed" in text(view)
    assert capfd.readouterr() == ("", "")


def test_a_log_that_did_not_change_is_not_drawn_again(show: Any, stands: Any) -> None:
    """Its place and the selection in it survive while the numbers move."""
    failed = [AllocationModel(id=1, workflow_id=1, message="why\nlog")]
    view = show(*(stands(completed=n, ready=5 - n, allocations_failed=failed) for n in range(6)))
    changes: list[Any] = []
    view.look()
    for part in view.children:
        part.observe(lambda change: changes.append(change["owner"]), "value")
    for _ in range(5):
        view.look()
    assert {view.children.index(part) for part in changes} == {0}
