"""Typed records, statuses, resources and quantities: what crosses every boundary.

The records are loaded when first asked for, as a worker starts faster without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from torc_nb.models.resources import GRACE, Request, Room, fits, misfit, places
from torc_nb.models.statuses import CLAIMED, FAILURES, FINISHED, MOVES, UNSUCCESSFUL, JobStatus
from torc_nb.models.work import Claim, Completion, FileState, Introduction, Membership, WorkerSettings

if TYPE_CHECKING:
    from torc_nb.models.records import (
        AllocationModel,
        CampaignModel,
        EventModel,
        ExcludedNodeModel,
        FileModel,
        JobModel,
        NotificationModel,
        Record,
        ResourceRequirementsModel,
        SlurmSchedulerModel,
        UserDataModel,
        WorkerModel,
        WorkflowModel,
    )

__all__ = [
    "CLAIMED",
    "FAILURES",
    "FINISHED",
    "GRACE",
    "MOVES",
    "UNSUCCESSFUL",
    "AllocationModel",
    "CampaignModel",
    "Claim",
    "Completion",
    "EventModel",
    "ExcludedNodeModel",
    "FileModel",
    "FileState",
    "Introduction",
    "JobModel",
    "JobStatus",
    "Membership",
    "NotificationModel",
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
    "places",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("torc_nb.models.records"), name)
