"""What the user holds: workflows and maps."""

from torc_nb.workflow.map import Map
from torc_nb.workflow.workflow import Workflow

__all__ = ["Map", "Workflow"]
