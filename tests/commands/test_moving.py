"""`workflows export` and `workflows import`."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any


def test_a_workflow_goes_to_another_folder(terminal: Any, finished: Path, empty: Path) -> None:
    """Exported in one, imported into a new database in the other; jobs, results and what was printed are there."""
    path = empty.parent / "sweep.jsonl.gz"
    text = terminal.says(f"workflows export {path} --db {finished / '.torc' / 'torc.db'}")
    assert text.startswith(f"Exported to {path} (")
    assert "--overwrite" in terminal.refuses(f"workflows export {path} --db {finished / '.torc' / 'torc.db'}", 1)
    said = terminal.says(f"workflows import {path} --name copy")
    assert said == f"Imported workflow 1 with 6 job(s). [copy (1) in {empty / '.torc' / 'torc.db'}]\n"
    again = json.loads(terminal.says(f"workflows import {path} --json"))
    assert (again["workflow_id"], again["workflow"], again["jobs"]) == (2, "sweep", 6)
    listed = json.loads(terminal.says("jobs list -w 2 --json"))
    assert [one["status"] for one in listed].count("completed") == 4
    failed = next(one for one in listed if one["status"] == "failed")
    assert terminal.says(f"jobs logs {failed['key']} -w 2").startswith("hello 2\n")
    (empty / "torn").write_text("{")
    assert "torn cannot be imported" in terminal.refuses("workflows import torn", 1)
    assert len(json.loads(terminal.says("workflows list --json"))) == 2


def test_a_workflow_for_a_colleague(terminal: Any, finished: Path, empty: Path) -> None:
    """A name in .zip: what is written is looked at by each command, in a folder without a database; none is changed."""
    path = empty.parent / "sweep.zip"
    text = terminal.says(f"workflows export {path} --db {finished / '.torc' / 'torc.db'}")
    assert text.startswith(f"Exported 6 jobs to {path} (")
    assert "--overwrite" in terminal.refuses(f"workflows export {path} --db {finished / '.torc' / 'torc.db'}", 1)
    listed = json.loads(terminal.says(f"jobs list --json --db {path}"))
    assert [one["status"] for one in listed].count("completed") == 4
    assert "bad two" in terminal.says(f"failures list --db {path}")
    assert "is a copy to look at" in terminal.refuses(f"rerun --status failed --db {path}", 1)
    assert "by Workflow.open" in terminal.refuses(f"workflows import {path}", 1)
    again = json.loads(
        terminal.says(f"workflows export {path} --overwrite --no-files --json --db {finished / '.torc' / 'torc.db'}")
    )
    assert (again["jobs"], again["file"], again["files"], again["logs"]) == (6, str(path), False, False)
    assert "created" not in terminal.says(f"workflows list --db {path}").splitlines()[-1]


def test_what_a_workflow_came_to(terminal: Any, finished: Path) -> None:
    """As a table and as JSON."""
    lines = terminal.says("workflows summary").splitlines()
    assert lines[0] == "Summary of sweep (1)"
    assert lines[1].split() == ["part", "name", "value", "unit"]
    assert [" ".join(line.split()) for line in lines[3:6]] == [
        "jobs all 6 jobs", "jobs completed 4 jobs", "jobs failed 1 jobs",
    ]  # fmt: skip
    assert any(line.split()[:2] == ["wasted", "idle"] for line in lines)
    found = json.loads(terminal.says("workflows summary --json"))
    assert found["jobs"] == {"completed": 4, "failed": 1, "canceled": 1}
    assert {one["function"]: one["results"] for one in found["code"]} == {
        "simulation.run": 4, "simulation.postprocess": 0,
    }  # fmt: skip
    hours = found["node_hours"]
    assert hours["used"] >= hours["useful"] > 0
    assert hours["wasted"] == hours["failed"] + hours["replaced"] + hours["idle"]
    assert found["python"] == [platform.python_version()]
