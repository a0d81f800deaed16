"""A workflow in a file: what is in it and what is not, and what a colleague sees who has nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from services.workers import SEARCH_PATH
from workflow.study import halve, same

from torc_nb.errors import InvalidRequest, JobFailed, NotFound, NotTrusted, ReadOnly
from torc_nb.models import JobStatus, UserDataModel
from torc_nb.workflow import Workflow

Finish = Callable[[], None]

#: A module that the colleague does not have.
CODE = '''\
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Beam:
    length: float


class Odd:
    pass


def run(p):
    print("hello", p["n"])
    if p["n"] == 2:
        raise ValueError("bad two")
    large = "z" * 2_000_000 if p["n"] == 1 else "z"
    values = {"beam": Beam(1.5), "odd": Odd(), "a": np.arange(3), "u": "ünï ☃", "nan": np.nan}
    return {"y": p["n"] / 2, "large": large, **values}


def total(results):
    return sum(one["y"] for one in results)
'''

#: What a colleague does, in a process that has neither the module nor the database.
COLLEAGUE = """\
import json, sys
from torc_nb import Workflow
wf = Workflow.open(sys.argv[1])
m = wf["run"]
first = m.value(int(m.results(provenance=True)["job.id"].iloc[0]))
print(json.dumps({
    "y": m.results()["result.y"].tolist()[:2],
    "beam": first["beam"], "odd": first["odd"].split(",")[0], "a": first["a"].tolist(), "u": first["u"],
    "nan": first["nan"] != first["nan"],
    "large": len(m.results()["result.large"].iloc[1]),
    "jobs": wf.jobs()["status"].astype(str).tolist(), "failures": wf.failures()["example"].tolist(),
    "folder": wf.api.get_workflow(wf.id).files, "modules": [name for name in sys.modules if name in ("sim", "psycopg")],
}))
"""


def members(path: Path) -> list[str]:
    """The names of what is in a file."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def parquet(path: Path, name: str, tmp_path: Path) -> pd.DataFrame:
    """A table of a file, as anybody reads it."""
    with zipfile.ZipFile(path) as archive:
        return pd.read_parquet(archive.extract(name, tmp_path / "read"))


