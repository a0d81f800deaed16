"""What is missing so that a job that could start does: a worker, one large enough, or one with time enough left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torc_nb import slurm
from torc_nb.api import excluding
from torc_nb.models import AllocationModel, Request, Room, WorkerModel, fits, misfit
from torc_nb.models.quantities import counted, format_duration
from torc_nb.store import Database, allocations, campaigns, exclusions, leases, schedulers, spans
from torc_nb.worker.appetite import Appetite

_BRING = "`%torc run` starts one here, `%torc hpc slurm schedule-nodes -n 1` asks Slurm for a node."
_LARGER = (
    "Map again with a smaller request (num_cpus, memory, runtime, …), or bring larger nodes: "
    "`%torc hpc slurm schedule-nodes -n 1 …`."
)


@dataclass(frozen=True)
class Why:
    """What a job or a workflow waits for; printed, it is a sentence and what to do next.

    Attributes
    ----------
    text : str
        One plain sentence.
    advice : str
        What to type next; "" where there is nothing to do but to wait.
    """

    text: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.advice}".rstrip()

    __repr__ = __str__


class Lack(NamedTuple):
    """The end of a sentence, "… waits for …" or "… asks for …", and what helps."""

    text: str
    advice: str


@dataclass(frozen=True)
class Crew:
    """Who could run jobs now, and what is to come, at one moment of the database's clock."""

    workers: Sequence[WorkerModel]
    waiting: Sequence[AllocationModel]
    newest: AllocationModel | None  # of all allocations, whatever became of it
    walltimes: dict[int, float]  # of workers, by their ids, where it is known
    now: float
    excluded: Sequence[str] = ()  # nodes that no allocation is given

    @property
    def silent(self) -> list[WorkerModel]:
        """Those that were not heard of for longer than a lease."""
        return [one for one in self.workers if self.silence(one) > leases.LEASE]

    def silence(self, worker: WorkerModel) -> float:
        """For how many seconds a worker was not heard of."""
        return max(0.0, self.now - (worker.last_seen or self.now))

    def whole(self, worker: WorkerModel) -> Room:
        """Return what a worker has when it begins."""
        return Room(worker.num_cpus, worker.memory, worker.num_gpus, self.walltimes.get(worker.id or 0))

    def left(self, worker: WorkerModel) -> Room:
        """Return what a worker has when nothing runs on it, with the time that is left of its walltime."""
        whole = self.whole(worker)
        if whole.time_left is None:
            return whole
        return whole._replace(time_left=max(0.0, (worker.started or self.now) + whole.time_left - self.now))


def crew(database: Database, workflow_id: int) -> Crew:
    """Return who is there and who is to come."""
    workers = [one for one in leases.listed(database, workflow_id) if one.state in leases.PRESENT]
    alive = allocations.listed(database, workflow_id, alive=True)
    kept = schedulers.listed(database, workflow_id)
    walltime_of: dict[int | None, float | None] = {one.id: one.walltime for one in kept}
    wish = campaigns.get(database, workflow_id)
    if wish is not None:  # its nodes may be asked for in other words than those of any scheduler that is kept
        walltime_of.setdefault(None, wish.scheduler.walltime)
    of_allocation = {one.id: walltime_of.get(one.scheduler_id) for one in alive if one.kind == "slurm"}
    known = {one.id or 0: of_allocation.get(one.allocation_id) for one in workers}
    return Crew(
        workers=workers,
        waiting=[one for one in alive if one.state == "submitted"],
        newest=next(iter(allocations.listed(database, workflow_id, limit=1, newest_first=True)), None),
        walltimes={id_: walltime for id_, walltime in known.items() if walltime is not None},
        now=spans.now(database),
        excluded=exclusions.names(database, workflow_id),
    )


