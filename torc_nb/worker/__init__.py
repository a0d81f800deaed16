"""The process that runs jobs on one node: claim, run in warm isolated processes, record."""

from __future__ import annotations

from torc_nb.models import WorkerSettings


def run(settings: WorkerSettings) -> None:
    """Be a worker until there is nothing left to do, or until told to stop."""
    # The nursery is forked before anything heavy is imported, and before the first thread.
    from torc_nb.worker.nursery import Nursery

    nursery = Nursery.start()
    from torc_nb.worker.shift import Shift

    Shift(settings, nursery).work()
