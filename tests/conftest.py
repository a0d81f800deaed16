"""What tests of every layer share: the real services, and a home of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from services.place import settle
from services.slurm_accounting import AccountingCluster
from services.slurm_cluster import SlurmCluster
from services.workers import kill_those_of

if TYPE_CHECKING:
    from services.postgres_server import PostgresServer


pytest_plugins = ["services.early"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the services that it uses, so that ``-m "not slurm"`` needs no discipline."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if "needs_slurm" in used:
            item.add_marker(pytest.mark.slurm)
        if "postgres_server" in used:
            item.add_marker(pytest.mark.postgres)
        if "needs_chromium" in used:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a folder and a home of its own, with nothing opened before, and workers that find torc_nb.

    No worker outlives its test: it would wait ten minutes for more work, beside the tests that follow.
    """
    settle(tmp_path, monkeypatch)
    yield
    left = kill_those_of(tmp_path)
    assert not left, f"the test left workers running: {left}"


@pytest.fixture(scope="session")
def needs_slurm() -> None:
    """Leave a test out where Slurm is not installed."""
    if programs := SlurmCluster.missing():
        _service_missing(f"Slurm is not installed: no {', '.join(programs)}")


@pytest.fixture(scope="session")
def slurm_cluster(needs_slurm: None) -> Iterator[SlurmCluster]:
    """A private Slurm of three nodes with 4 CPUs and 4000 MiB each, for the whole session."""
    with SlurmCluster() as cluster:
        yield cluster


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """The private Slurm, reached by this process and its children, and emptied of jobs after the test."""
    for name, value in slurm_cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield slurm_cluster
    slurm_cluster.clear()


@pytest.fixture(scope="session")
def accounting_cluster(needs_slurm: None) -> Iterator[AccountingCluster]:
    """A private Slurm that keeps account and enforces limits, for the whole session."""
    if programs := AccountingCluster.missing():
        _service_missing(f"Slurm's accounting is not installed: no {', '.join(programs)}")
    with AccountingCluster() as cluster:
        yield cluster


@pytest.fixture
def accounting(accounting_cluster: AccountingCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccountingCluster]:
    """The private Slurm that keeps account, as ``slurm`` is; no limit of a test outlives it."""
    for name, value in accounting_cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield accounting_cluster
    accounting_cluster.clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private PostgreSQL for the whole session."""
    try:
        from services.postgres_server import PostgresServer
    except ModuleNotFoundError as error:
        _service_missing(f"PostgreSQL's driver is not installed: no {error.name}")
    if PostgresServer.binaries() is None:
        _service_missing("PostgreSQL is not installed: no initdb")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def needs_chromium() -> None:
    """Leave a test out where no browser is installed."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        _service_missing("the browser is not installed: no chromium")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a fresh, empty PostgreSQL database."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database, on each of the two kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'torc.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def _service_missing(message: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{message} (in CI every service has to be there)")
    pytest.skip(message)
