"""Who is told what becomes of the workflow: a worker has the commands called that are due, and as it leaves."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading

from torc_nb.errors import TorcError
from torc_nb.models import WorkerSettings
from torc_nb.store import Database, notifications
from torc_nb.worker.words import say

#: How often a worker looks whether anything is to be told, in seconds: one small question to the database.
LOOK = 15.0
#: How long a worker that leaves waits for the commands, in seconds.
PATIENCE = 150.0

# By its name: what says it in words stands below the worker in the house.
_COMMAND = ("-P", "-m", "torc_nb.api.telling")


class Telling(threading.Thread):
    """Looks, in a thread of its own, whether anything is to be told."""

    def __init__(self, database: Database, settings: WorkerSettings) -> None:
        super().__init__(name="telling", daemon=True)
        self._database = database
        self._settings = settings
        self._woken = threading.Event()
        self._is_over = False
        self._was_idle = False

    def run(self) -> None:
        """Look now and then, and when woken."""
        while True:
            self._woken.wait(LOOK * random.uniform(0.8, 1.2))
            self._woken.clear()
            if self._is_over:
                return
            self._tell()

    def note(self, *, nothing_left: bool) -> None:
        """Look at once where nothing is left to do since this was last said."""
        if nothing_left and not self._was_idle:
            self._woken.set()
        self._was_idle = nothing_left

    def call(self) -> None:
        """Have it told what the leaving of this worker means."""
        self._is_over = True
        self._woken.set()
        if self.is_alive():
            self.join(PATIENCE)
        # The end of the walltime must not end what tells of it: this is inherited.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._tell(leaving=not self._settings.only)  # who came for some jobs alone leaves before the others begin

    def _tell(self, *, leaving: bool = False) -> None:
        with contextlib.suppress(TorcError):  # the database is away: whoever looks next sees to it
            if notifications.due(self._database, self._settings.workflow_id, leaving=leaving):
                self._send(leaving)

    def _send(self, leaving: bool) -> None:
        asked = {
            "database": self._settings.database,
            "workflow_id": self._settings.workflow_id,
            "trust": self._settings.trust,
            "leaving": leaving,
        }
        try:
            subprocess.run(
                [sys.executable, *_COMMAND], input=json.dumps(asked), text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            say(f"nobody could be told what became of the workflow: {error}")
