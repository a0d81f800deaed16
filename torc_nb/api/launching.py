"""Workers brought and looked after: on this machine, and through Slurm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from torc_nb import launch, private, slurm
from torc_nb.api import excluding
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import AllocationModel, SlurmSchedulerModel, WorkerSettings, WorkflowModel
from torc_nb.models.quantities import counted
from torc_nb.store import Database, allocations, exclusions, leases, limits, machine, schedulers, trust, workflows

#: How old Slurm's last answer may be before it is asked again, in seconds: polite to its controller.
ASK_AGAIN = 30.0

_CANCELED = "canceled by the user"
_WOULD_RUN = "Workers run their own user's workflows"


class Brought(NamedTuple):
    """What a request for workers did: how many were started now, how many there were already, and what to say.

    ``allocations`` are the ids of those started now.
    """

    started: int
    alive: int
    message: str
    allocations: tuple[int, ...] = ()


def run_here(
    database: Database,
    workflow: WorkflowModel,
    *,
    num_cpus: int | None = None,
    memory: int | None = None,
    idle_timeout: float = 600.0,
    more: bool = False,
    only: tuple[int, ...] = (),
) -> Brought:
    """Start a worker on this machine, unless one is there; for some jobs ``only``, another one.

    Raises
    ------
    LaunchError
        It cannot be started.
    NotTrusted
        It is another user's workflow.
    NotPrivate
        Others may write the workflow's folder.
    """
    assert workflow.id is not None
    trust.check(database, workflow, _WOULD_RUN)
    place = folder(database, workflow)
    refresh(database, workflow.id)
    ids = allocations.create(database, workflow.id, "local", 1, up_to=not (more or only), only=only)
    others = [one for one in allocations.here(database, workflow.id) if one.id not in ids]
    if not ids:
        found = "".join(f" ({_described(database, one)})" for one in others[:1])
        return Brought(0, len(others), f"a worker is already running here{found}; run(more=True) starts another")
    (allocation_id,) = ids
    settings = WorkerSettings(
        database.url,
        workflow.id,
        allocation_id,
        origin=machine.boot_id(),
        idle_timeout=idle_timeout,
        # Where nobody waits for the node, a worker may wait for the next cell.
        linger=0.0 if only else idle_timeout,
        num_cpus=num_cpus,
        memory=memory,
        trust=database.trust,
        only=only,
    )
    (launched,) = _launched(database, ids, lambda: [launch.start_local(settings, place)], _stop_local)
    return Brought(1, len(others), f"started a worker on this machine (process {launched.scheduler_job})", tuple(ids))


def _described(database: Database, allocation: AllocationModel) -> str:
    """Say which worker it is, or that it is still coming."""
    for worker in leases.listed(database, allocation.workflow_id):
        if worker.allocation_id == allocation.id and worker.state in leases.PRESENT:
            return f"{counted(worker.num_cpus, 'CPU')}, process {worker.pid}"
    return "starting" if allocation.scheduler_job is None else f"starting, process {allocation.scheduler_job}"


def schedule_nodes(
    database: Database,
    workflow: WorkflowModel,
    n: int,
    scheduler: SlurmSchedulerModel,
    *,
    idle_timeout: float = 600.0,
    linger: float = 0.0,
    more: bool = False,
    only: tuple[int, ...] = (),
) -> Brought:
    """Have ``n`` allocations of one node each: submits what is missing; for some jobs ``only``, so many more.

    ``linger``: for how many seconds a worker stays although nothing is left to do.

    Raises
    ------
    LaunchError
        Slurm refused; with its message and the likely cure.
    InvalidRequest
        ``n`` is not at least 1.
    NotTrusted
        It is another user's workflow.
    NotPrivate
        Others may write the workflow's folder.
    """
    assert workflow.id is not None
    if n < 1:
        raise InvalidRequest(f"schedule_nodes({n}): give a number of nodes of at least 1.")
    trust.check(database, workflow, _WOULD_RUN)
    refuse_elsewhere(database, scheduler)
    folder(database, workflow)
    refresh(database, workflow.id)
    ids = allocations.create(database, workflow.id, "slurm", n, scheduler.id, up_to=not (more or only), only=only)
    alive = [one for one in allocations.listed(database, workflow.id, alive=True) if one.kind == "slurm"]
    others = len(alive) - len(ids)
    if not ids:
        return Brought(0, others, f"{others} allocation(s) are pending or running already; more=True adds to them")
    launched = _submit_in_arrays(database, workflow, ids, scheduler, idle_timeout, linger, only)
    return Brought(len(ids), others, submitted(launched), tuple(ids))


def _submit_in_arrays(
    database: Database,
    workflow: WorkflowModel,
    ids: list[int],
    scheduler: SlurmSchedulerModel,
    idle_timeout: float,
    linger: float,
    only: tuple[int, ...],
) -> list[launch.Launched]:
    """Submit allocations that were entered, in no larger arrays than the site permits."""
    size = launch.array_size(len(ids))
    launched: list[launch.Launched] = []
    for first in range(0, len(ids), size):
        piece, rest = ids[first : first + size], ids[first + size :]
        try:
            launched += submit(
                database, workflow, piece, scheduler, idle_timeout=idle_timeout, linger=linger, only=only
            )
        except BaseException as error:
            for id_ in rest:
                allocations.end(database, id_, "failed", str(error) or type(error).__name__)
            raise
    return launched


def submitted(launched: list[launch.Launched]) -> str:
    """Say what was submitted."""
    names = ", ".join(one.scheduler_job for one in launched[:3]) + (", …" if len(launched) > 3 else "")
    return f"submitted {len(launched)} allocation(s) to Slurm: {names}"


def submit(
    database: Database,
    workflow: WorkflowModel,
    ids: list[int],
    scheduler: SlurmSchedulerModel,
    *,
    idle_timeout: float,
    linger: float = 0.0,
    only: tuple[int, ...] = (),
    chain: launch.Chain | None = None,
) -> list[launch.Launched]:
    """Submit allocations that were entered; those that Slurm does not take are noted as failed.

    Raises
    ------
    SlurmLimit
        Slurm takes no more of this user's jobs for now, or not so many at once.
    LaunchError
        Slurm refused; with its message and the likely cure.
    """
    settings = [
        WorkerSettings(
            database.url,
            workflow.id or 0,
            id_,
            origin=machine.boot_id(),
            idle_timeout=idle_timeout,
            linger=linger,
            trust=database.trust,
            only=only,
        )
        for id_ in ids
    ]
    place = folder(database, workflow)
    excluded = exclusions.names(database, workflow.id or 0)

    def schedule() -> list[launch.Launched]:
        try:
            return launch.schedule(settings, scheduler, place, chain=chain, exclude=excluded)
        except LaunchError as error:
            raise type(error)(f"{error}{excluding.blame(str(error), excluded)}") from error

    return _launched(database, ids, schedule, slurm.cancel)


def refuse_elsewhere(database: Database, scheduler: SlurmSchedulerModel) -> None:
    """Say before anything waits in the queue that workers on other machines cannot use an SQLite file."""
    if not database.is_sqlite:
        return
    elsewhere = [one for one in slurm.node_addresses(scheduler.partition) if not machine.is_own_address(one)]
    if elsewhere:
        raise LaunchError(
            f"{database.place} is an SQLite file, which workers on other machines ({elsewhere[0]}, …) cannot use.\n"
            "`%torc db start` moves it into a private PostgreSQL; then open the workflow again and schedule its nodes."
        )


def _launched(
    database: Database,
    ids: list[int],
    start: Callable[[], list[launch.Launched]],
    stop: Callable[[list[str]], None],
) -> list[launch.Launched]:
    """Launch what was entered, and write where it is found; what cannot be launched is taken back.

    Raises
    ------
    LaunchError
        It cannot be launched, or somebody canceled it meanwhile: it was stopped again.
    """
    try:
        launched = start()
    except BaseException as error:
        for id_ in ids:
            allocations.end(database, id_, "failed", str(error) or type(error).__name__)
        raise
    canceled = [
        one.scheduler_job
        for id_, one in zip(ids, launched, strict=True)
        if not allocations.launched(database, id_, one.scheduler_job, one.log)
    ]
    if canceled:
        stop(canceled)
        raise LaunchError(
            "The workflow was canceled or deleted while its workers were being started; they are stopped."
        )
    return launched


def _stop_local(pids: Iterable[str]) -> None:
    for pid in pids:
        launch.stop_local(int(pid))


def folder(database: Database, workflow: WorkflowModel) -> Path:
    """Where launches are laid down, in a folder that nobody else may write: they say what runs."""
    files = Path(workflow.files)
    try:
        private.make_folder(files / "launches")
    except OSError as error:
        raise LaunchError(f"No worker can be started: {files}/launches cannot be made: {error.strerror}.") from error
    if not database.trust:
        private.check(files)
    return files / "launches"


def scheduler_named(database: Database, workflow_id: int, name: str | None) -> SlurmSchedulerModel:
    """Return the scheduler of a name: the workflow's, else the user's profile.

    Without a name, the one that the waiting maps are meant for, else the only or default one.

    Raises
    ------
    InvalidRequest
        None of that name; the message lists those there are.
    """
    own = {scheduler.name: scheduler for scheduler in schedulers.listed(database, workflow_id)}
    known = launch.profiles() | own
    if name is None:
        meant = schedulers.meant(database, workflow_id) if len(own) > 1 else [one.id for one in own.values()]
        if len(meant) == 1:
            return next(one for one in own.values() if one.id == meant[0])
        return known.get("default") or SlurmSchedulerModel(workflow_id=workflow_id)
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else "there are none"
        raise InvalidRequest(f"There is no scheduler {name!r}; {there}. `%torc hpc slurm add {name} …` makes one.")
    return known[name]


def refresh(database: Database, workflow_id: int) -> None:
    """Find out what became of allocations: dead local workers, and Slurm's word where it is older than 30 s.

    Those that wait in Slurm's queue although nothing is left to do are canceled. Who may only read leaves
    that to others.
    """
    if database.is_read_only:
        return
    leases.expire(database, workflow_id)
    limits.tell(database, workflow_id)
    for allocation in allocations.stillborn(database, workflow_id):
        allocations.end(database, allocation.id or 0, "failed", _last_word(allocation))
    cancel_idle(database, workflow_id)
    in_slurm = _in_slurm(allocations.listed(database, workflow_id, alive=True))
    if in_slurm and allocations.may_ask(database, workflow_id, ASK_AGAIN):
        _ask_slurm(database, in_slurm)


def _last_word(stillborn: AllocationModel) -> str:
    if stillborn.scheduler_job is None:
        return "the kernel or command that was starting it ended before it was started"
    return f"its worker ended before it reported:\n{launch.last_words(stillborn.log)}"


def _in_slurm(found: Iterable[AllocationModel]) -> list[AllocationModel]:
    return [one for one in found if one.kind == "slurm" and one.scheduler_job]


def cancel_idle(database: Database, workflow_id: int) -> None:
    """Cancel what waits in Slurm's queue although all jobs have finished."""
    if database.is_read_only:
        return
    pending = any(one.state == "submitted" for one in _in_slurm(allocations.listed(database, workflow_id, alive=True)))
    if pending and all(status.is_finished for status in workflows.statuses(database, workflow_id)):
        idle = allocations.cancel_idle(database, workflow_id)
        # Where Slurm does not answer they start some time, find nothing to do, and leave.
        with contextlib.suppress(LaunchError):
            slurm.cancel(idle)


