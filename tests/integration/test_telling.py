"""Being told by the last worker, on a real Slurm, with nobody there to look."""

from __future__ import annotations

from pathlib import Path

from integration.conftest import until
from integration.works import leave_a_mark
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


def test_a_walltime_ends_and_nothing_comes_after(api: Api, slurm: SlurmCluster, tmp_path: Path) -> None:
    """What does not fit into the rest of the walltime is left; it is said with what the worker left."""
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
