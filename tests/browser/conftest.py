"""A browser, servers of Jupyter, and notebooks that are opened in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import chromium as system
from browser import environments
from browser.notebook import Notebook
from browser.page import Page
from browser.played import Played
from playwright.sync_api import Browser, expect
from services.jupyter import JupyterServer

#: What is left of a test that fails: a screenshot, the trace, and what page and server said.
EVIDENCE = Path(__file__).parents[2] / "build" / "browser"

_FAILED = pytest.StashKey[bool]()


#: Fixtures that may have to install an environment first, and for how many seconds a test may wait for that.
_INSTALLED, _INSTALLING = {"plain_lab", "lab_without_anywidget"}, 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave browser tests out of a session of others, whose kernels and theirs would share one event loop."""
    own = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in own:
        if len(own) < len(items):
            item.add_marker(pytest.mark.skip(reason="in a process of its own: pytest tests/browser"))
        if _INSTALLED & set(item.fixturenames):
            item.add_marker(pytest.mark.timeout(_INSTALLING))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let fixtures know whether their test failed."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def chromium(needs_chromium: None) -> Iterator[Browser]:
    """The system's Chromium, for the whole session."""
    expect.set_options(timeout=20_000)
    with system.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab() -> Iterator[JupyterServer]:
    """JupyterLab of the kernel's own environment, for the whole session."""
    with JupyterServer("lab") as server:
        yield server


@pytest.fixture(scope="session")
def notebook_7() -> Iterator[JupyterServer]:
    """Notebook 7 of the kernel's own environment, for the whole session."""
    with JupyterServer("notebook") as server:
        yield server


@pytest.fixture(scope="session")
def plain_lab() -> Iterator[JupyterServer]:
    """JupyterLab of another environment, which has neither ipywidgets nor anywidget nor torc_nb."""
    with JupyterServer("lab", python=environments.plain_lab()) as server:
        yield server


@pytest.fixture(scope="session")
def lab_without_anywidget() -> Iterator[JupyterServer]:
    """JupyterLab of another environment, which has ipywidgets' front end, and neither anywidget nor torc_nb."""
    with JupyterServer("lab", python=environments.plain_lab(), shared=[environments.widgets_of_lab()]) as server:
        yield server


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Iterator[list[Page]]:
    """Pages that are closed after the test, which fails where one reported an error that is not among its ``excused``.

    What failed leaves a screenshot, the trace and what was said in ``build/browser/``.
    """
    opened: list[Page] = []
    yield opened
    errors = [error for page in opened for error in page.errors]
    failed = bool(errors) or request.node.stash.get(_FAILED, False)
    for page in opened:
        page.close(keep=failed)
    assert not errors, f"the page reported: {errors}"


@pytest.fixture
def open_notebook(
    chromium: Browser, request: pytest.FixtureRequest, pages: list[Page]
) -> Callable[..., Notebook]:
    """Open a notebook of these cells: ``open_notebook(["1 + 1"])``, elsewhere than in ``lab`` with ``on=plain_lab``.

    After the test kernels and workers are ended.
    """

    def open_one(cells: list[str], on: JupyterServer | None = None, **options: object) -> Notebook:
        server = on or request.getfixturevalue("lab")
        notebook = Notebook(chromium, server, cells, _evidence(request, pages), **options)
        pages.append(notebook)
        return notebook.open()

    return open_one


@pytest.fixture
def open_lab(chromium: Browser, request: pytest.FixtureRequest, pages: list[Page]) -> Callable[..., Page]:
    """Open JupyterLab without a notebook, and so without a kernel; elsewhere than in ``lab`` with ``on=``.

    With ``clock=True`` the page's time is the test's, to `Page.let_pass`.
    """

    def open_one(on: JupyterServer | None = None, *, clock: bool = False) -> Page:
        page = Page(chromium, on or request.getfixturevalue("lab"), _evidence(request, pages))
        pages.append(page)
        if clock:
            page.context.clock.install()
        return page.open()

    return open_one


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Played]]:
    """Make a workflow whose worker is the test, ``played(lab, "wing", 3)``; that server's user opened its database."""
    made: list[Played] = []
    known_to: set[JupyterServer] = set()

    def make(server: JupyterServer, name: str, jobs: int, url: str | None = None) -> Played:
        known_to.add(server)
        monkeypatch.setenv("XDG_STATE_HOME", str(server.state))
        made.append(Played(url or str(tmp_path / name / "torc.db"), tmp_path / name, name, jobs))
        return made[-1]

    yield make
    for server in known_to:
        server.forget_databases()
    for one in made:
        one.remove()


def _evidence(request: pytest.FixtureRequest, pages: list[Page]) -> Path:
    return EVIDENCE / f"{_file_name(request.node.name)}{f'-{len(pages) + 1}' if pages else ''}"


def _file_name(test: str) -> str:
    return re.sub(r"[^\w-]+", "-", test).strip("-")
