"""The panel of workflows in JupyterLab's side bar, as a page object."""

from __future__ import annotations

import re

from browser.page import Page
from playwright.sync_api import Locator, expect

_DRAG = """async (list, frames) => {
    const times = [await new Promise(requestAnimationFrame)];
    for (let n = 0; n <= frames; n++) {
        list.scrollTop = n / frames * (list.scrollHeight - list.clientHeight);
        times.push(await new Promise(requestAnimationFrame));
    }
    return times.slice(1).map((time, n) => time - times[n]);
}"""


class Panel:
    """The panel on a page; it is opened.

    Parameters
    ----------
    on
        The page, with a notebook or without.
    """

    def __init__(self, on: Page) -> None:
        self.on = on
        self.root = on.page.locator("#torc-nb-panel")
        on.command("torc-nb:show")
        self.root.wait_for()

    def widen(self, width: float) -> None:
        """Pull the panel's edge, so that it is so wide in pixels."""
        box = self.root.bounding_box()
        assert box is not None
        mouse = self.on.page.mouse
        mouse.move(box["x"] + box["width"] + 2, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(box["x"] + width + 2, box["y"] + box["height"] / 2, steps=5)
        mouse.up()

    def workflow(self, name: str) -> Locator:
        """A workflow of the list."""
        return self.root.locator(".torc-List .torc-Workflow").filter(has_text=name)

    def open(self, name: str) -> None:
        """Open a workflow from the list."""
        self.refresh()
        self.workflow(name).click()
        expect(self.title).to_have_text(name)

    def refresh(self) -> None:
        """Look now."""
        self.button("Refresh").click()

    def tab(self, name: str) -> None:
        """Turn to a tab."""
        self.root.get_by_role("tab", name=name).click()

    def button(self, name: str) -> Locator:
        """A button of the panel."""
        return self.root.get_by_role("button", name=name)

    @property
    def rows(self) -> Locator:
        """The jobs on the page."""
        return self.root.locator(".torc-Row")

    def row(self, number: int) -> Locator:
        """The row of a job, by the job's number."""
        return self.rows.filter(has_text=re.compile(rf"^\s*{number}(?!\d)"))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the jobs on the page."""
        return [int(found[0]) for text in self.rows.all_text_contents() if (found := re.match(r"\s*\d+", text))]

    @property
    def coming(self) -> Locator:
        """The rows on the page that are not there yet."""
        return self.rows.filter(has_text=re.compile(r"^\s*…\s*$"))

    @property
    def list(self) -> Locator:
        """The list of jobs."""
        return self.root.get_by_role("listbox")

    @property
    def title(self) -> Locator:
        """The name of the workflow that is opened."""
        return self.root.locator(".torc-Title")

    @property
    def place(self) -> Locator:
        """Where its database is."""
        return self.root.locator(".torc-Detail > .torc-Path")

    @property
    def done(self) -> Locator:
        """What was done last."""
        return self.root.locator(".torc-Done")

    @property
    def alert(self) -> Locator:
        """Why what was asked for was not done."""
        return self.root.locator(".torc-Alert[role=alert]:not(.torc-Stale)")

    @property
    def stale(self) -> Locator:
        """That what is shown is old, and why."""
        return self.root.locator(".torc-Stale")

    @property
    def legend(self) -> Locator:
        """How many jobs have which status."""
        return self.root.locator(".torc-Legend")

    def scroll_to(self, part: float) -> None:
        """Scroll the jobs: 0 is their beginning, 1 their end."""
        self.list.evaluate(
            "(list, part) => { list.scrollTop = part * (list.scrollHeight - list.clientHeight); }", part
        )

    def drag(self, frames: int) -> list[float]:
        """Scroll from beginning to end, a step in each frame that is drawn; returns the milliseconds between frames."""
        return list(self.list.evaluate(_DRAG, frames))

    def choose_status(self, status: str) -> None:
        """List the jobs of one status."""
        self.root.get_by_label("Status of the jobs to show").select_option(status)

    @property
    def dialog(self) -> Locator:
        """What is asked before anything is done."""
        return self.on.page.locator(".jp-Dialog")

    def act(self, label: str, answer: str) -> None:
        """Press a button, and answer the question with another."""
        self.button(label).click()
        self.answer(answer)

    def answer(self, answer: str) -> None:
        """Answer what is asked."""
        self.dialog.get_by_role("button", name=answer, exact=True).click()
