"""Resource requirements and schedulers: kept, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torc_nb.api import Api, launching
from torc_nb.errors import Conflict, InvalidRequest, NotFound
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel
from torc_nb.models.quantities import GIB, MIB
from torc_nb.store import requirements, schedulers


@pytest.fixture
def medium(api: Api, workflow: WorkflowModel) -> ResourceRequirementsModel:
    """The tutorial's."""
    return api.create_resource_requirements(
        ResourceRequirementsModel(
            workflow_id=workflow.id or 0, name="medium", num_cpus=4, memory="20g", runtime="P0DT1H"
        )
    )


@pytest.fixture
def short(api: Api, workflow: WorkflowModel) -> SlurmSchedulerModel:
    """The tutorial's."""
    return api.create_slurm_scheduler(
        SlurmSchedulerModel(
            workflow_id=workflow.id or 0, name="short", account="my_account", mem="180224", walltime="04:00:00", nodes=1
        )
    )


def test_requirements_are_read_as_they_were_kept(
    api: Api, workflow: WorkflowModel, medium: ResourceRequirementsModel
) -> None:
    """A bare number of memory is bytes; an equal record is kept once."""
    assert api.get_resource_requirements(medium.id or 0) == medium
    assert medium.memory == 20 * GIB
    again = api.create_resource_requirements(medium.model_copy(update={"id": None}))
    assert again.id == medium.id
    assert api.list_resource_requirements(workflow.id or 0) == [medium]
    bare = ResourceRequirementsModel(workflow_id=workflow.id or 0, name="bare", memory=1000)
    assert api.create_resource_requirements(bare).memory == 1000


def test_changed_requirements_are_what_the_jobs_ask(
    api: Api, workflow: WorkflowModel, medium: ResourceRequirementsModel
) -> None:
    """Those of jobs that were declared before, too; what was not named stays."""
    api.map_function(workflow.id or 0, len, ["a"], requirement=medium)
    new = api.modify_resource_requirements(medium.id or 0, memory="40g", timeout="2h")
    assert (new.num_cpus, new.memory, new.timeout, new.runtime) == (4, 40 * GIB, 7200.0, 3600.0)
    assert api.get_resource_requirements(medium.id or 0) == new
    assert requirements.in_use(api.database, workflow.id or 0) == [new]


def test_requirements_of_jobs_are_not_deleted(
    api: Api, workflow: WorkflowModel, medium: ResourceRequirementsModel
) -> None:
    """Those that nobody has are."""
    api.map_function(workflow.id or 0, len, ["a"], requirement=medium, name="m")
    with pytest.raises(Conflict, match=r"'medium'.* 1 job"):
        api.delete_resource_requirements(medium.id or 0)
    api.map_function(workflow.id or 0, len, ["a"], name="m")
    assert api.delete_resource_requirements(medium.id or 0) == medium
    assert medium not in api.list_resource_requirements(workflow.id or 0)


def test_schedulers_are_read_as_they_were_kept(api: Api, workflow: WorkflowModel, short: SlurmSchedulerModel) -> None:
    """A bare number of memory is MiB, as in Slurm; one of the same name replaces it."""
    assert api.get_slurm_scheduler(short.id or 0) == short
    assert (short.mem, short.walltime) == (180224 * MIB, 14400.0)
    again = api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id or 0, name="short", mem="2000"))
    assert (again.id, again.mem, again.account) == (short.id, 2000 * MIB, None)
    assert api.list_slurm_schedulers(workflow.id or 0) == [again]


def test_schedulers_are_changed_and_deleted(api: Api, workflow: WorkflowModel, short: SlurmSchedulerModel) -> None:
    """What is not named stays; a name that another has is refused."""
    new = api.modify_slurm_scheduler(short.id or 0, name="long", walltime="2-00:00:00", account=None)
    assert (new.id, new.name, new.walltime, new.account, new.mem) == (short.id, "long", 172800.0, None, short.mem)
    assert api.get_slurm_scheduler(short.id or 0) == new
    other = api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id or 0, name="other"))
    with pytest.raises(Conflict, match="'long'"):
        api.modify_slurm_scheduler(other.id or 0, name="long")
    assert api.delete_slurm_scheduler(other.id or 0) == other
    assert api.list_slurm_schedulers(workflow.id or 0) == [new]


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.get_resource_requirements(77),
        lambda api: api.modify_resource_requirements(77, num_cpus=2),
        lambda api: api.delete_resource_requirements(77),
        lambda api: api.create_resource_requirements(ResourceRequirementsModel(workflow_id=77)),
        lambda api: api.get_slurm_scheduler(77),
        lambda api: api.modify_slurm_scheduler(77, account="a"),
        lambda api: api.delete_slurm_scheduler(77),
        lambda api: api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=77)),
    ],
)
def test_what_there_is_not(api: Api, ask: Callable[[Api], Any]) -> None:
    """Is said with its number."""
    with pytest.raises(NotFound, match="77"):
        ask(api)


def test_nonsense_changes_nothing(
    api: Api, workflow: WorkflowModel, medium: ResourceRequirementsModel, short: SlurmSchedulerModel
) -> None:
    """Neither names that there are not nor values that cannot be."""
    with pytest.raises(InvalidRequest, match="cpus"):
        api.modify_resource_requirements(medium.id or 0, cpus=2)
    with pytest.raises(InvalidRequest, match="workflow_id"):
        api.modify_resource_requirements(medium.id or 0, workflow_id=2)
    with pytest.raises(InvalidRequest, match="num_cpus"):
        api.modify_resource_requirements(medium.id or 0, num_cpus=0)
    with pytest.raises(InvalidRequest, match="soon"):
        api.modify_slurm_scheduler(short.id or 0, walltime="soon")
    assert api.list_resource_requirements(workflow.id or 0) == [medium]
    assert api.list_slurm_schedulers(workflow.id or 0) == [short]


def test_nodes_are_asked_of_the_scheduler_that_waiting_jobs_are_meant_for(
    api: Api, workflow: WorkflowModel, short: SlurmSchedulerModel, tmp_path: Path
) -> None:
    """Where a workflow has several; where it has one, that; where jobs are meant for two, nobody guesses."""
    from torc_nb import map_function_to_jobs

    (tmp_path / "module_of_test.py").write_text("def run(x):\n    return x\n")
    assert launching.scheduler_named(api.database, workflow.id or 0, None) == short
    large = api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id or 0, name="large"))

    def declare(x: int, scheduler: SlurmSchedulerModel) -> None:
        map_function_to_jobs(
            api, workflow.id or 0, "module_of_test", "run", [x], module_directory=tmp_path, scheduler_id=scheduler.id
        )

    declare(1, large)
    assert launching.scheduler_named(api.database, workflow.id or 0, None) == large
    declare(2, short)
    assert launching.scheduler_named(api.database, workflow.id or 0, None).id is None
    assert schedulers.meant(api.database, workflow.id or 0) == [short.id, large.id]
    api.delete_slurm_scheduler(large.id or 0)
    assert launching.scheduler_named(api.database, workflow.id or 0, None) == short
