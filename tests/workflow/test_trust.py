"""Another user's work: looked at without risk, and used where its user is trusted."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy

from torc_nb import Workflow, cli, make_api
from torc_nb.api import current
from torc_nb.errors import NotPrivate, NotTrusted
from torc_nb.store import schema
from torc_nb.workflow import Map


def plain(x: int) -> dict[str, float]:
    """JSON."""
    return {"half": x / 2}


def pickled(x: int) -> Fraction:
    """A value that JSON does not have, and torc_nb neither."""
    return Fraction(x, 2)


@pytest.fixture
def his(wf: Workflow, finish: Callable[[], None]) -> Workflow:
    """A workflow of another user, as this user sees it."""
    for function in (plain, pickled):
        wf.map(function, range(3))
    finish()
    with wf.api.database.write() as connection:
        connection.execute(sqlalchemy.update(schema.workflows).values(user="bob"))
    return wf


def maps_of(wf: Workflow, *, trust: bool = False) -> tuple[Map, Map]:
    """Its maps, as another process sees them."""
    api = make_api(wf.api.database.url, trust=trust)
    return Map(api, wf.id, api.get_map(wf.id, "plain").id, "plain"), Map(
        api, wf.id, api.get_map(wf.id, "pickled").id, "pickled"
    )


def test_what_holds_no_pickles_is_shown(his: Workflow) -> None:
    """Parameters, results, listings."""
    first, second = maps_of(his)
    assert list(first.results()["result.half"]) == [0, 0.5, 1]
    assert list(first) == [{"half": x / 2} for x in range(3)]
    assert list(second.params()["params"]) == [0, 1, 2]
    assert len(second.jobs()) == 3
    assert "Fraction" in repr(list(his.api.list_user_data(his.id))[-1])
    first._api.database.close()
    second._api.database.close()


def test_a_pickle_says_what_to_do(his: Workflow) -> None:
    """However it is asked for; where the user is trusted it is the object that it was."""
    _, second = maps_of(his)
    api = second._api
    job = int(second.jobs().index[1])
    for ask in (
        second.results,
        lambda: list(second),
        lambda: second.value(job),
        lambda: api.get_user_data(2 * job + 1),
    ):
        with pytest.raises(NotTrusted, match=r"Fraction is a pickle.*bob's.*trust=True"):
            ask()
    api.database.close()
    _, trusted = maps_of(his, trust=True)
    assert list(trusted) == [Fraction(x, 2) for x in range(3)]
    trusted._api.database.close()


def test_his_functions_do_not_run(his: Workflow) -> None:
    """No worker is started for them, and none that is started otherwise runs them."""
    api = make_api(his.api.database.url)
    with pytest.raises(NotTrusted, match=r"own user's workflows.*bob's"):
        api.run(his.id, num_cpus=1, more=True)
    with pytest.raises(NotTrusted, match="bob's"):
        api.schedule_nodes(his.id, 1, more=True)
    api.database.close()


def test_his_modules_are_not_imported(wf: Workflow, tmp_path: Path) -> None:
    """To compare the code of a function that was given by name, its module would have to be."""
    (tmp_path / "study_of_bob.py").write_text("def run(x):\n    return x\n")
    wf.map("study_of_bob:run", range(2), module_directory=tmp_path)
    with wf.api.database.write() as connection:
        connection.execute(sqlalchemy.update(schema.workflows).values(user="bob"))
    (tmp_path / "study_of_bob.py").write_text("raise SystemExit('it ran')\n")
    api = make_api(wf.api.database.url)
    with pytest.raises(NotTrusted, match=r"modules that it names would run.*bob's"):
        api.reinitialize(wf.id, dry_run=True)
    api.database.close()


def test_his_export_is_not_taken_in(his: Workflow, tmp_path: Path) -> None:
    """Here its pickles would pass for one's own."""
    path = his.api.export_workflow(his.id, tmp_path / "his.json")
    api = make_api(his.api.database.url)
    with pytest.raises(NotTrusted, match="bob's workflow sweep, with pickles"):
        api.import_workflow(path, files=tmp_path / "taken")
    assert len(api.list_workflows()) == 1
    api.database.close()
    trusting = make_api(his.api.database.url, trust=True)
    assert trusting.import_workflow(path, files=tmp_path / "taken").name == "sweep"
    trusting.database.close()


def test_a_folder_that_others_may_write_starts_no_worker(wf: Workflow) -> None:
    """What they put there would say what runs."""
    wf.map(plain, range(2))
    files = Path(wf.api.get_workflow(wf.id).files)
    files.chmod(0o777)
    with pytest.raises(NotPrivate, match=f"chmod go-w {files}$"):
        wf.run()
    files.chmod(0o700)


def test_a_command_is_told_to_trust(his: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """By --trust; in a kernel, by the Workflow that opened the database so."""
    _, second = maps_of(his)
    key = str(2 * int(second.jobs().index[1]) + 1)
    second._api.database.close()
    asked = ["user-data", "get", key, "--db", his.api.database.url]
    assert cli.run(asked) == 1
    assert "--trust in a command" in capsys.readouterr().err
    assert cli.run([*asked, "--trust"]) == 0
    assert "1/2" in capsys.readouterr().out
    trusting = make_api(his.api.database.url, trust=True)
    current.use(trusting, his.id)
    assert cli.run(asked) == 0
    trusting.database.close()
    current.use(his.api, his.id)
    assert cli.run(asked) == 1
