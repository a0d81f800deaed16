"""What every face calls."""

from torc_nb.api.api import Api, make_api
from torc_nb.api.changing import Rerun
from torc_nb.api.check import Check
from torc_nb.api.files import FileChange
from torc_nb.api.history import MapUsage, Stage, Stages, Timeline, Usage
from torc_nb.api.inspection import MapStatus, Output, Status
from torc_nb.api.lacking import Why
from torc_nb.api.launching import Brought
from torc_nb.api.mapping import Mapped, sentence
from torc_nb.api.origins import AnyFunction
from torc_nb.api.planning import NodeChoice, NodePlan
from torc_nb.api.recommending import Applied, JobUsage
from torc_nb.api.reproducing import Reproduction
from torc_nb.api.summary import NodeHours, Summary
from torc_nb.changes import Report
from torc_nb.store.failures import Cause
from torc_nb.store.loads import Load
from torc_nb.store.versions import CodeVersion

__all__ = [
    "AnyFunction",
    "Api",
    "Applied",
    "Brought",
    "Cause",
    "Check",
    "CodeVersion",
    "FileChange",
    "JobUsage",
    "Load",
    "MapStatus",
    "MapUsage",
    "Mapped",
    "NodeChoice",
    "NodeHours",
    "NodePlan",
    "Output",
    "Report",
    "Reproduction",
    "Rerun",
    "Stage",
    "Stages",
    "Status",
    "Summary",
    "Timeline",
    "Usage",
    "Why",
    "make_api",
    "sentence",
]
