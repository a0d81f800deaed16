"""Files that jobs left, looked at again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from torc_nb import Workflow
from torc_nb.models import FileModel

Finish = Callable[[], None]

COLUMNS = ["name", "map", "path", "change", "recorded_size", "size", "recorded_mtime", "mtime"]


def writes(name: str) -> Any:
    """Write a file and return its path among other things."""
    from pathlib import Path

    path = Path(f"{name}.txt")
    path.write_text(name)
    return {"name": name, "file": path}


def shares(number: int) -> Any:
    """Return a path that other jobs return too, and that a command needs."""
    from pathlib import Path

    return Path("common"), number


def changes(found: pd.DataFrame) -> list[tuple[str, str]]:
    """What happened to which file."""
    return [(Path(path).name, change) for path, change in zip(found["path"], found["change"], strict=True)]


def test_gone_and_changed(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Empty while all is as it was; then each file with what it was and is; what is put back is as it was."""
    names = ["a", "größe ☃", "c"]
    rows = wf.map(writes, names, name="rows")
    other = wf.map(writes, ["other"], name="others")
    assert wf.check_files().empty
    finish()
    for found in (wf.check_files(), rows.check_files()):
        assert list(found.columns) == COLUMNS
        assert (found.index.name, len(found)) == ("job", 0)
    first, second, third = (tmp_path / f"{name}.txt" for name in names)
    before = second.stat()
    first.unlink()
    second.write_text("longer than it was")
    (tmp_path / "other.txt").write_text("OTHER")  # as long as it was
    os.utime(tmp_path / "other.txt", (1e9, 1e9))
    found = wf.check_files()
    jobs = [*rows.jobs().index[:2], *other.jobs().index]
    assert list(found.index) == jobs
    assert list(found["map"]) == ["rows", "rows", "others"]
    assert list(found["name"]) == ["0", "1", "0"]
    assert list(found["path"]) == [str(first), str(second), str(tmp_path / "other.txt")]
    assert list(found["change"]) == ["gone", "changed", "changed"]
    assert list(found["recorded_size"]) == [1, before.st_size, 5]
    assert list(found["size"].fillna(-1)) == [-1, 18, 5]
    assert abs(found["recorded_mtime"].iloc[1].timestamp() - before.st_mtime) < 1e-5
    assert found["mtime"].isna().tolist() == [True, False, False]
    assert found["mtime"].iloc[2] == pd.Timestamp(1e9, unit="s", tz="UTC")
    assert changes(rows.check_files()) == [("a.txt", "gone"), ("größe ☃.txt", "changed")]
    second.write_bytes("größe ☃".encode())
    os.utime(second, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changes(wf.check_files()) == [("a.txt", "gone"), ("other.txt", "changed")]
    assert third.exists()


def test_what_runs_again_is_as_it_left_it_last(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Nothing is said of a job that is to run, nor of one that was dropped."""
    rows = wf.map(writes, ["a", "b", "c"], name="rows")
    finish()
    for name in "ab":
        (tmp_path / f"{name}.txt").unlink()
    assert changes(wf.check_files()) == [("a.txt", "gone"), ("b.txt", "gone")]
    first, second, _ = rows.jobs().index
    wf.rerun(jobs=[first])
    assert changes(wf.check_files()) == [("b.txt", "gone")]
    finish()
    assert (tmp_path / "a.txt").exists()
    assert changes(wf.check_files()) == [("b.txt", "gone")]
    wf.map(writes, ["a", "c"], name="rows", drop=True)
    assert second not in wf.jobs().index
    assert wf.check_files().empty


def test_what_commands_produce(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Under the command's name; until its record is forgotten."""
    made = wf.command("echo made > made; mkdir folder", name="make", produces=["made", "folder"])
    finish()
    assert wf.check_files().empty
    (tmp_path / "made").write_text("other")
    wf.api.create_file(FileModel(workflow_id=wf.id, path="made"))  # looked at by others, it is still another
    (tmp_path / "folder").rmdir()
    found = wf.check_files()
    assert changes(found) == [("folder", "gone"), ("made", "changed")]
    assert list(found.index) == [made.id, made.id]
    assert list(found["name"]) == ["make", "make"]
    assert found["map"].isna().all()
    record = next(one for one in wf.api.list_files(wf.id) if one.name == "made")
    wf.api.delete_file(record.id or 0)
    found = wf.check_files()
    assert changes(found) == [("folder", "gone")]
    assert wf.rerun(jobs=found.index) == 1
    finish()
    assert wf.check_files().empty
    assert wf.rerun(jobs=wf.check_files().index) == 0


def test_a_returned_path_declares_nothing(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Many may return one file; who needs it waits for none of them, runs not again with them, and may make it."""
    (tmp_path / "common").write_text("x")
    needs = wf.command("cat common", name="needs", needs=["common"])
    rows = wf.map(shares, [1, 2], name="rows")
    finish()
    assert [one.path for one in wf.api.list_files(wf.id)] == [str(tmp_path / "common")]
    assert [wf.api.list_files(wf.id, job_id=job, relation="produces") for job in rows.jobs().index] == [[], []]
    wf.rerun(jobs=list(rows.jobs().index))
    assert needs.status == "completed"
    late = wf.command("cat common", name="late", needs=["common"])
    assert late.status != "blocked"
    makes = wf.command("echo y > common", name="makes", produces=["common"])
    finish()
    assert (late.status, makes.status) == ("completed", "completed")
    assert makes.value()["files"].keys() == {str(tmp_path / "common")}