def lack(there: Crew, request: Request, cut: float | None = None, expected: float | None = None) -> Lack | None:
    """Say what keeps a job of this request from starting; None where a worker takes it as soon as it has room.

    ``cut``: the most seconds that it ran until a walltime ended; ``expected``: how many it is likely to take, as others
    of its map did.
    """
    heard = [one for one in there.workers if one not in there.silent]
    if not heard:
        return _no_worker(there)
    if not any(fits(request._replace(runtime=None), there.whole(one)) for one in heard):
        return _too_small(there, max(map(there.whole, heard), key=lambda room: room[:3]), request)
    in_time = [one for one in heard if fits(request, there.left(one))]
    if not in_time:
        longest = max(there.left(one).time_left or 0.0 for one in heard)
        takes = format_duration(request.runtime or 0.0)
        return Lack(
            f"is expected to take {takes}, of which no worker has so much left (at most {format_duration(longest)})",
            _to_come(there) or f"Bring a fresh one: {_BRING}",
        )
    if request.runtime is None and expected is not None:
        observed = request._replace(runtime=expected)
        in_time = [one for one in heard if _appetite(there, one, request).takes_any or fits(observed, there.left(one))]
        if not in_time:
            longest = max(there.left(one).time_left or 0.0 for one in heard)
            return Lack(
                f"needs about {format_duration(expected)} (observed), and no worker has so much left "
                f"(at most {format_duration(longest)})",
                _to_come(there) or f"Bring a fresh one: {_BRING}",
            )
    if cut is not None and not any(cut < _appetite(there, one, request).longest for one in in_time):
        return Lack(
            f"ran for {format_duration(cut)} until a walltime ended, and waits for a worker that has more left",
            _to_come(there) or f"Bring a fresh one: {_BRING}",
        )
    return None


def _appetite(there: Crew, worker: WorkerModel, request: Request) -> Appetite:
    return Appetite(there.whole(worker), there.left(worker), {}, {}, lambda _: request)


def _too_small(there: Crew, largest: Room, request: Request) -> Lack:
    asked = misfit(request._replace(runtime=None), largest)
    return Lack(f"asks for more than the largest worker has: {asked or 'CPUs, memory or GPUs'}",
                _to_come(there) or _LARGER)  # fmt: skip


def _no_worker(there: Crew) -> Lack:
    if there.waiting:
        return Lack(f"waits for {_coming(there.waiting[0], there.now)}", _cure(there.waiting[0], there.excluded))
    if there.silent:
        return _of_silent(there, there.silent)
    if there.newest is not None and there.newest.state == "failed":
        words = there.newest.message.rstrip(". \n")
        return Lack(f"waits for a worker, but allocation {there.newest.id} failed: {words}", _BRING)
    return Lack("waits for a worker, and none is there or coming", _BRING)


def _of_silent(there: Crew, silent: Sequence[WorkerModel]) -> Lack:
    first = silent[0]
    since = format_duration(there.silence(first))
    others = f" (and {counted(len(silent) - 1, 'other')})" if len(silent) > 1 else ""
    return Lack(
        f"waits for worker {first.id} on {first.host}, which has been silent for {since}{others}",
        f"{given_up()} {_BRING}",
    )


def given_up() -> str:
    """Say when what a silent worker holds is given to others."""
    patience = format_duration(2 * leases.LEASE)
    return f"If it does not come back, what it holds is ready again after {patience} of silence."


def silence(there: Crew, worker: WorkerModel) -> str:
    """Say that a worker has been silent, and since when; "" where it was heard of lately."""
    if worker not in there.silent:
        return ""
    return f", which has been silent for {format_duration(there.silence(worker))}"


def _coming(allocation: AllocationModel, now: float) -> str:
    """Say what an allocation waits for that has not begun."""
    since = format_duration(max(0.0, now - (allocation.submitted or now)))
    if allocation.kind == "local":
        return f"a worker on this machine that was started {since} ago and has not reported yet"
    _state, _, reason = allocation.message.partition(": ")
    name = f"allocation {allocation.id} (Slurm job {allocation.scheduler_job or 'being submitted'})"
    return f"{name}, in the queue for {since}: {slurm.pending(reason)[0]}"


def _cure(allocation: AllocationModel, excluded: Sequence[str]) -> str:
    if allocation.kind == "local":
        return f"Its log: {allocation.log}" if allocation.log else ""
    reason = allocation.message.partition(": ")[2]
    if blamed := excluding.blame(reason, excluded):
        return blamed.strip()
    cure = slurm.pending(reason)[1]
    return cure or f"`squeue --start --jobs={allocation.scheduler_job}` shows when Slurm thinks that it begins."


def _to_come(there: Crew) -> str:
    """Say that another worker is to come; "" where none is."""
    return f"Another is to come: {_coming(there.waiting[0], there.now)}." if there.waiting else ""
