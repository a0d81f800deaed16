"""User data as scripts use them: listed, read, modified with their revisions; records of their own."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torc_nb.api import Api
from torc_nb.errors import Conflict, InvalidRequest, NotFound
from torc_nb.models import FileModel, JobStatus, UserDataModel, WorkflowModel

SIMULATION = """\
def run(params):
    return params


def two(a, b=0):
    return a + b


def collect(results):
    return len(results)
"""

WHEN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def declare(api: Api, workflow: WorkflowModel, tmp_path: Path) -> Callable[..., list[int]]:
    """Maps a function of a module, and returns the jobs."""
    (tmp_path / "simulation.py").write_text(SIMULATION)

    def map_(*iterables: Any, func: str = "run", **options: Any) -> list[int]:
        assert workflow.id is not None
        done = api.map_function(workflow.id, ("simulation", func), *iterables, module_directory=tmp_path, **options)
        return [job.id for job in api.list_jobs(workflow.id, map_id=done.outcome.map_id)]

    return map_


def _data(api: Api, key: int) -> Any:
    return api.get_user_data_key(key).data


def test_the_tutorials_envelope(api: Api, workflow: WorkflowModel, declare: Any) -> None:
    """Inputs are named by their rows and tell module, function and parameters; outputs are empty at first."""
    declare([{"var1": "0", "var2": 0}, {"var1": "1", "var2": 1}], postprocess=("simulation", "collect"))
    first, output, *_, last = api.list_user_data(workflow.id or 0)
    assert first.data == {"module": "simulation", "func": "run", "params": {"var1": "0", "var2": 0}}
    assert (first.name, first.id, first.key, first.rev, first.is_ephemeral) == ("0", 2, 2, 1, False)
    assert (output.name, output.id, output.data) == ("output_0", 3, None)
    assert (last.name, last.id) == ("postprocess_result", 7)
    consumed = list(api.list_user_data(workflow.id or 0, job_id=3, relation="consumes"))
    assert [one.name for one in consumed] == ["output_0", "output_1"]
    assert [one.id for one in api.list_user_data(workflow.id or 0, limit=3)] == [2, 3, 4]


def test_the_tutorials_modify(api: Api, declare: Any) -> None:
    """The envelope with a module's file name, the bare parameters, and single values do the same."""
    declare([{"var1": "0", "var2": 0}] * 3)
    whole = {"module": "simulation.py", "func": "run", "params": {"var1": "100", "var2": 100}}
    done = api.modify_user_data(2, whole)
    assert (done.rev, done.changes) == (2, ["var1 '0' → '100'", "var2 0 → 100"])
    assert "takes effect at once" in done.note
    api.modify_user_data("4", whole["params"])
    api.modify_user_data(6, values={"var1": "100", "var2": 100})
    assert _data(api, 2)["params"] == _data(api, 4)["params"] == _data(api, 6)["params"] == whole["params"]
    for wrong in ({"func": "other"}, {"module": "other.py"}):
        with pytest.raises(InvalidRequest, match="leave module and func"):
            api.modify_user_data(2, whole | wrong)
    with pytest.raises(InvalidRequest, match="Do you mean var1"):
        api.modify_user_data(2, values={"vra1": 1})
    assert api.get_user_data(2).rev == 2


def test_a_script_reads_changes_and_puts(api: Api, workflow: WorkflowModel, declare: Any) -> None:
    """As with the original's client, the workflow before the key or not; a second writer is refused."""
    declare([{"var1": 1, "when": WHEN}])
    mine = api.get_user_data_key(workflow.id or 0, 2)
    other = api.get_user_data_key(2)
    mine.data["params"]["var1"] = 5
    assert api.put_user_data_key(workflow.id, 2, mine).rev == 2
    other.data["params"]["var1"] = 7
    with pytest.raises(Conflict, match=r"rev 2.*rev 1.*var1 is 5 there and 7 in yours.*--rev 2"):
        api.put_user_data_key(2, other)
    assert _data(api, 2)["params"] == {"var1": 5, "when": WHEN}
    assert api.modify_user_data(2, values={"var1": 7}, rev=2).rev == 3


@pytest.mark.parametrize(
    ("row", "data", "expected"),
    [
        (3, 4, 4),
        ("é", "ü", "ü"),
        (0.5, math.nan, math.nan),
        (0.5, -math.inf, -math.inf),
        ((1, 2.0), [3, 4], (3, 4.0)),
        ({"größe": WHEN}, {"größe": "2025-01-01T00:00:00+00:00"}, {"größe": WHEN.replace(year=2025)}),
        ({"big": "x"}, {"big": "y" * 10_000_000}, {"big": "y" * 10_000_000}),
    ],
)
def test_whatever_was_mapped_over(api: Api, declare: Any, row: Any, data: Any, expected: Any) -> None:
    """Scalars, tuples, special numbers, other names than ASCII's and large values keep their types."""
    declare([row])
    before = api.get_user_data(2)
    api.modify_user_data(2, data)
    after = _data(api, 2)["params"]
    assert after == expected or (math.isnan(expected) and math.isnan(after))
    assert type(after) is type(expected)
    api.put_user_data_key(2, before.model_copy(update={"rev": 2}))
    assert _data(api, 2)["params"] == row


