"""A worker runs its own user's workflows, from where nobody else could have put anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from torc_nb import private
from torc_nb.errors import NotPrivate
from torc_nb.models import WorkerSettings
from torc_nb.store import schema
from torc_nb.worker.errand import Errand
from worker.conftest import Site


def test_another_users_workflow_is_not_run(any_site: Site) -> None:
    """Unless that user is trusted."""
    any_site.map(lambda row: row, range(3))
    with any_site.database.write() as connection:
        connection.execute(sqlalchemy.update(schema.workflows).values(user="bob"))
    assert any_site.worker(num_cpus=1).wait(30) == 1
    assert "Workers run their own user's workflows. Workflow" in any_site.said()
    assert "is bob's" in any_site.said()
    assert any_site.statuses() == {"ready": 3}
    assert any_site.run(num_cpus=1, trust=True) == {"completed": 3}


@pytest.mark.parametrize("name", [".", "spool", "values", "launches"])
def test_a_folder_that_others_may_write_is_refused(site: Site, name: str) -> None:
    """They could put results there, or what is launched next."""
    site.map(lambda row: row, range(3))
    folder = site.files / name
    folder.mkdir(exist_ok=True)
    folder.chmod(0o770)
    assert site.worker(num_cpus=1).wait(30) == 1
    assert f"chmod go-w {folder}" in site.said()
    folder.chmod(0o700)
    assert site.run(num_cpus=1) == {"completed": 3}


def test_another_users_errand_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what runs."""
    errand = Errand("os:getpid", WorkerSettings("a.db", 1, 0))
    errand.write(tmp_path / "0.json")
    assert Errand.read(tmp_path / "0.json") == errand
    monkeypatch.setattr(private, "is_ours", lambda found: False)
    with pytest.raises(NotPrivate, match="was put there by another user"):
        Errand.read(tmp_path / "0.json")
