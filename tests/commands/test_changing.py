"""Commands that make jobs run again, or set them aside; on a workflow of which job 3 failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands import sweep

from torc_nb.api import make_api


def test_reinitialize_shows_first_and_then_does(terminal: Any, finished: Path) -> None:
    """A changed module: the jobs that completed and the one that failed alike, with the diff of the source."""
    assert "nothing changed: none of 6 jobs runs again; 1 failed job is unaffected" in terminal.says(
        "workflows reinitialize"
    )
    module = finished / "simulation.py"
    module.write_text(sweep.SIMULATION)
    api = make_api(finished / ".torc" / "torc.db")
    sweep_again = {"module_directory": finished, "postprocess": ("simulation", "postprocess")}
    api.map_function(1, ("simulation", "run"), [{"a": a} for a in range(5)], **sweep_again)
    api.database.close()
    assert json.loads(terminal.says("workflows reinitialize --dry-run --json")) == []

    module.write_text(sweep.SIMULATION.replace("* 2", "* 3"))
    shown = json.loads(terminal.says("workflows reinitialize --dry-run --json"))
    assert [(row["job"], row["reason"]) for row in shown] == [
        *((job, "code changed") for job in range(1, 6)),
        (6, "downstream of job 1 and 4 more"),
    ]
    assert '+    return {"y": p["a"] * 3' in shown[0]["difference"]
    assert "These are the first 1 of 6" in terminal.says("workflows reinitialize --dry-run --limit 1")
    done = json.loads(terminal.says("workflows reinitialize --json"))
    assert (done["ready"], done["waits"], done["run_id"], done["unaffected_failed"]) == (5, 1, 2, 0)
    assert "nothing changed" in terminal.says("workflows restart --dry-run")


def test_reset_status(terminal: Any, finished: Path) -> None:
    """Of failed jobs, of chosen ones, or of all: what completed is asked about before it is lost."""
    assert "1 job(s) are ready again, 1 wait" in terminal.says("workflows reset-status --failed-only")
    assert "2 job(s) are ready again, 0 wait" in terminal.says("jobs reset-status 1 2")
    refused = terminal.refuses("workflows reset-status", 1)
    assert (
        "2 completed ones among them? Nothing was done; to do it: `torc-nb workflows reset-status 1 --yes`" in refused
    )
    assert "2 job(s) are ready again, 0 wait" in terminal.says("workflows reset-status --yes")


def test_a_restart_starts(terminal: Any, finished: Path) -> None:
    """A workflow that was canceled can run again."""
    terminal.says("workflows cancel")
    assert "nothing changed" in terminal.says("workflows restart")
    assert "It was started before" in terminal.says("workflows start")


def test_disable(terminal: Any, finished: Path) -> None:
    """A disabled job holds up nobody, and is taken in again by its number."""
    assert "Disabled 1 job(s); 1 run, were disabled before, or are not there." in terminal.says("jobs disable 3 99")
    assert "disabled by the user" in terminal.says("jobs list --status disabled")
    assert "1 job(s) are ready again" in terminal.says("rerun --status canceled")
    assert "1 job(s) are ready again, 1 wait" in terminal.says("jobs reset-status 3")