def test_positional_rows_and_keywords_are_checked_against_the_function(api: Api, declare: Any) -> None:
    """A call that could not be made is refused before anything is written."""
    declare([1, 2], [3, 4], func="two", name="positional")
    assert api.modify_user_data(2, values={"1": 9}).changes == ["1 3 → 9"]
    with pytest.raises(InvalidRequest, match="positional"):
        api.modify_user_data(2, [1, 2, 3])
    (job,) = declare([{"a": 1, "b": 2}], func="two", name="keywords")
    with pytest.raises(InvalidRequest, match="keywords"):
        api.modify_user_data(2 * job, values={"c": 2}, add=True)
    assert _data(api, 2 * job)["params"] == {"a": 1, "b": 2}
    assert api.modify_user_data(2 * job, {"a": 5}).changes == ["a 1 → 5", "b 2 → (absent)"]


def test_what_cannot_be_modified(api: Api, declare: Any) -> None:
    """Results name rerun; keys of nothing name the list."""
    declare([1], postprocess=("simulation", "collect"))
    with pytest.raises(InvalidRequest, match=r"cannot be modified.*user data 2.*wf\.rerun\(jobs=\[1\]\)"):
        api.modify_user_data(3, 5)
    with pytest.raises(InvalidRequest, match=r"rerun\(jobs=\[2\]\)"):
        api.modify_user_data(5, 5)
    with pytest.raises(InvalidRequest, match="change their inputs"):
        api.modify_user_data(4, 5)
    for key in (4, 98, 99):
        with pytest.raises(NotFound, match="user-data list"):
            api.get_user_data(key)
    with pytest.raises(InvalidRequest, match="drop=True"):
        api.delete_user_data(2)


def test_when_a_change_takes_effect(api: Api, workflow: WorkflowModel, declare: Any) -> None:
    """A job that ran says that reinitialize is due; changed back, that it is not."""
    declare([{"x": 1}])
    assert workflow.id is not None
    api.run(workflow.id, num_cpus=1)
    while not api.progress(workflow.id).is_done:
        threading.Event().wait(0.05)
    assert JobStatus(api.get_job(1).status) is JobStatus.COMPLETED
    done = api.modify_user_data(2, values={"x": 2})
    assert "completed, with the old value; `wf.reinitialize()`" in done.note
    assert done.needs == "reinitialize"
    assert _data(api, 3) == {"x": 1}
    back = api.modify_user_data(2, values={"x": 1})
    assert "nothing is to run again" in back.note
    assert back.needs == ""


def test_records_of_their_own(api: Api, workflow: WorkflowModel, declare: Any) -> None:
    """Made, related, changed with revisions, listed among the others, deleted."""
    declare([1, 2])
    assert workflow.id is not None
    made = api.create_user_data(
        UserDataModel(workflow_id=workflow.id, name="é", data={"when": WHEN}, is_ephemeral=True),
        consumed_by=[2],
        stored_by=1,
    )
    assert made.id is not None
    assert [one.id for one in api.list_user_data(workflow.id, job_id=2, relation="consumes")] == [4, made.id]
    assert [one.id for one in api.list_user_data(workflow.id, job_id=1, relation="stores")] == [3, made.id]
    assert [one.id for one in api.list_user_data(workflow.id)] == [2, 3, 4, 5, made.id]
    found = api.get_user_data_key(made.id)
    assert (found.name, found.is_ephemeral, found.data) == ("é", True, {"when": WHEN})
    found.data = {"when": WHEN, "more": [1]}
    put = api.put_user_data_key(found.id, found)
    assert (put.rev, put.is_ephemeral) == (2, True)
    with pytest.raises(Conflict, match="rev 2"):
        api.modify_user_data(made.id, {"other": 1}, rev=1)
    renamed = api.modify_user_data(made.id, name="b", is_ephemeral=False)
    assert (renamed.name, renamed.is_ephemeral, renamed.rev, renamed.data) == ("b", False, 3, found.data)
    assert api.delete_user_data(made.id).name == "b"
    with pytest.raises(NotFound):
        api.get_user_data(made.id)
    empty = api.create_user_data(UserDataModel(workflow_id=workflow.id, name="placeholder"))
    assert api.modify_user_data(empty.id or 0, [1]).data == [1]


def test_files_are_recorded_as_they_are(api: Api, workflow: WorkflowModel, tmp_path: Path) -> None:
    """An absolute path, a name, the time and size of the moment; one that is not there yet has neither."""
    (tmp_path / "é.csv").write_text("12345")
    assert workflow.id is not None
    there = api.create_file(FileModel(workflow_id=workflow.id, path="é.csv"))
    later = api.create_file(FileModel(workflow_id=workflow.id, path=str(tmp_path / "out"), name="result"))
    assert (there.name, there.path, there.size) == ("é.csv", str(Path.cwd() / "é.csv"), 5)
    assert (later.mtime, later.size) == (None, None)
    assert api.create_file(FileModel(workflow_id=workflow.id, path="é.csv")).id == there.id
    assert [file.name for file in api.list_files(workflow.id)] == ["é.csv", "result"]
    assert api.delete_file(later.id or 0).name == "result"
    assert [api.get_file(there.id or 0)] == api.list_files(workflow.id)
