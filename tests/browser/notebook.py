"""A notebook as a user has it before her, in JupyterLab or in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from browser.page import PATIENCE, Page, PageStuck
from nbformat import NotebookNode
from playwright.sync_api import Browser, Locator
from services.jupyter import KERNEL, JupyterServer
from services.kernel import CellFailed

#: An indicator that says "idle" comes before the session is ready, and cells that are run then are not.
_READY = """(wanted) => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    const kernel = panel?.context?.sessionContext?.session?.kernel;
    return panel?.context?.isReady && panel.context.sessionContext.isReady && panel.content?.model
        && kernel?.connectionStatus === "connected" && wanted.includes(kernel.status);
}"""

_BEGIN = """([command, index]) => {
    const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
    if (index !== null) { notebook.deselectAll(); notebook.activeCellIndex = index; }
    const run = window.torcRun = { over: false, error: null };
    app.commands.execute(command).catch(error => { run.error = String(error); }).finally(() => { run.over = true; });
    return true;
}"""

_OUTPUTS = "(index) => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs?.toJSON() ?? []"


class Notebook(Page):
    """A notebook in a page of its own, with a folder of its own beside it.

    Parameters
    ----------
    browser
        Shows it.
    server
        Serves it.
    cells
        Its cells: code, or cells of `nbformat`.
    evidence
        Where screenshots and the trace go, without a suffix.
    name
        Of its file.
    options
        Those of the page.
    """

    def __init__(
        self,
        browser: Browser,
        server: JupyterServer,
        cells: Sequence[str | NotebookNode],
        evidence: Path,
        *,
        name: str = "notebook.ipynb",
        **options: Any,
    ) -> None:
        self.folder = server.make_room()
        self.path = self.folder / name
        self._write(cells)
        super().__init__(browser, server, evidence, **options)

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return self.server.address(self.path)

    def close(self, *, keep: bool = False) -> None:
        """Close the page, and end the kernel and the workers; see `Page.close`."""
        try:
            super().close(keep=keep)
        finally:
            self.server.clear_room(self.folder)

    # Cells

    def run_all(self, seconds: float = 60, *, may_fail: bool = False) -> None:
        """Run all cells, and wait for them.

        Raises
        ------
        CellFailed
            One raised, or they took longer.
        """
        self.begin_all()
        self.finish(seconds, may_fail=may_fail)

    def run(self, index: int, seconds: float = 60, *, may_fail: bool = False) -> None:
        """Run one cell, and wait for it; see `run_all`."""
        self.begin(index)
        self.finish(seconds, may_fail=may_fail)

    def begin_all(self) -> None:
        """Run all cells, and do not wait: that is for `finish`."""
        self.evaluate(_BEGIN, ["notebook:run-all-cells", None])

    def begin(self, index: int) -> None:
        """Run one cell, and do not wait: that is for `finish`."""
        self.evaluate(_BEGIN, ["notebook:run-cell", index])

    def finish(self, seconds: float = 60, *, may_fail: bool = False) -> None:
        """Wait for the cells that were begun; see `run_all`."""
        try:
            self.wait_for("() => window.torcRun.over", seconds=seconds)
        except PageStuck as stuck:
            raise CellFailed(
                f"the cells did not end within {seconds} s; below them stands:\n{self._all_text()}"
            ) from stuck
        if error := self.evaluate("() => window.torcRun.error"):
            raise CellFailed(str(error))
        failed = [output for index in range(self.count) for output in self.outputs(index) if _is_error(output)]
        if failed and not may_fail:
            raise CellFailed(_without_colours("\n".join(failed[0]["traceback"])))

    def type(self, source: str) -> int:
        """Type into a new cell below all others; returns its index."""
        self.evaluate(
            """() => {
                const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.model.cells.length - 1;
                return app.commands.execute("notebook:insert-cell-below").then(() => null);
            }"""
        )
        index = self.count - 1
        editor = self.cell(index).locator(".cm-content")
        editor.click()
        self.page.keyboard.insert_text(source)
        self.evaluate(
            """([index, source]) => {
                const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(index);
                if (cell.sharedModel.getSource() !== source) throw new Error("typed: " + cell.sharedModel.getSource());
            }""",
            [index, source],
        )
        return index

    @property
    def count(self) -> int:
        """How many cells it has."""
        return int(self.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.length"))

    def cell(self, index: int) -> Locator:
        """A cell on the page."""
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """All that stands below a cell."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def text(self, index: int) -> str:
        """What can be read below a cell now, output by output."""
        return "\n".join(self.output(index).locator(".jp-OutputArea-output").all_inner_texts())

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The outputs of a cell as the page would save them."""
        return list(self.evaluate(_OUTPUTS, index))

    # The kernel, the file and the page

    def restart_kernel(self) -> None:
        """Restart the kernel, as the menu does."""
        self.evaluate(_BEGIN, ["kernelmenu:restart", None])
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.finish(PATIENCE, may_fail=True)
        self.wait_until_ready()

    def interrupt_kernel(self) -> None:
        """Press the stop button."""
        self.command("kernelmenu:interrupt")

    def save(self) -> NotebookNode:
        """Save it; returns what the file holds then."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def reload(self, *, busy: bool = False) -> None:
        """Load the page anew.

        Parameters
        ----------
        busy
            The kernel may still run a cell then.
        """
        self.page.reload()
        self.wait_until_ready(busy=busy)

    def wait_until_ready(self, *, busy: bool = False) -> None:
        """Wait till cells can be run, or, where the kernel may be busy, till it is connected."""
        self.wait_for(_READY, ["idle", "busy"] if busy else ["idle"], seconds=2 * PATIENCE)

    @property
    def panel(self) -> Locator:
        """The part of the page that is the notebook."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def _write(self, cells: Sequence[str | NotebookNode]) -> None:
        made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL}), self.path)

    def _all_text(self) -> str:
        return "\n".join(self.panel.locator(".jp-OutputArea-output").all_inner_texts())


def _is_error(output: dict[str, Any]) -> bool:
    return output["output_type"] == "error"


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)
