"""What jobs ask of a node, and how nodes are asked of Slurm."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel
from torc_nb.store import Database, requirements, schedulers, workflows

Changeable = TypeVar("Changeable", ResourceRequirementsModel, SlurmSchedulerModel)


class Resources:
    """The resource requirements and schedulers of workflows."""

    database: Database

    def create_resource_requirements(self, requirement: ResourceRequirementsModel) -> ResourceRequirementsModel:
        """Keep a record of what jobs ask for; an equal one is kept once."""
        workflows.get(self.database, requirement.workflow_id)
        return requirements.keep(self.database, requirement)

    def get_resource_requirements(self, requirement_id: int) -> ResourceRequirementsModel:
        """Return resource requirements; NotFound where there are none."""
        return requirements.get(self.database, requirement_id)

    def list_resource_requirements(self, workflow_id: int) -> list[ResourceRequirementsModel]:
        """Return a workflow's resource requirements, oldest first."""
        return requirements.listed(self.database, workflow_id)

    def modify_resource_requirements(self, requirement_id: int, **changes: Any) -> ResourceRequirementsModel:
        """Change what the jobs of these requirements ask for; workers that have met them keep to what they read.

        Parameters
        ----------
        requirement_id : int
            Which.
        **changes
            ``name, num_cpus, num_gpus, num_nodes, memory, runtime, timeout``.

        Raises
        ------
        InvalidRequest
            A value makes no sense.
        NotFound
            There are none of this id.
        """
        old = requirements.get(self.database, requirement_id)
        return requirements.replace(self.database, changed(old, changes))

    def delete_resource_requirements(self, requirement_id: int) -> ResourceRequirementsModel:
        """Delete resource requirements that no job and no map has; Conflict where one does."""
        return requirements.remove(self.database, requirement_id)

    def create_slurm_scheduler(self, scheduler: SlurmSchedulerModel) -> SlurmSchedulerModel:
        """Keep a named way to ask Slurm for allocations; one of the same name is replaced."""
        workflows.get(self.database, scheduler.workflow_id)
        return schedulers.keep(self.database, scheduler)

    def get_slurm_scheduler(self, scheduler_id: int) -> SlurmSchedulerModel:
        """Return a scheduler; NotFound where there is none."""
        return schedulers.get(self.database, scheduler_id)

    def list_slurm_schedulers(self, workflow_id: int) -> list[SlurmSchedulerModel]:
        """Return a workflow's schedulers, oldest first."""
        return schedulers.listed(self.database, workflow_id)

    def modify_slurm_scheduler(self, scheduler_id: int, **changes: Any) -> SlurmSchedulerModel:
        """Change how nodes are asked for from now on; allocations that are in the queue stay as they are.

        Parameters
        ----------
        scheduler_id : int
            Which.
        **changes
            ``name, account, partition, qos, mem, walltime, nodes, gres, cpus, tmp, setup, extra``.

        Raises
        ------
        InvalidRequest
            A value makes no sense.
        NotFound
            There is none of this id.
        """
        old = schedulers.get(self.database, scheduler_id)
        return schedulers.replace(self.database, changed(old, changes))

    def delete_slurm_scheduler(self, scheduler_id: int) -> SlurmSchedulerModel:
        """Delete a scheduler; allocations that it asked for stay."""
        return schedulers.remove(self.database, scheduler_id)


def asked(database: Database, workflow_id: int, requirement_id: int | None) -> ResourceRequirementsModel | None:
    """Return the requirements that new jobs of a workflow are to have; NotFound where these are none of its own."""
    if requirement_id is None:
        return None
    found = requirements.get(database, requirement_id)
    if found.workflow_id != workflow_id:
        raise NotFound(
            f"Resource requirements {requirement_id} are workflow {found.workflow_id}'s, not workflow {workflow_id}'s."
        )
    return found


def checked_scheduler(database: Database, workflow_id: int, scheduler_id: int | None) -> int | None:
    """Return the scheduler that new jobs of a workflow are meant for; NotFound where it is none of its own."""
    known = [one.id for one in schedulers.listed(database, workflow_id)]
    if scheduler_id is not None and scheduler_id not in known:
        there = ", ".join(map(str, known)) or "none"
        raise NotFound(f"Workflow {workflow_id} has no scheduler {scheduler_id}; it has {there}.")
    return scheduler_id


def changed(old: Changeable, changes: dict[str, Any]) -> Changeable:
    """Return a record with other values.

    Raises
    ------
    InvalidRequest
        One of them makes no sense.
    """
    allowed = [name for name in type(old).model_fields if name not in ("id", "workflow_id")]
    unknown = sorted(set(changes) - set(allowed))
    if unknown:
        raise InvalidRequest(f"There is no {', '.join(unknown)} to change; there is {', '.join(allowed)}.")
    try:
        return type(old)(**{**old.model_dump(), **changes})
    except ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InvalidRequest("; ".join(found)) from error
