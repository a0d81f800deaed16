"""Which database is meant, and which are remembered."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from torc_nb.api import Api, current, make_api, places
from torc_nb.errors import InvalidRequest
from torc_nb.models import WorkflowModel
from torc_nb.workflow import Workflow


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, else the environment, else the last opened, else the nearest upwards, else a new one here."""
    deep = tmp_path / "project" / "notebooks"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert places.find_database() == str(deep / ".torc" / "torc.db")

    above = make_api(tmp_path / "project" / ".torc" / "torc.db")
    assert places.find_database() == str(tmp_path / "project" / ".torc" / "torc.db")
    above.database.close()

    opened = make_api(tmp_path / "other.db")
    current.use(opened, 1)
    assert places.find_database() == opened.database.url

    monkeypatch.setenv("TORC_NB_DATABASE_URL", "sqlite:////somewhere/else.db")
    assert places.find_database() == "sqlite:////somewhere/else.db"
    assert places.find_database(tmp_path / "given.db") == str(tmp_path / "given.db")
    opened.database.close()


def test_torcs_own_variable_names_a_database_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours goes before it."""
    monkeypatch.setenv("TORC_BASE_URL", "postgresql://me@host/torc")
    assert places.find_database() == "postgresql://me@host/torc"
    monkeypatch.setenv("TORC_NB_DATABASE_URL", str(tmp_path / "ours.db"))
    assert places.find_database() == str(tmp_path / "ours.db")


def test_the_address_of_torcs_service_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given or in the variable, it is said what to give instead; nothing is made."""
    with pytest.raises(InvalidRequest, match=r"This is http://localhost:8529.*SQLite file"):
        make_api("http://localhost:8529/_db/workflows/torc-service")
    monkeypatch.setenv("TORC_BASE_URL", "https://host/torc-service/v1")
    with pytest.raises(InvalidRequest, match=r"TORC_BASE_URL is https://host.*postgresql://"):
        make_api()
    assert not (tmp_path / ".torc").exists()


def test_environment_outdoes_what_was_opened_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For ``Workflow`` as for the commands."""
    first = Workflow("sweep", db=tmp_path / "first.db")
    monkeypatch.setenv("TORC_NB_DATABASE_URL", f"sqlite:///{tmp_path / 'second.db'}")
    second = Workflow("sweep")
    assert (tmp_path / "second.db").exists()
    for wf in (first, second):
        wf.api.database.close()


def test_new_database_is_the_users_alone(tmp_path: Path) -> None:
    """File 0600 in a folder 0700."""
    make_api().database.close()
    assert stat.S_IMODE((tmp_path / ".torc").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / ".torc" / "torc.db").stat().st_mode) == 0o600


def test_opened_databases_are_remembered(api: Api, store_url: str, tmp_path: Path) -> None:
    """The last one first, each once."""
    make_api(tmp_path / "other.db").database.close()
    opened = make_api(store_url).database
    opened.close()
    assert places.remembered() == [opened.url, f"sqlite:///{tmp_path / 'other.db'}"]


def test_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs the list, nothing else; and so does a list that is damaged."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    make_api(tmp_path / "a.db").database.close()
    assert places.remembered() == []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "torc_nb").mkdir()
    (tmp_path / "torc_nb" / "databases.json").write_text("{")
    make_api(tmp_path / "a.db").database.close()
    assert places.remembered() == [f"sqlite:///{tmp_path / 'a.db'}"]


def test_which_workflow(api: Api, tmp_path: Path) -> None:
    """The one named by id or name, else the current, else the only one, else the question with all of them."""
    with pytest.raises(InvalidRequest, match="has none yet"):
        current.workflow(api)
    first, second = (
        api.create_workflow(WorkflowModel(name=name, files=str(tmp_path / name))) for name in ("one", "two")
    )
    assert first.id is not None
    assert current.workflow(api, "one") == first
    assert current.workflow(api, second.id) == second
    with pytest.raises(InvalidRequest, match=rf"one \({first.id}\), two \({second.id}\)"):
        current.workflow(api)
    with pytest.raises(InvalidRequest, match="no workflow 'three'"):
        current.workflow(api, "three")
    current.use(api, first.id)
    assert current.workflow(api) == first
    api.delete_workflow(first.id)
