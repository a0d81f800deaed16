"""A process in which a worker has the nodes of its workflow topped up: ``python -m torc_nb.api.relief``.

Of its own, since what submits takes more to import than a worker does. It is told by its standard input: the database's
address may hold a password, and a command line can be read by all.
"""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

from torc_nb.api import campaigns, chains, launching
from torc_nb.errors import TorcError
from torc_nb.store import Database


class Relieved(NamedTuple):
    """Who asks: a worker of this database and workflow.

    ``allocation_id`` and ``scheduler_job``: those of a worker that has left; 0 and None of one that goes on.
    ``on_node``: it is in an allocation. ``shall_try``: it is to find out whether it may submit, and no more.
    """

    database: str
    workflow_id: int
    allocation_id: int = 0
    scheduler_job: str | None = None
    trust: bool = False
    on_node: bool = False
    shall_try: bool = False


def relieve(asked: Relieved) -> None:
    """Top up; where a limit of Slurm's leaves no other way, by queueing the allocation again that ends now."""
    database = Database.open(asked.database, create=False, trust=asked.trust)
    try:
        if asked.shall_try:
            chains.find_out(database, asked.workflow_id)
            return
        launching.refresh(database, asked.workflow_id)
        campaigns.top_up(database, asked.workflow_id, on_node=asked.on_node)
        if asked.allocation_id and asked.scheduler_job:
            campaigns.requeue(database, asked.workflow_id, asked.allocation_id, asked.scheduler_job)
    finally:
        database.close()


if __name__ == "__main__":
    try:
        relieve(Relieved(**json.load(sys.stdin)))
    except TorcError as error:
        sys.exit(f"torc_nb: the nodes could not be topped up: {error}")
