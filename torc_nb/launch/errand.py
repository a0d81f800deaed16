"""What submitit carries to the new process: a name and the worker's settings."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter

from torc_nb.models import WorkerSettings

WORK = "torc_nb.worker:run"


@dataclass(frozen=True, slots=True)
class Errand:
    """Call ``work`` with ``settings``.

    The work is a name, ``"module:function"``, and is looked up where it runs: the kernel never imports the worker.
    """

    work: str
    settings: WorkerSettings

    def __call__(self) -> None:
        """Do it, in the new process."""
        module, _, function = self.work.partition(":")
        attrgetter(function)(import_module(module))(self.settings)
