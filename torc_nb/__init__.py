"""Map a function from a notebook cell over a table of parameters, on this machine or on Slurm; keep everything.

>>> from torc_nb import Workflow
>>> wf = Workflow("sweep")
>>> m = wf.map(run, params)
>>> wf.run()
>>> m.results()
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError("torc_nb runs on Linux and macOS; on Windows use it inside WSL.")

if TYPE_CHECKING:
    from torc_nb.api import Api, make_api
    from torc_nb.api.rounds import map_function_to_jobs
    from torc_nb.errors import JobFailed, TorcError
    from torc_nb.models import (
        AllocationModel,
        EventModel,
        FileModel,
        JobModel,
        ResourceRequirementsModel,
        SlurmSchedulerModel,
        UserDataModel,
        WorkflowModel,
    )
    from torc_nb.models.retries import Retry
    from torc_nb.worker.current_job import CurrentJob, current_job
    from torc_nb.workflow import Job, Map, Workflow

__version__ = "0.1.0.dev0"

__all__ = [
    "AllocationModel",
    "Api",
    "CurrentJob",
    "EventModel",
    "FileModel",
    "Job",
    "JobFailed",
    "JobModel",
    "Map",
    "ResourceRequirementsModel",
    "Retry",
    "SlurmSchedulerModel",
    "TorcError",
    "UserDataModel",
    "Workflow",
    "WorkflowModel",
    "__version__",
    "current_job",
    "make_api",
    "map_function_to_jobs",
]

#: Where each public name is; imported when first asked for, so that a worker never pays for the notebook's half.
_HOMES = {
    "AllocationModel": "torc_nb.models",
    "Api": "torc_nb.api",
    "CurrentJob": "torc_nb.worker.current_job",
    "EventModel": "torc_nb.models",
    "FileModel": "torc_nb.models",
    "Job": "torc_nb.workflow",
    "JobFailed": "torc_nb.errors",
    "JobModel": "torc_nb.models",
    "Map": "torc_nb.workflow",
    "ResourceRequirementsModel": "torc_nb.models",
    "Retry": "torc_nb.models.retries",
    "SlurmSchedulerModel": "torc_nb.models",
    "TorcError": "torc_nb.errors",
    "UserDataModel": "torc_nb.models",
    "Workflow": "torc_nb.workflow",
    "WorkflowModel": "torc_nb.models",
    "current_job": "torc_nb.worker.current_job",
    "make_api": "torc_nb.api",
    "map_function_to_jobs": "torc_nb.api.rounds",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'torc_nb' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: ``%load_ext torc_nb``."""
    from torc_nb import magics

    magics.load(shell)
