"""Who comes after a worker: it has the nodes of its workflow topped up, while it works and as it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading

from torc_nb.errors import TorcError
from torc_nb.models import WorkerSettings
from torc_nb.store import Database, campaigns
from torc_nb.worker import node
from torc_nb.worker.words import say

#: How often a worker looks whether nodes are missing, in seconds: one small question to the database.
LOOK = 20.0
#: How long a worker that leaves waits for its relief, in seconds; Slurm mostly grants half a minute.
PATIENCE = 60.0

# By its name: what submits stands below the worker in the house.
_COMMAND = ("-P", "-m", "torc_nb.api.relief")


class Relief(threading.Thread):
    """Looks, in a thread of its own, whether the workflow has the nodes that it is to have."""

    def __init__(self, database: Database, settings: WorkerSettings) -> None:
        super().__init__(name="relief", daemon=True)
        self._database = database
        self._settings = settings
        self._over = threading.Event()
        self._job = node.scheduler_job(os.environ)
        self._can_submit = shutil.which("sbatch") is not None

    def run(self) -> None:
        """Find out whether nodes may submit, and look now and then."""
        with contextlib.suppress(TorcError):  # the database is away: another worker tells
            self._tell()
        while not self._over.wait(LOOK * random.uniform(0.8, 1.2)):
            with contextlib.suppress(TorcError):  # the database is away: whoever looks next sees to it
                if self._can_submit and campaigns.is_due(
                    self._database, self._settings.workflow_id, on_node=self._job is not None
                ):
                    self._send()

    def _tell(self) -> None:
        """Tell whether this node may submit, where nobody knows: others queue ahead what its worker cannot."""
        if self._job is None or not campaigns.shall_try(self._database, self._settings.workflow_id):
            return
        if self._can_submit:
            self._send(shall_try=True)
        else:
            reason = f"there is no sbatch in PATH on {os.environ.get('SLURMD_NODENAME') or socket.gethostname()}"
            campaigns.note_nodes(self._database, self._settings.workflow_id, reason)

    def call(self) -> None:
        """Have somebody come after this worker, which has left."""
        self._over.set()
        # Where sbatch is refused, the allocation itself may yet be queued again.
        if not self._can_submit or self._job is None or not self._settings.allocation_id:
            return
        with contextlib.suppress(TorcError):
            if campaigns.is_due(self._database, self._settings.workflow_id, on_node=True, last_chance=True):
                # The end of the walltime must not end what follows it: this is inherited.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                self._send(allocation_id=self._settings.allocation_id, scheduler_job=self._job)

    def _send(self, **more: object) -> None:
        asked = {
            "database": self._settings.database,
            "workflow_id": self._settings.workflow_id,
            "trust": self._settings.trust,
            "on_node": self._job is not None,
        }
        try:
            subprocess.run(
                [sys.executable, *_COMMAND], input=json.dumps(asked | more), text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            say(f"nobody could look whether nodes are missing: {error}")
