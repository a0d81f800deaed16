"""What the list verbs show of a workflow that ran, as tables and as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from torc_nb.api import make_api
from torc_nb.models import SlurmSchedulerModel


def as_json(terminal: Any, line: str) -> Any:
    """Return the one document that a command prints with ``--json``."""
    return json.loads(terminal.says(f"{line} --json"))


def test_jobs_are_listed_with_names_and_statuses(terminal: Any, finished: Path) -> None:
    """`jobs list` is the tutorial's table: names 0 to 4 and postprocess, what they run, and where each stands."""
    lines = terminal.says("jobs list").splitlines()
    assert lines[0] == "Jobs of sweep (1)"
    assert lines[1].split() == ["index", "name", "command", "status", "scheduling", "key", "note"]
    assert [line.split()[:2] for line in lines[3:]] == [
        ["1", "0"], ["2", "1"], ["3", "2"], ["4", "3"], ["5", "4"], ["6", "postprocess"],
    ]  # fmt: skip
    assert [line.split()[2] for line in lines[7:9]] == ["simulation.run", "simulation.postprocess"]
    assert lines[5].endswith("ValueError: bad two")  # why it failed
    assert "ValueError: bad two" in lines[8]  # why postprocess was canceled


def test_jobs_are_chosen_by_status_and_map(terminal: Any, finished: Path) -> None:
    """`--status`, given twice, and `--map` choose among jobs."""
    listed = as_json(terminal, "jobs list --status failed --status canceled")
    assert [(one["key"], one["status"]) for one in listed] == [(3, "failed"), (6, "canceled")]
    assert [one["key"] for one in as_json(terminal, "jobs list --map run")] == [1, 2, 3, 4, 5]
    assert "'run'" in terminal.refuses("jobs list --map runs", 1)


def test_a_cut_listing_says_so(terminal: Any, finished: Path) -> None:
    """A limit cuts the rows and names the way to the others; without need it says nothing."""
    lines = terminal.says("jobs list --limit 2").splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["1", "2"]
    assert lines[5:] == ["These are the first 2; --limit N shows more, --limit 0 all."]
    assert "These are" not in terminal.says("jobs list --limit 6")
    assert "These are" not in terminal.says("jobs list --limit 0")
    assert len(as_json(terminal, "jobs list --limit 2")) == 2


def test_user_data_of_all_and_of_a_job(terminal: Any, finished: Path) -> None:
    """`user-data list`, the tutorial's `list user-data`, and one job's stores and consumes."""
    every = as_json(terminal, "user-data list")
    assert len(every) == 11  # five inputs and outputs, and what postprocess would store
    assert as_json(terminal, "list user-data") == every
    assert as_json(terminal, "user-data list --limit 3") == every[:3]
    stored = as_json(terminal, "jobs list-user-data --stores 2")
    assert [(one["name"], one["data"]) for one in stored] == [("output_1", {"y": 2, "place": "/projects/é"})]
    consumed = as_json(terminal, "jobs list-user-data 2 --consumes")
    assert [one["data"]["params"] for one in consumed] == [{"a": 1}]
    assert as_json(terminal, "jobs list-user-data 2") == consumed + stored
    assert "/projects/é" in terminal.says("jobs list-user-data --stores 2")


def test_results_are_attempts_with_iso_times(terminal: Any, finished: Path) -> None:
    """`results list` has one record an attempt; times are ISO 8601 with their zone."""
    every = as_json(terminal, "results list")
    assert [(one["job"], one["attempt"], one["return_code"]) for one in every] == [
        (1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 1, 0), (5, 1, 0),
    ]  # fmt: skip
    (one,) = as_json(terminal, "results list 3")
    assert one["error"] == "bad two"
    assert datetime.fromisoformat(one["started"]).tzinfo is not None
    assert "bad two" in terminal.says("results list 3")


