"""Whether the jobs' requests can be met: by the workers there are, by those that schedulers bring, by this machine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

from torc_nb import launch
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import (
    ResourceRequirementsModel,
    Room,
    SlurmSchedulerModel,
    WorkerModel,
    WorkerSettings,
    fits,
    misfit,
)
from torc_nb.store import Database, demand, leases, requirements, schedulers

_CURE = "Map again with a smaller request (num_cpus, memory, …), or bring larger nodes: wf.schedule_nodes(n, …)."

#: Of what a scheduler leaves to the site: any request may fit.
_ANY = sys.maxsize


def here(num_cpus: int | None = None, memory: int | None = None) -> Room:
    """Return what a worker on this machine would have."""
    from torc_nb.worker import node

    settings = WorkerSettings("", 0, 0, num_cpus=num_cpus, memory=memory)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return node.capacity(settings, environ)


def misfits(asked: Iterable[ResourceRequirementsModel], room: Room) -> list[str]:
    """Say which of these requests can never be met in this room, with the numbers."""
    reasons = (misfit(requirement.request, room) for requirement in asked)
    return [f"jobs that ask for {reason} can never start on this worker" for reason in reasons if reason is not None]


def check_use(database: Database, workflow_id: int, room: Room) -> None:
    """Make sure that a worker with this room would have something to do, now or later.

    Raises
    ------
    InvalidRequest
        None of the jobs that could start now fits; the message has the numbers.
    """
    asked = demand.waiting(database, workflow_id)
    never = misfits(asked, room)
    if never and len(never) == len(asked):
        raise InvalidRequest(f"A worker here would have nothing to do: {'; '.join(never)}. {_CURE}")


def check_workers(database: Database, workflow_id: int, workers: Sequence[WorkerModel]) -> None:
    """Make sure that one of the workers has room for one of the jobs that could start now.

    Raises
    ------
    LaunchError
        None has; the message has the numbers.
    """
    asked = demand.waiting(database, workflow_id)
    rooms = [_of_worker(worker) for worker in workers]
    if asked and not any(fits(requirement.request, room) for requirement in asked for room in rooms):
        raise LaunchError(f"{'; '.join(misfits(asked, max(rooms)))}. {_CURE}")


def doubts(database: Database, workflow_id: int, requirement_id: int) -> list[str]:
    """Say, with the numbers, that unfinished jobs of this request fit no place that is known.

    Known are the workers, the workflow's schedulers and the user's; where there are none, this machine.
    """
    asked = next((one for one in requirements.in_use(database, workflow_id) if one.id == requirement_id), None)
    if asked is None:
        return []
    known = [_of_worker(worker) for worker in leases.listed(database, workflow_id) if worker.state in leases.PRESENT]
    known += [_of_scheduler(one) for one in [*schedulers.listed(database, workflow_id), *_profiles()]]
    rooms = known or [here()]
    if any(fits(asked.request, room) for room in rooms):
        return []
    numbers = misfit(asked.request, max(rooms, key=lambda room: room[:3]))
    where = "fit no worker or scheduler that is known" if known else "do not fit this machine"
    return [f"its jobs {where} (each asks for {numbers}): they wait for larger nodes, wf.schedule_nodes(n, …)"]


def _profiles() -> Iterable[SlurmSchedulerModel]:
    """Return the user's schedulers; a file that cannot be read is complained of where one is asked for."""
    try:
        return launch.profiles().values()
    except InvalidRequest:
        return ()


def _of_worker(worker: WorkerModel) -> Room:
    return Room(worker.num_cpus, worker.memory, worker.num_gpus)


def _of_scheduler(scheduler: SlurmSchedulerModel) -> Room:
    """Return the most that a node of this scheduler may have."""
    return Room(scheduler.cpus or _ANY, scheduler.mem or _ANY, gpus(scheduler.gres), scheduler.walltime)


def gpus(gres: str | None) -> int:
    """Count the GPUs in ``"gpu:2"`` or ``"gpu:a100:2,tmp:1"``; without any in it the site decides."""
    counts = re.findall(r"gpu(?::[^:,]+)?:(\d+)", gres or "")
    return sum(map(int, counts)) if counts else _ANY
