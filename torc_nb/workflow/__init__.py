"""What the user holds: workflows, maps, jobs and executors."""

from torc_nb.workflow.executor import Executor
from torc_nb.workflow.job import Job
from torc_nb.workflow.map import Map
from torc_nb.workflow.workflow import Workflow

__all__ = ["Executor", "Job", "Map", "Workflow"]