def _ask_slurm(database: Database, ours: list[AllocationModel]) -> None:
    try:
        queued = {job.id: job for job in slurm.queue([str(allocation.scheduler_job) for allocation in ours])}
    except LaunchError:
        return  # Slurm does not answer now; whoever looks next asks again
    for allocation in ours:
        job = queued.get(str(allocation.scheduler_job))
        if job is not None and not job.has_ended:
            message = f"{job.state.lower()}: {job.reason}"
            if message != allocation.message and allocation.state == "submitted":
                allocations.change(database, allocation.id or 0, message=message)
            continue
        ended = "it is gone from Slurm's queue" if job is None else f"Slurm says {job.state}"
        if allocation.state == "submitted":
            words = launch.last_words(allocation.log)
            allocations.end(database, allocation.id or 0, "failed", f"its worker never reported; {ended}:\n{words}")
        else:
            allocations.end(database, allocation.id or 0, "ended", ended)


def cancel_allocations(database: Database, workflow_id: int, chosen: Collection[int] | None = None) -> int:
    """Cancel a workflow's allocations in Slurm and stop its workers on this machine; returns how many those were.

    ``chosen``: the ids of those that are meant; default: all.

    Raises
    ------
    LaunchError
        Slurm does not answer, or refuses; what runs on this machine is stopped all the same.
    """
    database.check_writable()
    all_ = allocations.listed(database, workflow_id, alive=True)
    alive = [one for one in all_ if chosen is None or one.id in chosen]
    in_slurm = _in_slurm(alive)
    local = {one.scheduler_job for one in alive if one.kind == "local"}
    # What did not report yet cannot be asked.
    for pid in allocations.unreported(database, workflow_id):
        if str(pid) in local:
            launch.stop_local(pid)
    for allocation in alive:
        if allocation not in in_slurm:
            allocations.end(database, allocation.id or 0, "canceled", _CANCELED)
    leases.ask_to_leave(database, workflow_id, chosen)
    slurm.cancel([str(one.scheduler_job) for one in in_slurm])
    for allocation in in_slurm:
        allocations.end(database, allocation.id or 0, "canceled", _CANCELED)
    return len(alive)


def dismiss(database: Database, workflow_id: int, allocation_ids: Collection[int]) -> None:
    """End some of a workflow's allocations, unless any job of it is left to do: their workers leave by themselves then.

    Raises
    ------
    LaunchError
        Slurm does not answer, or refuses.
    """
    if not all(status.is_finished for status in workflows.statuses(database, workflow_id)):
        return
    ours = [one for one in allocations.listed(database, workflow_id, alive=True) if one.id in allocation_ids]
    leases.ask_to_leave(database, workflow_id, allocation_ids)
    unborn = [one for one in ours if one.state == "submitted" and one.scheduler_job]
    for allocation in unborn:
        allocations.end(database, allocation.id or 0, "canceled", "its executor was shut down")
    _stop_local(str(one.scheduler_job) for one in unborn if one.kind == "local")
    if in_slurm := _in_slurm(unborn):
        slurm.cancel([str(one.scheduler_job) for one in in_slurm])