@pytest.fixture
def declared(wf: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    """Jobs of a module of the user's, whose environment has a secret; and another workflow in the database."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "sim.py").write_text(CODE)
    monkeypatch.setenv("SITE_SETTING", "of-the-environment")
    rows = pd.DataFrame({"n": [0, 1, 2]}, index=pd.Index(["a", "b", "c"], name="case"))
    wf.map(("sim", "run"), rows, postprocess=("sim", "total"), module_directory=folder, name="run", unpack=False)
    other = wf.api.create_workflow(wf.api.get_workflow(wf.id).model_copy(update={"id": None, "name": "other"}))
    wf.api.map_function(other.id or 0, same, ["of-another-workflow"], name="theirs")
    return wf


def test_a_colleague_sees_all_of_it(declared: Workflow, finish: Finish, tmp_path: Path) -> None:
    """In a process without the user's modules, database and server; the folder that it took is gone afterwards."""
    finish()
    path = declared.export(tmp_path / "sweep.zip")
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", COLLEAGUE, path],
        cwd=tmp_path / "elsewhere",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SEARCH_PATH, "HOME": str(tmp_path / "elsewhere")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said, found = done.stdout.splitlines()
    seen = json.loads(found)
    assert said == f"opened sweep ({declared.id}): 4 jobs, 1 failed; to look at, unpacked to {seen['folder']}"
    assert not Path(seen.pop("folder")).exists()
    assert seen == {
        "y": [0.0, 0.5], "beam": {"length": 1.5}, "odd": "<sim.Odd", "a": [0, 1, 2], "u": "ünï ☃", "nan": True,
        "large": 2_000_000, "jobs": ["completed", "completed", "failed", "canceled"], "failures": ["bad two"],
        "modules": [],
    }  # fmt: skip


def test_what_is_in_it(declared: Workflow, finish: Finish, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Parquet, code, summary, README; large values are told apart; what jobs printed where it is asked for."""
    finish()
    capsys.readouterr()
    path = declared.export(tmp_path / "sweep.zip", logs=True)
    assert capsys.readouterr().out == f"Exported 4 jobs to {path} ({_size(path)}, 1 large value of 1.9 MB with it)\n"
    names = members(path)
    assert names[0] == "README.txt"
    assert {"torc_nb.json", "summary.json", "workflow.db", "maps/run.parquet", "jobs.parquet"} <= set(names)
    assert len([name for name in names if name.startswith("values/")]) == 1
    assert len([name for name in names if name.startswith("logs/")]) == 1
    table = parquet(path, "maps/run.parquet", tmp_path)
    assert table["case"].tolist() == ["a", "b", "c"]
    assert table["result.y"].tolist()[:2] == [0.0, 0.5]
    assert table["result.beam.length"].tolist()[:2] == [1.5, 1.5]
    assert table["result.large"].iloc[1].startswith("<str, 1.9 MiB> in values/")
    assert table["job.error"].tolist()[2] == "bad two"
    with zipfile.ZipFile(path) as archive:
        readme, summary = archive.read("README.txt").decode(), json.loads(archive.read("summary.json"))
        module = next(name for name in names if name.endswith("-modules/sim.py"))
        assert archive.read(module).decode() == CODE
    for line in ("result.beam.length  double", "1 large value, 1.9 MB", "what jobs printed"):
        assert line in readme
    assert (summary["jobs"], summary["workflow"]["name"]) == ({"completed": 2, "failed": 1, "canceled": 1}, "sweep")
    assert Workflow.open(path).logs(declared.jobs()[lambda df: df["status"] == "failed"].index[0]).stdout == "hello 2\n"


def _size(path: Path) -> str:
    from torc_nb.models.quantities import format_memory

    return format_memory(path.stat().st_size)


def test_what_is_not_in_it(declared: Workflow, tmp_path: Path) -> None:
    """Other workflows, environment variables, scripts that set up nodes, values that the code read."""
    from torc_nb.models import SlurmSchedulerModel

    declared.api.create_slurm_scheduler(
        SlurmSchedulerModel(workflow_id=declared.id, name="short", setup=["export KEY=of-the-setup"])
    )
    secret = "of-the-notebook"
    declared.map(lambda n: (n, secret), [1], name="reads")
    path = declared.export(tmp_path / "sweep.zip")
    with zipfile.ZipFile(path) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    for left in (b"of-the-environment", b"of-another-workflow", b"of-the-setup", b"of-the-notebook", b"theirs"):
        assert left not in content
    copy = Workflow.open(path)
    assert [one.name for one in copy.api.list_workflows()] == ["sweep"]
    assert [one.name for one in copy.maps] == ["run", "reads"]
    assert copy.api.list_slurm_schedulers(copy.id)[0].name == "short"


def test_in_mid_run_it_is_of_one_moment(wf: Workflow, tmp_path: Path) -> None:
    """Jobs go on while it is written: counts, table and jobs agree, whatever was done meanwhile."""
    m = wf.map(halve, [{"x": x} for x in range(2000)])
    wf.run(num_cpus=2)
    for number in range(3):
        path = wf.export(tmp_path / f"{number}.zip")
        copy = Workflow.open(path)
        status = copy.status()
        completed = status.statuses.get(JobStatus.COMPLETED, 0)
        assert status.total == 2000
        assert status.workers == []
        assert _made(copy.results()) == completed
        assert _made(parquet(path, "maps/halve.parquet", tmp_path / str(number))) == completed
        assert (copy.jobs()["status"] == "completed").sum() == completed
    wf.wait(timeout=40, progress=False)
    assert len(m.results()) == 2000


def _made(table: pd.DataFrame) -> int:
    """How many rows have a result."""
    return int(table.filter(regex="^result").notna().any(axis=1).sum())


REFUSED: dict[str, Callable[[Workflow], Any]] = {
    "run": lambda wf: wf.run(),
    "schedule_nodes": lambda wf: wf.schedule_nodes(1),
    "start": lambda wf: wf.start(),
    "map": lambda wf: wf.map(same, [1], name="new"),
    "command": lambda wf: wf.command("true"),
    "modify": lambda wf: wf["halve"].modify(wf["halve"].params().assign(x=7)),
    "rerun": lambda wf: wf.rerun(),
    "reinitialize": lambda wf: wf.reinitialize(),
    "accept_results": lambda wf: wf.accept_results(),
    "cancel": lambda wf: wf.cancel(),
    "pause": lambda wf: wf.pause(),
    "resume": lambda wf: wf.resume(),
    "disable": lambda wf: wf.disable(jobs=[1]),
    "wait": lambda wf: wf.wait(progress=False),
    "iterate": lambda wf: list(wf["halve"]),
    "delete": lambda wf: wf.api.delete_workflow(wf.id),
    "user data": lambda wf: wf.api.create_user_data(UserDataModel(workflow_id=wf.id, name="new", data=1)),
}


def test_what_would_change_something_is_refused(wf: Workflow, tmp_path: Path) -> None:
    """By a sentence that names the file and what to do; nothing of the copy runs either."""
    wf.map(halve, [{"x": 1}])
    copy = Workflow.open(wf.export(tmp_path / "sweep.zip"))
    for name, act in REFUSED.items():
        with pytest.raises(ReadOnly, match=r"sweep\.zip is a copy to look at"):
            pytest.fail(f"{name} was not refused: {act(copy)}")
    with pytest.raises(NotTrusted, match="a copy to look at, of which nothing runs"):
        copy.reproduce(copy.jobs().index[0])


def test_looking_works_as_it_did(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Each table is that of the original."""
    wf.map(halve, pd.DataFrame({"x": [4, -1, 6]}, index=["c", "a", "b"]), name="halve")
    wf.map(halve, pd.DataFrame({"x": [6, 4]}, index=["b", "c"]), name="halve")
    wf.api.create_user_data(UserDataModel(workflow_id=wf.id, name="note", data={"a": [1, 2]}))
    finish()
    copy = Workflow.open(wf.export(tmp_path / "sweep.zip"))
    for look in (
        lambda wf: wf.results(provenance=True),
        lambda wf: wf.results(where={"x": 6}),
        lambda wf: wf["halve"].params(status="completed"),
        lambda wf: wf.jobs(),
        lambda wf: wf.user_data(),
        lambda wf: wf.failures().drop(columns="where"),
        lambda wf: wf.events(),
        lambda wf: wf.workers().drop(columns=["boot_id", "state", "last_seen", "lease_expires"]),
    ):
        pd.testing.assert_frame_equal(look(copy), look(wf))
    assert copy.summary().plain()["code"] == wf.summary().plain()["code"]
    assert parquet(tmp_path / "sweep.zip", "maps/halve.parquet", tmp_path)["index"].tolist() == ["b", "c"]
    assert copy["halve"].value(copy.results(provenance=True)["job.id"].iloc[0]) == {"half": 3.0}
    with pytest.raises(JobFailed, match="-1 is negative"):
        copy["halve"].value(copy.jobs(status="failed").index[0])
    for picture in (copy.plot.timeline, copy.plot.resources, copy.plot.durations, copy.plot.graph):
        assert picture().axes


def test_a_map_without_rows_and_one_without_results(wf: Workflow, tmp_path: Path) -> None:
    """And names that are no names of files."""
    wf.map(same, [], name="../../empty")
    wf.map(same, [{"x": 1}], name="a/b", unpack=False)
    wf.map(same, [{"x": 1}], name="a:b", unpack=False)
    path = wf.export(tmp_path / "sweep.zip")
    names = [name for name in members(path) if name.startswith("maps/")]
    assert names == ["maps/_.._empty.parquet", "maps/a_b.parquet", "maps/a_b-2.parquet"]
    assert len(parquet(path, names[0], tmp_path)) == 0
    assert parquet(path, names[1], tmp_path)["result"].isna().all()
    copy = Workflow.open(path)
    assert [one.name for one in copy.maps] == ["../../empty", "a/b", "a:b"]
    assert copy["a/b"].results()["result"].isna().all()


def test_a_workflow_with_nothing_in_it(wf: Workflow, tmp_path: Path) -> None:
    """Is a file too."""
    copy = Workflow.open(wf.export(tmp_path / "sweep.zip"))
    assert copy.maps == []
    assert copy.summary().node_hours.used == 0.0


def test_where_to(wf: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is kept unless it is said otherwise; what cannot be is said."""
    target = tmp_path / "sweep.zip"
    target.write_text("mine")
    with pytest.raises(InvalidRequest, match=r"already; overwrite=True"):
        wf.export(target)
    assert target.read_text() == "mine"
    wf.export(target, overwrite=True)
    assert zipfile.is_zipfile(target)
    assert target.stat().st_mode & 0o777 == 0o600
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(InvalidRequest, match="is a folder"):
        wf.export(tmp_path / "folder.zip")
    with pytest.raises(InvalidRequest, match=r"no name of a zip file, which is what is written: sweep\.zip"):
        wf.export(tmp_path / "sweep.jsonl.gz")
    with pytest.raises(InvalidRequest, match="cannot be written, and nothing of it is left: No such file"):
        wf.export(tmp_path / "nowhere" / "sweep.zip")
    monkeypatch.chdir(tmp_path)
    assert wf.export("relative.zip") == tmp_path / "relative.zip"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["Ctrl-C", "full"])
def test_interrupted_nothing_half_is_left(
    wf: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Nor is what was there lost."""
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "sweep.zip"
    target.write_text("mine")
    wf.map(same, [1])

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(zipfile.ZipFile, "write", fail)
    with pytest.raises((KeyboardInterrupt, InvalidRequest)) as raised:
        wf.export(target, overwrite=True)
    if raised.type is InvalidRequest:
        assert "nothing of it is left: No space left on device" in str(raised.value)
    assert [path.name for path in target.parent.iterdir()] == ["sweep.zip"]
    assert target.read_text() == "mine"


#: Exports a workflow, and stops where all parts are made.
EXPORT = """\
import sys, time, zipfile
from torc_nb import Workflow

def stop(*_, **__):
    print("working", flush=True)
    time.sleep(600)

if sys.argv[3:]:
    zipfile.ZipFile.write = stop
Workflow("sweep", db=sys.argv[1]).export(sys.argv[2], overwrite=True)
"""


def exporting(wf: Workflow, target: Path, *stop: str) -> list[str]:
    """The command that exports a workflow in a process of its own."""
    return [sys.executable, "-c", EXPORT, wf.api.database.url, str(target), *stop]


def test_what_a_killed_one_left_is_removed_by_the_next(wf: Workflow, tmp_path: Path) -> None:
    """And not what another is working on, nor what is of another file."""
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "sweep[1].zip"
    (target.parent / ".sweep1.zip.mine").mkdir()
    wf.map(same, [1])
    first, second = (subprocess.Popen(exporting(wf, target, "stop"), stdout=subprocess.PIPE) for _ in range(2))
    for one in (first, second):
        assert one.stdout is not None
        assert any(b"working" in line for line in one.stdout)
    first.kill()
    first.communicate()
    assert len(list(target.parent.iterdir())) == 3
    wf.export(target)
    assert len(list(target.parent.iterdir())) == 3, "only what the killed one left is to go"
    assert zipfile.is_zipfile(target)
    second.kill()
    second.communicate()
    wf.export(target, overwrite=True)
    assert {path.name for path in target.parent.iterdir()} == {"sweep[1].zip", ".sweep1.zip.mine"}


def test_files_that_this_user_may_not_read(declared: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Are named, with what exports the workflow without them; nothing is written."""
    finish()
    target = tmp_path / "sweep.zip"
    (large,) = (Path(declared.api.get_workflow(declared.id).files) / "values").glob("*/*")
    large.chmod(0)
    # Root may read everything, but for one that has given this up.
    without_rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*without_rights, *exporting(declared, target)], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"are files that you may not read: {large}. files=False (`--no-files`) exports it without." in done.stderr
    assert not target.exists()
    large.chmod(0o600)


def test_without_large_values(declared: Workflow, finish: Finish, tmp_path: Path) -> None:
    """A text tells which are missing; all else is there."""
    finish()
    path = declared.export(tmp_path / "sweep.zip", files=False)
    assert [name for name in members(path) if name.startswith("values/")] == []
    found = Workflow.open(path)["run"].results()["result"].iloc[1]
    assert found.startswith("<value, 1.9 MiB> in values/")


def test_a_copy_of_a_copy(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Whoever got one may hand it on."""
    wf.map(halve, [{"x": 2}])
    finish()
    again = Workflow.open(Workflow.open(wf.export(tmp_path / "one.zip")).export(tmp_path / "two.zip"))
    assert again.results()["result.half"].tolist() == [1.0]


def test_what_is_opened_besides(wf: Workflow, tmp_path: Path, store_url: str) -> None:
    """A database's workflows by their names, of which none is made; and nothing that is neither."""
    opened = Workflow.open(store_url)
    assert (opened.id, opened.name) == (wf.id, "sweep")
    opened.map(same, [1])  # it is the workflow itself
    opened.api.database.close()
    wf.api.create_workflow(wf.api.get_workflow(wf.id).model_copy(update={"id": None, "name": "other"}))
    other = Workflow.open(store_url, "other")
    assert other.id != wf.id
    other.api.database.close()
    with pytest.raises(InvalidRequest, match=r"Which workflow\? Name it"):
        Workflow.open(store_url)
    with pytest.raises(NotFound, match="no workflow 'new'"):
        Workflow.open(store_url, "new")
    path = wf.export(tmp_path / "sweep.zip")
    with pytest.raises(NotFound, match="no workflow 'new'"):
        Workflow.open(path, "new")
    assert Workflow("sweep", db=path).api.database.is_copy


def test_opening_a_copy_does_not_make_it_the_current_database(
    wf: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next Workflow(name) is made where it would have been."""
    from torc_nb.api import current, places

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = current.database()
    path = wf.export(tmp_path / "sweep.zip")
    Workflow.open(path)
    Workflow("sweep", db=path)
    assert current.database() == before
    assert places.remembered() == []