def test_failures_are_grouped_and_lead_to_the_log(terminal: Any, finished: Path) -> None:
    """`failures list` counts exceptions, and names the command that shows more, as a terminal types it."""
    text = terminal.says("failures list")
    assert "`torc-nb jobs logs 3`" in text
    assert "Traceback" not in text
    (group,) = as_json(terminal, "failures list --map run")
    assert (group["exception"], group["count"], group["job"]) == ("ValueError", 1, 3)
    assert group["traceback"].startswith("Traceback")


def test_logs_show_output_and_traceback(terminal: Any, finished: Path) -> None:
    """`jobs logs` prints what the job printed, then its traceback; JSON keeps them apart."""
    text = terminal.says("jobs logs 3")
    assert text.startswith("hello 2\n")
    assert text.endswith("ValueError: bad two\n")
    assert as_json(terminal, "jobs logs 1") == {
        "job_id": 1, "attempt": 1, "stdout": "hello 0\n", "stderr": "", "traceback": None,
    }  # fmt: skip
    assert "has not run" in terminal.refuses("jobs logs 6", 1)


def test_workers_allocations_and_events(terminal: Any, finished: Path) -> None:
    """Who worked, how it was started, and what happened, oldest first."""
    (worker,) = as_json(terminal, "workers list")
    assert (worker["running"], worker["busy_cpus"]) == (0, 0)
    assert (worker["num_cpus"], worker["allocation_id"]) == (1, 1)
    (allocation,) = as_json(terminal, "allocations list")
    assert (allocation["kind"], allocation["scheduler_job"]) == ("local", str(worker["pid"]))
    kinds = [one["kind"] for one in as_json(terminal, "events list")]
    assert kinds[:3] == ["workflow created", "map declared", "workflow started"]
    assert [one["kind"] for one in as_json(terminal, "events list --limit 1")] == kinds[-1:]
    for line in ("workers list", "allocations list", "events list"):
        assert terminal.says(line).count("\n") >= 4


def test_status_counts_jobs(terminal: Any, finished: Path) -> None:
    """`workflows status` counts jobs by status, for each map and for all, by name, id or alone."""
    for line in ("workflows status", "workflows status sweep", "workflows status 1", "-w sweep workflows status"):
        assert terminal.says(line).startswith("sweep (1), started: 6 of 6 jobs finished\n")
    status = as_json(terminal, "workflows status")
    assert status["statuses"] == {"completed": 4, "failed": 1, "canceled": 1}
    assert datetime.fromisoformat(status["workflow"]["created"]).tzinfo is not None


def test_workflows_are_listed_with_their_database(terminal: Any, finished: Path) -> None:
    """`workflows list` names the database that it found above the current folder."""
    text = terminal.says("workflows list")
    assert text.startswith(f"Workflows in {finished / '.torc' / 'torc.db'}\n")
    assert [one["name"] for one in as_json(terminal, "workflows list")] == ["sweep"]


def test_schedulers_are_the_workflows_then_the_users(terminal: Any, finished: Path, tmp_path: Path) -> None:
    """`hpc slurm list` shows what `--scheduler` can name; a workflow's own hides a profile of its name."""
    assert "(none)" in terminal.says("hpc slurm list")
    assert as_json(terminal, "hpc slurm list") == []
    path = tmp_path / "home" / "config" / "torc_nb" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[schedulers.short]\naccount = "hers"\n[schedulers.long]\nwalltime = "2-00:00:00"\n')
    api = make_api(finished / ".torc" / "torc.db")
    api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=1, name="short", account="its"))
    api.database.close()
    listed = as_json(terminal, "hpc slurm list")
    assert [(one["name"], one["account"]) for one in listed] == [("short", "its"), ("long", None)]
    assert listed[1]["walltime"] == 172800.0


@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_options_of_all_stand_anywhere(terminal: Any, finished: Path, empty: Path, where: str) -> None:
    """`--db`, `-w` and `--json` are understood before the noun, before the verb and after it."""
    options = f"--db {finished / '.torc' / 'torc.db'} -w sweep --json"
    line = {
        "before": f"{options} jobs list",
        "between": f"jobs {options} list",
        "after": f"jobs list {options}",
    }[where]
    assert len(json.loads(terminal.says(line))) == 6
