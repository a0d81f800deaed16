"""A campaign's allocations in chains: each begins when the one before it has ended, with nobody there to submit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import update

from torc_nb.store import allocations, schema
from torc_nb.store.database import Database

_allocations = schema.allocations


class Entered(NamedTuple):
    """Links that were entered at the end of a chain, and Slurm's names of what is before it, but no link of it."""

    chain: int
    ids: list[int]
    behind: list[str]


def enter(
    database: Database, workflow_id: int, scheduler_id: int | None, n: int, links: int, most: int
) -> list[Entered]:
    """Enter what is missing to ``n`` chains of so many links each, but only so many that ``most`` are alive.

    What was submitted before there were any chains is before the first links, as if it were one itself. The first links
    of all chains come before the second ones. Of two who ask at once, the second finds what the first entered.
    """
    with database.write() as connection:
        allocations.hold(connection, workflow_id)
        alive = allocations.those_alive(connection, workflow_id, "slurm")
        length = {chain: sum(one["chain"] == chain for one in alive) for chain in range(n)}
        behind: dict[int, list[str]] = {chain: [] for chain in range(n)}
        for single in (one for one in alive if one["chain"] is None):
            chain = min(length, key=lambda number: (length[number], number))
            length[chain] += 1
            behind[chain] += [single["scheduler_job"]] if single["scheduler_job"] else []
        missing = [chain for link in range(links) for chain in range(n) if length[chain] <= link]
        missing = missing[: max(0, most - len(alive))]
        ids = allocations.enter(database, connection, workflow_id, "slurm", missing, scheduler_id)
    return [
        Entered(chain, [id_ for id_, one in zip(ids, missing, strict=True) if one == chain], behind[chain])
        for chain in sorted(set(missing))
    ]


def cut(database: Database, workflow_id: int, n: int, message: str) -> Sequence[str]:
    """Cancel what waits in all chains but the first ``n``; returns Slurm's names of it."""
    with database.write() as connection:
        allocations.hold(connection, workflow_id)
        canceled = connection.execute(
            update(_allocations)
            .where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.state == "submitted",
                _allocations.c.scheduler_job.is_not(None),
                _allocations.c.chain >= n,
            )
            .values(state="canceled", message=message, ended=database.now(connection))
            .returning(_allocations.c.scheduler_job)
        )
        return [str(row.scheduler_job) for row in canceled]
