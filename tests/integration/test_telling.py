"""Being told by the last worker, on a real Slurm, with nobody there to look."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.conftest import until
from integration.works import leave_a_mark
from services.slurm_accounting import AccountingCluster
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel

WRITE = 'echo "$SLURMD_NODENAME|$TORC_NB_EVENT|$TORC_NB_MESSAGE" >> told'

SMALL = SlurmSchedulerModel(cpus=1, walltime=600.0)


def test_two_nodes_leave_at_the_same_moment(api: Api, slurm: SlurmCluster, tmp_path: Path) -> None:
    """One of them tells that all is done, in the workflow's folder; whoever is told need not look."""
    workflow = api.create_workflow(WorkflowModel(name="sweep", files=str(tmp_path / "files")))
    assert workflow.id is not None
    api.notify(workflow.id, WRITE)
    api.map_function(workflow.id, leave_a_mark, range(10), [0.2] * 10)
    api.schedule_nodes(workflow.id, 2, scheduler=SMALL)
    told = Path(workflow.files) / "told"
    until(told.exists)
    until(lambda: not slurm.squeue("--states=PENDING,RUNNING"))
    (line,) = told.read_text().splitlines()
    node, event, message = line.split("|")
    assert node in slurm.nodes
    assert (event, message) == ("done", "sweep: all 10 jobs have finished")


def test_what_fits_no_node_is_left(api: Api, slurm: SlurmCluster, tmp_path: Path) -> None:
    """What would take longer than the walltime; it is said with what the last worker left."""
    workflow = api.create_workflow(WorkflowModel(name="sweep", files=str(tmp_path / "files")))
    assert workflow.id is not None
    api.notify(workflow.id, WRITE, on="stuck")
    api.map_function(workflow.id, leave_a_mark, [0], [0.0], name="short")
    requirement = ResourceRequirementsModel(workflow_id=workflow.id, runtime=1200.0)
    api.map_function(workflow.id, leave_a_mark, [1], [0.0], name="long", requirement=requirement)
    api.schedule_nodes(workflow.id, 1, scheduler=SMALL, idle_timeout=1.0)
    told = Path(workflow.files) / "told"
    until(told.exists)
    _, event, message = told.read_text().strip().split("|")
    assert event == "stuck"
    assert message.startswith("sweep: 1 of 2 jobs is left and nothing goes on by itself: ")
    assert "the last worker left: it had nothing to do for 1 s" in message


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_campaign_that_stopped(api: Api, accounting: AccountingCluster, tmp_path: Path) -> None:
    """The ceiling is reached and a job is left: the worker that leaves finds it so, and says what to type."""
    workflow = api.create_workflow(WorkflowModel(name="sweep", files=str(tmp_path / "files")))
    assert workflow.id is not None
    api.notify(workflow.id, WRITE)
    requirement = ResourceRequirementsModel(workflow_id=workflow.id, runtime=1200.0)
    api.map_function(workflow.id, leave_a_mark, [1], [0.0], requirement=requirement)
    api.schedule_nodes(workflow.id, 1, scheduler=SMALL, idle_timeout=1.0, until_done=True, max_node_hours=1 / 6)
    told = Path(workflow.files) / "told"
    until(told.exists)
    _, event, message = told.read_text().strip().split("|")
    assert event == "stuck"
    assert "nothing goes on by itself: 1 allocation until all is done" in message
    assert "stopped: its 0.166667 node-hours are used up" in message
