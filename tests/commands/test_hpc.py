"""`hpc slurm schedule-nodes` on the private Slurm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands import sweep
from services.slurm_cluster import SlurmCluster

from torc_nb.api import make_api
from torc_nb.models import JobStatus, SlurmSchedulerModel


def test_nodes_run_the_workflow(terminal: Any, slurm: SlurmCluster, empty: Path) -> None:
    """The tutorial's step: schedule a node, and the jobs run; said twice, it submits once."""
    terminal.says("workflows create other")
    api = make_api(empty / ".torc" / "torc.db")
    workflow_id = sweep.declare(api, empty)
    line = "-w sweep hpc slurm schedule-nodes -n1 --walltime 10min --mem 500 --cpus 1 --idle-timeout 30s"
    text = terminal.says(line)
    assert "submitted 1 allocation(s)" in text
    assert f"[sweep ({workflow_id}) in {empty / '.torc' / 'torc.db'}]" in text
    assert json.loads(terminal.says(f"{line} --json"))["started"] == 0
    assert json.loads(terminal.says(f"{line} --more --json"))["started"] == 1
    sweep.finish(api, workflow_id)
    allocations = json.loads(terminal.says("allocations list -w sweep --json"))
    assert [one["kind"] for one in allocations] == ["slurm", "slurm"]
    assert terminal.says("workflows status sweep").startswith("sweep (2), started: 6 of 6 jobs finished")
    terminal.says("allocations cancel -w sweep")
    sweep.stop(api, workflow_id)


def test_what_keeps_jobs_from_running_is_told_before(terminal: Any, slurm: SlurmCluster, empty: Path) -> None:
    """With the options of `schedule-nodes`; for a program as records, on a terminal with what is typed there."""
    terminal.says("workflows create sweep")
    text = terminal.says("check --no-job --partition nowhere")
    assert text.startswith("Checks of sweep (1): 2 of 8 not as they have to be\n")
    assert "there is no partition nowhere; there is main" in text
    found = {one["what"]: one for one in json.loads(terminal.says("check --walltime 10min --wait 1min --json"))}
    assert [what for what, one in found.items() if one["ok"] is False] == []
    assert found["database from the node"]["ok"]
    assert "There is no option `--nodes`." in terminal.refuses("check --nodes 3", 2)


def test_a_named_scheduler_is_changed_by_options(terminal: Any, slurm: SlurmCluster, empty: Path) -> None:
    """`--scheduler` names one, options change it for this once; what Slurm refuses is said."""
    terminal.says("workflows create sweep")
    api = make_api(empty / ".torc" / "torc.db")
    api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=1, name="short", partition="nowhere"))
    api.database.close()
    message = terminal.refuses("hpc slurm schedule-nodes --scheduler short", 1)
    assert "nowhere" in message or "partition" in message.lower()
    assert "short" in terminal.refuses("hpc slurm schedule-nodes --scheduler long", 1)
    (scheduler,) = json.loads(terminal.says("hpc slurm list --json"))
    assert scheduler["partition"] == "nowhere"


def test_a_plan_and_the_best_of_it(terminal: Any, slurm: SlurmCluster, empty: Path) -> None:
    """Without run times no number is made up; with them each choice is a row; `schedule-nodes` takes the best."""
    api = make_api(empty / ".torc" / "torc.db")
    workflow_id = sweep.declare(api, empty)
    line = "hpc slurm {} --walltime 10min --mem 500 --cpus 1 --charge 2"
    assert "6 jobs will take is not known: map with runtime=" in terminal.says(line.format("plan"))
    (unknown,) = json.loads(terminal.says(line.format("plan") + " --json"))
    assert (unknown["partition"], unknown["jobs_per_node"], unknown["seconds"]) == ("main", 1, None)
    (requirement,) = {one.requirement_id for one in api.list_jobs(workflow_id, map_id=1)}
    terminal.says(f"resource-requirements modify {requirement} --runtime 2min")
    few, many = json.loads(terminal.says(line.format("plan") + " --json"))
    assert (few["nodes"], few["rounds"], few["seconds"], few["best"]) == (2, 4, 480.0, True)
    assert (many["nodes"], many["rounds"], many["seconds"], many["best"]) == (3, 3, 360.0, False)
    assert few["charge"] == 2 * few["node_hours"]
    text = terminal.says(line.format("schedule-nodes"))
    assert "planned 2 nodes of partition main: 1 job at a time" in text
    assert "submitted 2 allocation(s)" in text
    sweep.finish(api, workflow_id)
    assert "nothing to plan" in terminal.refuses(line.format("plan"), 1)
    sweep.stop(api, workflow_id)


def test_a_canary_and_then_a_plan(terminal: Any, slurm: SlurmCluster, empty: Path) -> None:
    """What is said meanwhile is none of the answer; nodes are asked for by the plan, not besides it."""
    api = make_api(empty / ".torc" / "torc.db")
    workflow_id = sweep.declare(api, empty, numbers=range(3, 13))
    line = "hpc slurm {} --canary 3 --walltime 10min --mem 500 --cpus 1"
    ran = terminal.run(line.format("plan") + " --json")
    assert ran.code == 0
    assert "3 jobs first: submitted 1 allocation(s)" in ran.err
    (choice, *_) = json.loads(ran.out)
    assert (choice["partition"], choice["nodes"], choice["best"]) == ("main", 1, True)
    assert [one.status for one in api.list_jobs(workflow_id, map_id=1)].count(JobStatus.COMPLETED) == 3
    ran = terminal.run(line.format("schedule-nodes"))
    assert "3 jobs of each map have ended before" in ran.err
    assert "planned 1 node of partition main" in ran.out
    assert "not both" in terminal.refuses(line.format("schedule-nodes") + " -n 2", 1)
    sweep.finish(api, workflow_id)
    sweep.stop(api, workflow_id)
