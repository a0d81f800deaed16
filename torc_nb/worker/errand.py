"""What the new process is to do: laid in a file by whoever launches it, read by the process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path

from torc_nb import private
from torc_nb.errors import NotPrivate
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
        """Do it."""
        module, _, function = self.work.partition(":")
        attrgetter(function)(import_module(module))(self.settings)

    def write(self, path: Path) -> None:
        """Lay it into a file that only this user can read: it names the database."""
        private.write_text(path, json.dumps({"work": self.work, "settings": self.settings._asdict()}))

    @classmethod
    def read(cls, path: Path) -> Errand:
        """Read it from its file.

        Raises
        ------
        NotPrivate
            Another user put it there.
        """
        for place in (path.parent, path):
            if not private.is_ours(place.stat()):
                raise NotPrivate(f"{place} was put there by another user, who would choose what runs as you.")
        errand = json.loads(path.read_text(encoding="utf-8"))
        settings = WorkerSettings(**errand["settings"])
        return cls(errand["work"], settings._replace(only=tuple(settings.only)))
