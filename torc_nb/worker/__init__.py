"""The process that runs jobs on one node: claim, run in warm isolated processes, record."""

from __future__ import annotations

import gc
import os

from torc_nb.models import WorkerSettings


def run(settings: WorkerSettings) -> None:
    """Be a worker until there is nothing left to do, or until told to stop."""
    # What is imported stays: to look through it for garbage, again and again, would cost a quarter of a worker's start.
    gc.disable()
    # The nursery is forked before the database's half is imported, before the first thread, with the user's own umask.
    # It has what children need; they share it.
    from torc_nb.worker import child  # noqa: F401
    from torc_nb.worker.nursery import Nursery

    gc.freeze()
    nursery = Nursery.start()
    os.umask(0o077)
    from torc_nb.worker.bell import Bell

    bell = Bell()
    from torc_nb.worker.shift import Shift

    gc.freeze()
    gc.enable()
    Shift(settings, nursery, bell).work()
