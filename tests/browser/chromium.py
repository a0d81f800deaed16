"""The system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: It asks nobody for updates and settings, and draws without a graphics card.
_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def program() -> str | None:
    """Where Chromium is; None where it is not installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def running() -> Iterator[Browser]:
    """A Chromium without a window, gone afterwards."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # for root it has none
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=[*_ARGUMENTS, *sandbox])
        try:
            yield browser
        finally:
            browser.close()
