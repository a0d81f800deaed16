"""What the verbs that change something do, and say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import sweep

from torc_nb.api import current, make_api
from torc_nb.api.places import VARIABLE


def test_create_makes_the_database_and_says_where(terminal: Any, empty: Path) -> None:
    """`workflows create` is the one command that makes a database; it names it with the workflow."""
    text = terminal.says("workflows create sweep --description 'two words'")
    assert text == f"Created workflow 1. [sweep (1) in {empty / '.torc' / 'torc.db'}]\n"
    (workflow,) = json.loads(terminal.says("workflows list --json"))
    assert workflow["description"] == "two words"
    assert json.loads(terminal.says("workflows create other --json"))["workflow_id"] == 2


@pytest.mark.parametrize(
    "line",
    [
        "jobs list", "workflows list", "workflows status", "run", "rerun", "workflows delete --yes",
        "hpc slurm schedule-nodes", "user-data list",
    ],
)  # fmt: skip
def test_nothing_else_makes_a_database(terminal: Any, empty: Path, line: str) -> None:
    """Where there is no database, every other command says how to make one, and leaves nothing."""
    message = terminal.refuses(line, 1)
    assert str(empty / ".torc" / "torc.db") in message
    assert "`torc-nb workflows create NAME`" in message
    assert list(empty.iterdir()) == []


def test_why_is_a_sentence_and_what_to_do(terminal: Any, finished: Path) -> None:
    """On a terminal, without a kernel: of a job that failed, of the workflow; and for a program."""
    text = terminal.says("why 3")
    assert "failed on" in text
    assert "ValueError: bad two. `torc-nb jobs logs 3` shows what it printed" in text
    assert terminal.says("why").startswith("Workflow sweep waits for nothing: all its jobs have finished")
    assert json.loads(terminal.says("why 1 --json"))["why"].startswith("Job 1, row 0 of run, has completed on")
    assert "There is no job 99" in terminal.refuses("why 99", 1)


def test_who_is_told_is_declared_listed_and_removed(terminal: Any, finished: Path) -> None:
    """Said twice it is one; a command line takes one thing at a time."""
    text = terminal.says("workflows notify 'mail me' --on done --on stuck")
    assert text.startswith("Notification 1 is called when done or stuck. [sweep (1)")
    assert json.loads(terminal.says("workflows notify 'mail me' --json"))["notification"] == 1
    (found,) = json.loads(terminal.says("workflows notify --json"))
    assert (found["id"], found["command"], found["on"]) == (1, "mail me", ["failing", "done", "stuck"])
    assert "There is no notification 9" in terminal.refuses("workflows notify --remove 9", 1)
    assert "one of them" in terminal.refuses("workflows notify 'mail me' --remove-all", 2)
    assert "goes with a command" in terminal.refuses("workflows notify --on done", 2)
    assert terminal.says("workflows notify --remove-all").startswith("1 notification removed.")


def test_a_map_is_given_another_priority(terminal: Any, finished: Path) -> None:
    """It is shown with its jobs; a negative one is no option."""
    assert terminal.says("jobs set-priority run 7").startswith("Map run has priority 7. [sweep (1)")
    assert {job["priority"] for job in json.loads(terminal.says("jobs list --map run --json"))} == {7}
    assert json.loads(terminal.says("jobs set-priority run -2 --json"))["priority"] == -2
    assert "There is no map 'nope'" in terminal.refuses("jobs set-priority nope 1", 1)


def test_which_workflow_is_asked_where_it_is_not_clear(terminal: Any, finished: Path) -> None:
    """With two workflows a command wants to know which, and lists them; the newest of a name is meant by it."""
    api = make_api(finished / ".torc" / "torc.db")
    sweep.declare(api, finished, "other")
    api.database.close()
    message = terminal.refuses("jobs list", 1)
    assert "sweep (1)" in message
    assert "other (2)" in message
    assert terminal.says("jobs list -w other").startswith("Jobs of other (2)")
    assert terminal.says("jobs list -w 1").startswith("Jobs of sweep (1)")
    assert "There is no workflow 'nope'" in terminal.refuses("jobs list -w nope", 1)


def test_a_workflow_is_used_until_another_is(terminal: Any, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered for the database, over processes; -w goes before it, and one that is gone is not meant."""
    api = make_api(finished / ".torc" / "torc.db")
    sweep.declare(api, finished, "other")
    api.database.close()
    for name, id_ in (("other", 2), ("sweep", 1)):
        assert terminal.says(f"workflows use {name}").startswith(f"{name} is meant from now on. [{name} ({id_}) in ")
        monkeypatch.setattr(current, "_api", None)  # as in the next process
        assert terminal.says("jobs list").startswith(f"Jobs of {name} ({id_})")
    assert terminal.says("jobs list -w other").startswith("Jobs of other (2)")
    assert "There is no workflow 'nope'" in terminal.refuses("workflows use nope", 1)
    sweep.declare(api, finished, "third")
    terminal.says("workflows delete sweep --yes")
    assert "Which workflow?" in terminal.refuses("jobs list", 1)
    api.database.close()


