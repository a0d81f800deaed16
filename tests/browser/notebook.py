"""A notebook as a user has it before her, in JupyterLab or in Notebook 7."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from playwright.sync_api import Browser, ConsoleMessage, Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from services.jupyter import KERNEL, JupyterServer
from services.kernel import CellFailed

#: Seconds that a page has for anything but running cells.
PATIENCE = 30.0

#: What pages report of themselves, whatever the notebook: no error of ours.
HARMLESS = (
    # Notebook 7, loaded anew: a plugin of its own asks for settings that another one has not registered yet.
    r"^uncaught: TypeError: Cannot read properties of undefined \(reading 'schema'\)\n +at \S+/static/notebook/",
)

_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

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


class PageStuck(AssertionError):
    """A page did not do in time what it was asked for."""


class Notebook:
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
    size
        Of the page, in pixels.
    scale
        Pixels of the picture for one of the page.
    """

    def __init__(
        self,
        browser: Browser,
        server: JupyterServer,
        cells: Sequence[str | NotebookNode],
        evidence: Path,
        *,
        name: str = "notebook.ipynb",
        size: tuple[int, int] = (1280, 900),
        scale: float = 1,
    ) -> None:
        self.server = server
        self.folder = server.make_room()
        self.path = self.folder / name
        self._evidence = evidence
        self._write(cells)
        server.settle()
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale, timezone_id="UTC", locale="en-US"
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        # What a trace costs is what it draws: with pictures a test takes half as long again.
        drawn = "TORC_NB_TRACE" in os.environ
        self.context.tracing.start(screenshots=drawn, snapshots=drawn)
        self.page = self.context.new_page()
        #: What the page reported as an error, in its own words, and patterns of what a test expects of it.
        self.console: list[str] = []
        self.excused = list(HARMLESS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error.stack or error}"))

    def open(self) -> Notebook:
        """Show it, and wait till cells can be run."""
        self.page.goto(self.server.address(self.path))
        self.wait_until_ready()
        return self

    def close(self, *, keep: bool = False) -> None:
        """Close the page, and end the kernel and the workers.

        Parameters
        ----------
        keep
            Leave a screenshot and the trace, which ``playwright show-trace`` opens.
        """
        try:
            if keep:
                self._leave_evidence()
            self._within(PATIENCE, self.context._impl_obj.close(reason=None), "close")
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

    def theme(self, name: str) -> None:
        """Change to the theme ``light`` or ``dark``; the next notebook begins with the light one."""
        self.command("apputils:change-theme", {"theme": _THEMES[name]})
        self.page.locator(f'body[data-jp-theme-name="{_THEMES[name]}"]').wait_for(state="attached")

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Take a picture of the page, or of a part of it; returns where it is."""
        path = self._evidence.with_name(f"{self._evidence.name}-{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        (of or self.page).screenshot(path=path, animations="disabled")
        return path

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Execute one of Jupyter's commands, and wait till it is done."""
        self.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments or {}]
        )

    def evaluate(self, script: str, argument: Any = None, seconds: float = PATIENCE) -> Any:
        """Return what a function in JavaScript returns, promised or not.

        Raises
        ------
        PageStuck
            The page did not answer in time.
        """
        return self._within(seconds, self.page._impl_obj.evaluate(script, argument), script)

    def wait_for(self, script: str, argument: Any = None, seconds: float = PATIENCE) -> Any:
        """Wait till a function in JavaScript returns something that is true there; returns that.

        Raises
        ------
        PageStuck
            It did not in time.
        """

        async def wait() -> Any:
            function = self.page._impl_obj.wait_for_function
            handle = await function(expression=script, arg=argument, polling=None, timeout=seconds * 1000)
            return await handle.json_value()

        return self._within(seconds + 1, wait(), script)

    def wait_until_ready(self, *, busy: bool = False) -> None:
        """Wait till cells can be run, or, where the kernel may be busy, till it is connected."""
        self.wait_for(_READY, ["idle", "busy"] if busy else ["idle"], seconds=2 * PATIENCE)

    def _within(self, seconds: float, answer: Coroutine[Any, Any, Any], what: str) -> Any:
        """Give up in time, which Playwright does for no ``evaluate``, and for nothing at all where a page hangs.

        So what it does inside is called here: from outside only its own thread, which waits, could give up.
        """
        try:
            return self.page._sync(asyncio.wait_for(answer, seconds))
        except (TimeoutError, PlaywrightTimeout):
            raise PageStuck(f"the page did not do this within {seconds:g} s: {what}") from None

    @property
    def panel(self) -> Locator:
        """The part of the page that is the notebook."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    @property
    def errors(self) -> list[str]:
        """What the page reported as an error, but for what is excused."""
        return [said for said in self.console if not any(re.search(pattern, said) for pattern in self.excused)]

    def _write(self, cells: Sequence[str | NotebookNode]) -> None:
        made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL}), self.path)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

    def _all_text(self) -> str:
        return "\n".join(self.panel.locator(".jp-OutputArea-output").all_inner_texts())

    def _leave_evidence(self) -> None:
        self._evidence.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.evaluate("() => null", seconds=10)  # a page that hangs cannot be drawn either
            self.page.screenshot(path=self._evidence.with_suffix(".png"), timeout=10_000)
        except (PageStuck, PlaywrightTimeout) as error:
            self.console.append(f"no screenshot: {error}")
        trace = self.context.tracing._impl_obj.stop(path=self._evidence.with_suffix(".zip"))
        self._within(PATIENCE, trace, "the trace")
        self._evidence.with_suffix(".txt").write_text("\n".join([*self.console, "", self.server.log]))


def _is_error(output: dict[str, Any]) -> bool:
    return output["output_type"] == "error"


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)
