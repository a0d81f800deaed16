"""``user-data`` and ``files`` on a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from services.workers import end_workers


def _json(terminal: Any, line: str) -> Any:
    return json.loads(terminal.says(f"{line} --json"))


def test_the_tutorials_restart(terminal: Any, finished: Path) -> None:
    """List, modify by the envelope, by single values and by bare parameters."""
    first = _json(terminal, "user-data list")[0]
    assert first == {
        "key": 2,
        "name": "0",
        "data": {"module": "simulation", "func": "run", "params": {"a": 0}},
        "rev": 1,
        "is_ephemeral": False,
    }
    said = terminal.says("""user-data modify 2 -d '{"module":"simulation.py","func":"run","params":{"a":100}}'""")
    assert "a 0 → 100; job 1 is completed, with the old value; `torc-nb workflows reinitialize`" in said
    assert "sweep (1)" in said
    done = _json(terminal, "user-data modify 2 a=0")
    assert (done["changes"], done["rev"], done["data"]["params"]) == (["a 100 → 0"], 3, {"a": 0})
    terminal.says("""user-data modify 2 -d '{"a": 7}'""")
    assert _json(terminal, "user-data get 2")["data"]["params"] == {"a": 7}


def test_values_are_json_or_text(terminal: Any, finished: Path) -> None:
    """As they are typed; NaN and names that are new only when said."""
    terminal.says("user-data modify 2 a=NaN b=é c='[1, 2]' --add")
    shown = terminal.says("user-data get 2 --json")
    assert json.loads(shown)["data"]["params"] == {"a": None, "b": "é", "c": [1, 2]}
    terminal.says("user-data modify 2 c.1=x=y")
    assert _json(terminal, "user-data get 2")["data"]["params"]["c"] == [1, "x=y"]


def test_what_is_refused(terminal: Any, finished: Path) -> None:
    """Each message names what to type instead."""
    assert "Do you mean a?" in terminal.refuses("user-data modify 2 aa=1", 1)
    assert "wf.rerun(jobs=[1])" in terminal.refuses("user-data modify 3 a=1", 1)
    assert "leave module and func" in terminal.refuses(
        """user-data modify 2 -d '{"func": "other", "params": {"a": 1}}'""", 1
    )
    terminal.says("user-data modify 2 a=5")
    refused = terminal.refuses("user-data modify 2 a=6 --rev 1", 1)
    assert "a is 5 there and 6 in yours" in refused
    assert "--rev 2" in refused
    terminal.says("user-data modify 2 a=6 --rev 2")
    assert "is no JSON" in terminal.refuses("user-data modify 2 -d {a:1}", 2)
    assert "Say what to change" in terminal.refuses("user-data modify 2", 2)
    assert "torc-nb user-data list" in terminal.refuses("user-data get 999", 1)


def test_records(terminal: Any, finished: Path) -> None:
    """Added, listed with the jobs they belong to, changed, deleted."""
    added = _json(terminal, """user-data add -n url -d '{"host": "n1"}' --ephemeral --consumed-by 2 --stored-by 1""")
    key = added["key"]
    assert [one["key"] for one in _json(terminal, "jobs list-user-data --consumes 2")] == [4, key]
    assert [one["key"] for one in _json(terminal, "jobs list-user-data --stores 1")] == [3, key]
    changed = _json(terminal, f"user-data modify {key} host=n2 --no-ephemeral --name where")
    assert (changed["data"], changed["name"], changed["is_ephemeral"]) == ({"host": "n2"}, "where", False)
    terminal.says(f"user-data delete {key}")
    assert key not in [one["key"] for one in _json(terminal, "user-data list")]
    assert "drop=True" in terminal.refuses("user-data delete 2", 1)


def test_files(terminal: Any, finished: Path) -> None:
    """Added by their paths, listed with time and size, forgotten."""
    (finished / "mesh.dat").write_text("123")
    terminal.says("files add mesh.dat")
    (file,) = _json(terminal, "files list")
    assert (file["name"], file["path"], file["size"]) == ("mesh.dat", str(finished / "mesh.dat"), 3)
    assert _json(terminal, "list files") == [file]
    terminal.says(f"files delete {file['id']}")
    assert _json(terminal, "files list") == []
    assert (finished / "mesh.dat").exists()


def test_files_that_are_not_as_jobs_left_them(terminal: Any, finished: Path) -> None:
    """None at first, which is said; then one a row, with times as text."""
    from torc_nb import Workflow

    wf = Workflow("sweep", db=finished / ".torc" / "torc.db")
    made = wf.command("echo 1 > made.txt", name="make", produces=["made.txt"])
    wf.run(num_cpus=1)
    made.wait(progress=False)
    end_workers(wf.api)
    wf.api.database.close()
    assert "as the jobs left them" in terminal.says("files check")
    assert _json(terminal, "files check") == []
    (finished / "made.txt").unlink()
    (gone,) = _json(terminal, "files check")
    assert gone.pop("recorded_mtime").startswith("20")
    assert gone == {
        "job": made.id, "name": "make", "map": None, "path": str(finished / "made.txt"), "change": "gone",
        "recorded_size": 2, "size": None, "mtime": None,
    }  # fmt: skip
    assert "made.txt" in terminal.says("files check")
