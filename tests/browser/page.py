"""A page of JupyterLab or Notebook 7, as a user has it before her."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Locator, Request
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from services.jupyter import JupyterServer

#: Seconds that a page has for anything but running cells.
PATIENCE = 30.0

#: What pages report of themselves, whatever they show: no error of ours.
HARMLESS = (
    # JupyterLab's debugger asks a kernel for its state, and that one is restarted meanwhile.
    r"^Could not restore the debugger state: Canceled future for debug_request",
    # Notebook 7, loaded anew: a plugin of its own asks for settings that another one has not registered yet.
    r"^uncaught: TypeError: Cannot read properties of undefined \(reading 'schema'\)\n +at \S+/static/notebook/",
)

_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

_READY = "() => window.jupyterapp?.restored.then(() => true)"


class PageStuck(AssertionError):
    """A page did not do in time what it was asked for."""


class Traffic:
    """The requests that are under way whose address has a text in it, and how many were at most."""

    def __init__(self, part: str) -> None:
        self.most = 0
        self._part = part
        self._under_way: set[Request] = set()

    def began(self, request: Request) -> None:
        """Note one that was sent."""
        if self._part in request.url:
            self._under_way.add(request)
            self.most = max(self.most, len(self._under_way))

    def ended(self, request: Request) -> None:
        """Note one that was answered, or given up."""
        self._under_way.discard(request)


class Page:
    """A page of its own, with nothing open in it.

    Parameters
    ----------
    browser
        Shows it.
    server
        Serves it.
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
        evidence: Path,
        *,
        size: tuple[int, int] = (1280, 900),
        scale: float = 1,
    ) -> None:
        self.server = server
        self._evidence = evidence
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
        self._unanswered: list[Request] = []
        self.page.on("request", self._ask)
        for ending in ("requestfinished", "requestfailed"):
            self.page.on(ending, self._be_answered)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error.stack or error}"))

    def open(self) -> Self:
        """Show it, and wait till it can be used."""
        self.page.goto(self.address)
        self.wait_until_ready()
        return self

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return self.server.address()

    def reopen(self) -> None:
        """Load it anew with what was open in it, which its first address would close; all it sent has arrived then."""
        self.settle()
        self.page.goto(self.page.url.replace("reset&", "").replace("reset=&", ""))
        self.wait_until_ready()

    def close(self, *, keep: bool = False) -> None:
        """Close it.

        Parameters
        ----------
        keep
            Leave a screenshot and the trace, which ``playwright show-trace`` opens.
        """
        if keep:
            self._leave_evidence()
        self._within(PATIENCE, self.context._impl_obj.close(reason=None), "close")

    def listen(self, part: str) -> list[str]:
        """Return a list to which the address of each request is added from now on that has a text in it."""
        heard: list[str] = []
        self.page.on("request", lambda request: heard.append(request.url) if part in request.url else None)
        return heard

    def count(self, part: str) -> Traffic:
        """Count from now on the requests that are under way at once whose address has a text in it."""
        traffic = Traffic(part)
        self.page.on("request", traffic.began)
        self.page.on("requestfinished", traffic.ended)
        self.page.on("requestfailed", traffic.ended)
        return traffic

    def let_pass(self, seconds: float) -> None:
        """Let time pass on the page at once; its clock has to be the test's."""
        self.context.clock.run_for(1000 * seconds)
        self.settle()

    def settle(self) -> None:
        """Wait till each request was answered.

        Raises
        ------
        PageStuck
            One was not in time.
        """
        deadline = time.monotonic() + PATIENCE
        while self._unanswered:
            if time.monotonic() > deadline:
                raise PageStuck(f"no answer to {[one.url for one in self._unanswered]}")
            self.evaluate("() => new Promise(done => queueMicrotask(done))")

    def choose(self, label: str) -> None:
        """Choose a command in the palette, by typing its label."""
        palette = self.page.locator("#modal-command-palette")
        found = palette.locator(".lm-CommandPalette-item.lm-mod-active").filter(has_text=label)
        deadline = time.monotonic() + PATIENCE
        while not found.is_visible():
            # A page that is still being laid out takes the focus, and then the palette closes.
            self.command("apputils:activate-command-palette")
            with suppress(PlaywrightTimeout):
                palette.get_by_role("textbox").or_(palette.locator("input")).first.fill(label, timeout=3000)
                found.wait_for(timeout=3000)
            if time.monotonic() > deadline:
                raise PageStuck(f"no command {label!r} in the palette")
        self.page.keyboard.press("Enter")

    def theme(self, name: str) -> None:
        """Change to the theme ``light`` or ``dark``; the next page begins with the light one."""
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

    def wait_until_ready(self) -> None:
        """Wait till it can be used."""
        self.wait_for(_READY, seconds=2 * PATIENCE)

    def _within(self, seconds: float, answer: Coroutine[Any, Any, Any], what: str) -> Any:
        """Give up in time, which Playwright does for no ``evaluate``, and for nothing at all where a page hangs.

        So what it does inside is called here: from outside only its own thread, which waits, could give up.
        """
        try:
            return self.page._sync(asyncio.wait_for(answer, seconds))
        except (TimeoutError, PlaywrightTimeout):
            raise PageStuck(f"the page did not do this within {seconds:g} s: {what}") from None

    @property
    def errors(self) -> list[str]:
        """What the page reported as an error, but for what is excused."""
        return [said for said in self.console if not any(re.search(pattern, said) for pattern in self.excused)]

    def _ask(self, request: Request) -> None:
        self._unanswered.append(request)

    def _be_answered(self, request: Request) -> None:
        self._unanswered.remove(request)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location.get('url', '')})")

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
