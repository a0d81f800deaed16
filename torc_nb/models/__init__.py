"""Typed records, statuses, resources and quantities: what crosses every boundary."""

from torc_nb.models.records import (
    AllocationModel,
    Claim,
    Completion,
    EventModel,
    JobModel,
    Record,
    ResourceRequirementsModel,
    SlurmSchedulerModel,
    UserDataModel,
    WorkerModel,
    WorkerSettings,
    WorkflowModel,
)
from torc_nb.models.resources import Request, Room, fits, misfit
from torc_nb.models.statuses import CLAIMED, FINISHED, MOVES, UNSUCCESSFUL, JobStatus

__all__ = [
    "CLAIMED",
    "FINISHED",
    "MOVES",
    "UNSUCCESSFUL",
    "AllocationModel",
    "Claim",
    "Completion",
    "EventModel",
    "JobModel",
    "JobStatus",
    "Record",
    "Request",
    "ResourceRequirementsModel",
    "Room",
    "SlurmSchedulerModel",
    "UserDataModel",
    "WorkerModel",
    "WorkerSettings",
    "WorkflowModel",
    "fits",
    "misfit",
]
