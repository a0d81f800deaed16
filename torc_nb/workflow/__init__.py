"""What the user holds: workflows, maps and jobs."""

from torc_nb.workflow.job import Job
from torc_nb.workflow.map import Map
from torc_nb.workflow.workflow import Workflow

__all__ = ["Job", "Map", "Workflow"]
