"""A grid as somebody has it before her: cells found, typed into and pasted over."""

from __future__ import annotations

from browser.notebook import Notebook
from playwright.sync_api import Locator, expect

MESH, N, NAME = 0, 1, 2


class Grid:
    """The one grid of a notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.keyboard = notebook.page.keyboard
        self.node = notebook.panel.locator(".torc-nb-grid")
        self.summary = self.node.locator(".torc-nb-summary")
        self.answer = self.node.locator(".torc-nb-answer")
        self.bubble = self.node.locator(".torc-nb-bubble")
        self.frame = self.node.get_by_role("grid")
        expect(self.cell(1, MESH)).to_be_visible()

    def cell(self, job: int, column: int) -> Locator:
        """A cell, by its job and the number of its column."""
        return self.node.locator(f'[data-job="{job}"] [data-column="{column}"]')

    def type(self, job: int, column: int, text: str) -> None:
        """Type into a cell as into a spreadsheet's: select it, type, Enter."""
        self.cell(job, column).click()
        self.keyboard.type(text)
        self.keyboard.press("Enter")

    def paste(self, job: int, column: int, text: str) -> None:
        """Paste what a spreadsheet put on the clipboard, from a cell on."""
        self.notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.notebook.evaluate("(text) => navigator.clipboard.writeText(text).then(() => true)", text)
        self.cell(job, column).click()
        self.keyboard.press("Control+V")

    def press(self, act: str) -> None:
        """Press one of its buttons."""
        self.node.locator(f'[data-act="{act}"]').click()

    def apply(self) -> None:
        """Press "Apply and rerun", and say yes."""
        self.press("apply")
        self.node.locator('[data-answer="yes"]').click()
