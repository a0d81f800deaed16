"""The panel of workflows in JupyterLab's side bar, as a page object."""

from __future__ import annotations

from browser.notebook import Notebook
from playwright.sync_api import Locator, expect


class Panel:
    """The panel beside a notebook; it is opened.

    Parameters
    ----------
    notebook
        The page that it is on.
    """

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.root = notebook.page.locator("#torc-nb-panel")
        notebook.command("torc-nb:show")
        self.root.wait_for()

    def widen(self, width: float) -> None:
        """Pull the panel's edge, so that it is so wide in pixels."""
        box = self.root.bounding_box()
        assert box is not None
        mouse = self.notebook.page.mouse
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
        expect(self.root.locator(".torc-Title")).to_have_text(name)

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

    @property
    def dialog(self) -> Locator:
        """What is asked before anything is done."""
        return self.notebook.page.locator(".jp-Dialog")

    def act(self, label: str, answer: str) -> None:
        """Press a button, and answer the question with another."""
        self.button(label).click()
        self.dialog.get_by_role("button", name=answer, exact=True).click()
