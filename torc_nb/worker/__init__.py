"""The process that runs jobs on one node: claim, run in warm isolated processes, record."""

from __future__ import annotations

import os

from torc_nb.models import WorkerSettings


def run(settings: WorkerSettings) -> None:
    """Be a worker until there is nothing left to do, or until told to stop."""
    # The nursery is forked before anything heavy is imported, before the first thread, and with the user's own umask.
    from torc_nb.worker.nursery import Nursery

    nursery = Nursery.start()
    os.umask(0o077)
    from torc_nb.worker.bell import Bell

    bell = Bell()
    from torc_nb.worker.shift import Shift

    Shift(settings, nursery, bell).work()
