"""Workers brought and looked after: on this machine, and through Slurm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from torc_nb import launch, slurm
from torc_nb.api.inspection import Status
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import (
    CLAIMED,
    AllocationModel,
    ResourceRequirementsModel,
    Room,
    SlurmSchedulerModel,
    WorkerSettings,
    WorkflowModel,
    fits,
    misfit,
)
from torc_nb.store import Database, allocations, demand, leases, machine, schedulers

#: How old Slurm's last answer may be before it is asked again, in seconds: polite to its controller.
ASK_AGAIN = 30.0
#: A local worker that was started this long ago and did not report has failed, in seconds.
REPORTS_WITHIN = 60.0

_CURE = "Map again with a smaller request (num_cpus, memory, …), or bring larger nodes: wf.schedule_nodes(n, …)."


class Brought(NamedTuple):
    """What a request for workers did: how many were started now, how many there were already, and what to say."""

    started: int
    alive: int
    message: str


def run_here(
    database: Database,
    workflow: WorkflowModel,
    *,
    num_cpus: int | None = None,
    memory: int | None = None,
    idle_timeout: float = 600.0,
    more: bool = False,
) -> Brought:
    """Start a worker on this machine, unless one is there.

    Raises
    ------
    LaunchError
        It cannot be started.
    """
    assert workflow.id is not None
    refresh(database, workflow.id)
    here = _workers_here(database, workflow.id)
    if here and not more:
        return Brought(0, len(here), f"a worker is already running here ({here[0]}); run(more=True) starts another")
    (allocation_id,) = allocations.create(database, workflow.id, "local", 1)
    settings = WorkerSettings(
        database.url,
        workflow.id,
        allocation_id,
        origin=machine.boot_id(),
        idle_timeout=idle_timeout,
        # Where nobody waits for the node, a worker may wait for the next cell.
        linger=idle_timeout,
        num_cpus=num_cpus,
        memory=memory,
    )
    launched = _submitted(database, [allocation_id], lambda: [launch.start_local(settings, _folder(workflow))])[0]
    return Brought(1, len(here), f"started a worker on this machine (process {launched.scheduler_job})")


def _workers_here(database: Database, workflow_id: int) -> list[str]:
    """Describe the workers of this machine that live, or were started and have not reported yet."""
    boot = machine.boot_id()
    found = [
        f"{worker.num_cpus} CPUs, process {worker.pid}"
        for worker in leases.listed(database, workflow_id)
        if worker.state == "running" and worker.boot_id == boot and _allocated_locally(database, worker.allocation_id)
    ]
    starting = [
        f"starting, process {allocation.scheduler_job}"
        for allocation in allocations.listed(database, workflow_id, alive=True)
        if allocation.kind == "local" and allocation.state == "submitted"
    ]
    return found + starting


def _allocated_locally(database: Database, allocation_id: int | None) -> bool:
    return allocation_id is None or allocations.get(database, allocation_id).kind == "local"


def schedule_nodes(
    database: Database,
    workflow: WorkflowModel,
    n: int,
    scheduler: SlurmSchedulerModel,
    *,
    idle_timeout: float = 600.0,
    more: bool = False,
) -> Brought:
    """Have ``n`` allocations of one node each: submits what is missing.

    Raises
    ------
    LaunchError
        Slurm refused; with its message and the likely cure.
    InvalidRequest
        ``n`` is not at least 1.
    """
    assert workflow.id is not None
    if n < 1:
        raise InvalidRequest(f"schedule_nodes({n}): give a number of nodes of at least 1.")
    refresh(database, workflow.id)
    alive = [
        allocation for allocation in allocations.listed(database, workflow.id, alive=True) if allocation.kind == "slurm"
    ]
    missing = n if more else n - len(alive)
    if missing <= 0:
        return Brought(
            0, len(alive), f"{len(alive)} allocation(s) are pending or running already; more=True adds to them"
        )
    ids = allocations.create(database, workflow.id, "slurm", missing, scheduler.id)
    settings = [
        WorkerSettings(database.url, workflow.id, id_, origin=machine.boot_id(), idle_timeout=idle_timeout)
        for id_ in ids
    ]
    launched = _submitted(database, ids, lambda: launch.schedule(settings, scheduler, _folder(workflow)))
    names = ", ".join(one.scheduler_job for one in launched[:3]) + (", …" if len(launched) > 3 else "")
    return Brought(missing, len(alive), f"submitted {missing} allocation(s) to Slurm: {names}")


def _submitted(database: Database, ids: list[int], submit: object) -> list[launch.Launched]:
    assert callable(submit)
    try:
        launched: list[launch.Launched] = submit()
    except BaseException as error:
        for id_ in ids:
            allocations.end(database, id_, "failed", str(error))
        raise
    for id_, one in zip(ids, launched, strict=True):
        allocations.change(database, id_, scheduler_job=one.scheduler_job, log=one.log)
    return launched


def _folder(workflow: WorkflowModel) -> Path:
    folder = Path(workflow.files) / "launches"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def scheduler_named(database: Database, workflow_id: int, name: str | None) -> SlurmSchedulerModel:
    """Return the scheduler of a name: the workflow's, else the user's profile; without a name the only or default one.

    Raises
    ------
    InvalidRequest
        None of that name; the message lists those there are.
    """
    own = {scheduler.name: scheduler for scheduler in schedulers.listed(database, workflow_id)}
    known = launch.profiles() | own
    if name is None:
        if len(own) == 1:
            return next(iter(own.values()))
        return known.get("default") or SlurmSchedulerModel(workflow_id=workflow_id)
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else "there are none"
        raise InvalidRequest(f"There is no scheduler {name!r}; {there}. `%torc hpc slurm add {name} …` makes one.")
    return known[name]


def refresh(database: Database, workflow_id: int) -> None:
    """Find out what became of allocations: dead local workers, and Slurm's word where it is older than 30 s."""
    leases.expire(database, workflow_id)
    alive = allocations.listed(database, workflow_id, alive=True)
    for allocation in alive:
        if allocation.kind == "local" and allocation.state == "submitted":
            _check_local(database, allocation)
    ours = [allocation for allocation in alive if allocation.kind == "slurm" and allocation.scheduler_job]
    if ours and allocations.may_ask(database, workflow_id, ASK_AGAIN):
        _ask_slurm(database, ours)