def test_the_database_of_the_environment(
    terminal: Any, finished: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable names the database; `--db` goes before it."""
    monkeypatch.setenv(VARIABLE, str(finished / ".torc" / "torc.db"))
    assert terminal.says("jobs list").startswith("Jobs of sweep (1)")
    assert "none.db" in terminal.refuses("jobs list --db none.db", 1)
    assert "mysql" in terminal.refuses("jobs list --db mysql://host/x", 1)


def test_a_workflow_from_start_to_end(terminal: Any, tmp_path: Path, store_url: str) -> None:
    """Made, started, run, run twice, rerun and canceled by commands, on each kind of database."""
    db = f"--db '{store_url}'"
    terminal.says(f"workflows create mine {db} --files {tmp_path / 'files'}")
    api = make_api(store_url)
    workflow_id = sweep.declare(api, tmp_path)
    at = f"{db} -w sweep"
    assert "Started" in terminal.says(f"workflows start {at}")
    assert "before" in terminal.says(f"workflows start sweep {db}")
    try:
        text = terminal.says(f"run {at} --cpus 1 --idle-timeout 10min")
        assert "started a worker" in text
        assert f"[sweep ({workflow_id}) in " in text
        again = json.loads(terminal.says(f"run {at} --json"))
        assert (again["started"], again["alive"]) == (0, 1)
        sweep.finish(api, workflow_id)
        assert "1 job(s) are ready again" in terminal.says(f"rerun {at}")
        sweep.finish(api, workflow_id)
        attempts = {one["name"]: one["attempt"] for one in json.loads(terminal.says(f"jobs list --json {at}"))}
    finally:
        sweep.stop(api, workflow_id)
    assert attempts == {"0": 1, "1": 1, "2": 2, "3": 1, "4": 1, "postprocess": 0}  # what completed stayed
    assert "Canceled 0 job(s)" in terminal.says(f"workflows cancel {at}")


def test_rerun_of_chosen_jobs(terminal: Any, finished: Path) -> None:
    """Jobs that are named run again whatever their status; a status chooses among them."""
    assert "0 job(s)" in terminal.says("rerun 1 2 --status failed")
    assert "2 job(s)" in terminal.says("rerun 1 2")
    listed = json.loads(terminal.says("jobs list --status ready --json"))
    assert [one["key"] for one in listed] == [1, 2]


def test_jobs_are_canceled_by_id(terminal: Any, finished: Path) -> None:
    """`jobs cancel` cancels those that wait, and says how many it could not."""
    terminal.says("rerun 1 2")
    text = terminal.says("jobs cancel 1 2 3")
    assert "Canceled 2 job(s); 1 had finished before, or are not there." in text
    statuses = {one["key"]: one["status"] for one in json.loads(terminal.says("jobs list --json"))}
    assert (statuses[1], statuses[2], statuses[3]) == ("canceled", "canceled", "failed")
    assert "JOB" in terminal.refuses("jobs cancel", 2)


def test_a_workflow_is_paused_and_resumed(terminal: Any, finished: Path) -> None:
    """Each says what it did; the status shows the state, and `start` ends a pause too."""
    assert terminal.says("workflows pause").startswith("Paused: what runs goes on to its end, nothing new begins. [")
    assert terminal.says("workflows pause").startswith("It was paused before.")
    assert json.loads(terminal.says("workflows status --json"))["workflow"]["state"] == "paused"
    assert terminal.says("workflows resume").startswith("Resumed")
    assert terminal.says("workflows resume").startswith("It is started, not paused.")
    terminal.says("workflows pause")
    assert terminal.says("workflows start").startswith("Started")


def test_a_worker_is_stopped_by_allocations_cancel(terminal: Any, finished: Path) -> None:
    """`allocations cancel` sends a worker away that waits for work; no job moves."""
    assert "started a worker" in terminal.says("run --cpus 1")
    api = make_api(finished / ".torc" / "torc.db")
    sweep.until(lambda: bool(api.status(1).workers), "no worker comes")
    assert "worker 2 on" in terminal.says("workflows status")
    assert "Canceled 1 allocation(s)" in terminal.says("allocations cancel")
    sweep.until(lambda: not api.status(1).workers, "the worker does not leave")
    api.database.close()
    assert {one["state"] for one in json.loads(terminal.says("allocations list --json"))} == {"ended"}
    assert json.loads(terminal.says("workflows status --json"))["statuses"]["completed"] == 4


def test_what_no_worker_could_run_is_said(terminal: Any, finished: Path) -> None:
    """A worker that is too small for every job is not started; the numbers are in the message."""
    (finished / "simulation.py").write_text(sweep.SIMULATION)
    from torc_nb.models import ResourceRequirementsModel

    api = make_api(finished / ".torc" / "torc.db")
    made = json.loads(terminal.says("workflows create big --json"))["workflow_id"]
    api.map_function(
        made,
        ("simulation", "run"),
        [{"a": 1}],
        module_directory=finished,
        requirement=ResourceRequirementsModel(workflow_id=made, memory="2t"),
    )
    api.database.close()
    assert "2 TB" in terminal.refuses("run -w big", 1)


def test_delete_wants_a_yes(terminal: Any, finished: Path) -> None:
    """Where nobody can answer, deleting is refused with what to type; `--yes` does it."""
    message = terminal.refuses("workflows delete", 1)
    assert "6 job(s)" in message
    assert "`torc-nb workflows delete 1 --yes`" in message
    assert len(json.loads(terminal.says("jobs list --json"))) == 6
    text = terminal.says("workflows delete 1 --yes")
    assert text.startswith("Deleted with 6 job(s)")
    assert json.loads(terminal.says("workflows list --json")) == []


def test_watch_follows_until_all_have_finished(terminal: Any, finished: Path) -> None:
    """On a terminal it ends with the workflow; `--json` gives the numbers."""
    assert "All jobs have finished. [sweep (1) in " in terminal.says("watch")
    told = json.loads(terminal.says("watch --json"))
    assert told["total"] == sum(told["statuses"].values())
