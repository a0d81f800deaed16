"""`workflows export` and `workflows import`."""

from __future__ import annotations

import json
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