def _check_local(database: Database, allocation: AllocationModel) -> None:
    """Fail an allocation whose process ended, or never was, before it reported."""
    age = time.time() - (allocation.submitted or 0.0)
    pid = allocation.scheduler_job
    gone = pid is None or not pid.isdigit() or not machine.process_start(int(pid))
    if gone and age > (REPORTS_WITHIN if pid is None else 0.0):
        words = launch.last_words(allocation.log)
        allocations.end(database, allocation.id or 0, "failed", f"its worker ended before it reported:\n{words}")


def _ask_slurm(database: Database, ours: list[AllocationModel]) -> None:
    try:
        queued = {job.id: job for job in slurm.queue([str(allocation.scheduler_job) for allocation in ours])}
    except LaunchError:
        return  # Slurm does not answer now; whoever looks next asks again
    for allocation in ours:
        job = queued.get(str(allocation.scheduler_job))
        if job is not None and not job.has_ended:
            if job.reason != allocation.message and allocation.state == "submitted":
                allocations.change(database, allocation.id or 0, message=f"{job.state.lower()}: {job.reason}")
            continue
        ended = "it is gone from Slurm's queue" if job is None else f"Slurm says {job.state}"
        if allocation.state == "submitted":
            words = launch.last_words(allocation.log)
            allocations.end(database, allocation.id or 0, "failed", f"its worker never reported; {ended}:\n{words}")
        else:
            allocations.end(database, allocation.id or 0, "ended", ended)


def cancel_allocations(database: Database, workflow_id: int) -> int:
    """Cancel a workflow's allocations in Slurm and stop its workers on this machine; returns how many those were."""
    alive = allocations.listed(database, workflow_id, alive=True)
    in_slurm = [str(one.scheduler_job) for one in alive if one.kind == "slurm" and one.scheduler_job]
    if in_slurm:
        slurm.cancel(in_slurm)
    for allocation in alive:
        allocations.end(database, allocation.id or 0, "ended", "canceled by the user")
    stopped = leases.ask_to_leave(database, workflow_id)
    return max(len(in_slurm), stopped)


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


def check_progress(database: Database, status: Status) -> None:
    """Make sure that the jobs that wait can begin some time.

    Raises
    ------
    LaunchError
        No worker runs or is coming, or none of those there are fits; the message says what to do.
    """
    if status.is_done or status.waiting:
        return
    left = f"{status.total - status.finished:,} jobs wait"
    if status.workers:
        if not any(status.statuses.get(one) for one in CLAIMED):
            _check_rooms(database, status)
        return
    last = next(reversed(allocations.listed(database, status.workflow.id or 0)), None)
    if last is not None and last.state == "failed":
        raise LaunchError(f"{left}, but allocation {last.id} failed: {last.message}")
    raise LaunchError(
        f"{left} and no worker runs: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes."
    )


def _check_rooms(database: Database, status: Status) -> None:
    """Make sure that one of the workers has room for one of the jobs that could start now."""
    asked = demand.waiting(database, status.workflow.id or 0)
    rooms = [Room(worker.num_cpus, worker.memory, worker.num_gpus) for worker in status.workers]
    if asked and not any(fits(requirement.request, room) for requirement in asked for room in rooms):
        raise LaunchError(f"{'; '.join(misfits(asked, max(rooms)))}. {_CURE}")


def room_here(num_cpus: int | None, memory: int | None) -> Room:
    """Return what a worker on this machine would have."""
    from torc_nb.worker import node

    settings = WorkerSettings("", 0, 0, num_cpus=num_cpus, memory=memory)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return node.capacity(settings, environ)
