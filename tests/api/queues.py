"""A Slurm that is a number, and allocations of which a test says what becomes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from torc_nb.api import Api
from torc_nb.errors import LaunchError, SlurmLimit
from torc_nb.launch import Chain, Launched
from torc_nb.models import CampaignModel, Introduction
from torc_nb.store import Database, allocations, leases


class Queue:
    """Takes so many jobs, or refuses in other words; knows what was cancelled."""

    def __init__(self) -> None:
        self.room = 1000
        self.refusal = ""
        self.canceled: list[str] = []
        self.requeued: list[str] = []
        self.chained: list[tuple[Chain | None, int]] = []
        self._numbers = count(1)

    def submit(
        self, database: Database, _workflow: Any, ids: list[int], *_: Any, chain: Chain | None = None, **__: Any
    ) -> list[Launched]:
        """Be sbatch."""
        if self.refusal:
            raise LaunchError(self.refusal)
        if len(ids) > self.room:
            raise SlurmLimit("sbatch refused: sbatch: error: AssocMaxSubmitJobLimit")
        self.room -= len(ids)
        self.chained.append((chain, len(ids)))
        launched = [Launched(str(next(self._numbers)), "log") for _ in ids]
        for id_, one in zip(ids, launched, strict=True):
            allocations.launched(database, id_, one.scheduler_job, one.log)
        return launched

    def cancel(self, job_ids: Iterable[int | str]) -> None:
        """Be scancel."""
        self.canceled += map(str, job_ids)

    def requeue(self, job_id: str) -> None:
        """Be scontrol requeue."""
        if self.refusal:
            raise LaunchError(self.refusal)
        self.requeued.append(job_id)


def alive(api: Api, id_: int) -> int:
    """How many allocations are pending or running."""
    return sum(one.state in allocations.ALIVE for one in api.list_allocations(id_))


def end(api: Api, id_: int, n: int = 1) -> None:
    """Let workers begin in so many of the allocations that wait, and leave without having found anything to do."""
    waiting = [one for one in api.list_allocations(id_) if one.state == "submitted"]
    for one in waiting[:n]:
        here = Introduction(id_, "n1", 1, "elsewhere", 0.0, allocation_id=one.id)
        leases.leave(api.database, leases.join(api.database, here), message="it was not needed")


def campaign(api: Api, id_: int) -> CampaignModel:
    """What was wished."""
    found = api.get_campaign(id_)
    assert found is not None
    return found
