"""A real Jupyter server with the panel's part in it, and databases that it finds.

Jupyter's fixtures are taken in here and not as a plugin, so that its event loop and its hooks are of these tests alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import sweep
from pytest_jupyter.jupyter_server import *  # noqa: F403
from server.answers import Answer, Get
from services.workers import end_workers
from tornado.httpclient import HTTPClientError

from torc_nb.api import Api, make_api
from torc_nb.server import requests  # noqa: F401  # before a test begins: it is slow to import


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """A server with our extension, which lets nobody in unasked."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"torc_nb.server": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
    }


@pytest.fixture
def extension(jp_serverapp: Any) -> Any:
    """Our extension in the server."""
    return jp_serverapp.extension_manager.extension_points["torc_nb"].app


@pytest.fixture
def get(jp_fetch: Any) -> Get:
    """Sends a request; what the server refuses is an answer too."""

    async def fetch(address: str, **options: Any) -> Answer:
        try:
            response = await jp_fetch("torc-nb", *address.split("/"), **options)
        except HTTPClientError as error:
            response = error.response
        return Answer(response.code, json.loads(response.body) if response.body else None, response.headers)

    return fetch


@pytest.fixture
def act(get: Get) -> Get:
    """Sends what is to be done with a workflow."""

    async def post(address: str, **asked: Any) -> Answer:
        return await get(f"{address}/actions", method="POST", body=json.dumps(asked))

    return post


@pytest.fixture(scope="session")
def _master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep.made_once(tmp_path_factory)


@pytest.fixture
def file(_master: Path, jp_root_dir: Path) -> Path:
    """The database of the server's folder, with ``sweep``, which ran: jobs 1 to 5, 3 failed, and 6, postprocess."""
    shutil.copytree(_master / ".torc", jp_root_dir / ".torc")
    shutil.copy(_master / "simulation.py", jp_root_dir)
    return jp_root_dir / ".torc" / "torc.db"


@pytest.fixture
def api(file: Path) -> Iterator[Api]:
    """That database, for the test itself; workers that were started are ended."""
    opened = make_api(file)
    yield opened
    end_workers(opened)
    opened.database.close()


@pytest.fixture
def address(file: Path, get: Get, jp_asyncio_loop: Any) -> str:
    """Where ``sweep`` is found."""
    (database,) = jp_asyncio_loop.run_until_complete(get("databases")).data
    return f"databases/{database['id']}/workflows/1"
