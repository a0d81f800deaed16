"""What the store should do, without a database: a few jobs in memory, and what each event makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from torc_nb.models import CLAIMED, FINISHED, MOVES, UNSUCCESSFUL, Claim, JobStatus
from torc_nb.store.leases import MAX_INTERRUPTIONS

READY, BLOCKED, PENDING, RUNNING = JobStatus.READY, JobStatus.BLOCKED, JobStatus.PENDING, JobStatus.RUNNING
COMPLETED, FAILED, CANCELED = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED

#: A worker, and which attempt of a job it is asked to stop.
Asked = tuple[int, int, int]


class End(NamedTuple):
    """How an attempt ended, what it had been given, and whether it came too late to count."""

    status: JobStatus
    params: str
    late: bool


@dataclass(eq=False)
class MapModel:
    """A map; ``held`` while it waits for all jobs of other maps."""

    id: int
    after: tuple[MapModel, ...] = ()
    held: bool = False


@dataclass(eq=False)
class JobModel:
    """A job, and whom it waits for: its source, jobs named one by one, or all rows of the map that it collects."""

    id: int
    params: str
    map: MapModel | None = None
    source: JobModel | None = None
    collects: MapModel | None = None
    after: tuple[JobModel, ...] = ()
    status: JobStatus = READY
    holder: int | None = None
    attempt: int = 0
    given: str = ""  # to the newest attempt
    interruptions: int = 0
    result: int | None = None
    ends: dict[int, End] = field(default_factory=dict)
    grown: int = 0  # the attempts up to this one collected fewer rows

    def move(self, status: JobStatus, holder: int | None = None) -> None:
        """Go where a job may go from here."""
        assert status in MOVES[self.status] or status is self.status
        self.status, self.holder = status, holder

    @property
    def is_held(self) -> bool:
        """Whether its map waits as a whole."""
        return self.map is not None and self.map.held

    @property
    def is_stale(self) -> bool:
        """Whether what ran, or runs, was given other parameters than it would be given now."""
        if self.status in CLAIMED:
            return self.given != self.params
        end = self.ends.get(self.attempt if self.result is None else self.result)
        return self.status in FINISHED and end is not None and end.params != self.params


def value(job_id: int, attempt: int) -> str:
    """What an attempt that completes returns."""
    return f"value of job {job_id}, attempt {attempt}"


class StoreModel:
    """All jobs of a workflow, and what workers are asked to stop."""

    def __init__(self) -> None:
        self.jobs: dict[int, JobModel] = {}
        self.maps: list[MapModel] = []
        self.asked: set[Asked] = set()
        self.run_id = 1

    # What users and workers do.

    def declare(self, job: JobModel) -> None:
        """Add a job; whoever collects its map waits again, even if it runs or has completed."""
        self.jobs[job.id] = job
        for other in self.jobs.values():
            if job.map is not None and other.collects is job.map:
                self._ask(other)
                other.move(BLOCKED)
                other.result, other.grown = None, other.attempt

    def claimable(self) -> list[JobModel]:
        """Return what a worker may be given."""
        return [job for job in self.jobs.values() if job.status is READY and not job.is_held]

    def claim(self, worker: int, claim: Claim) -> None:
        """Hand a job to a worker."""
        job = self.jobs[claim.job_id]
        assert job in self.claimable()
        job.attempt += 1
        job.given = job.params
        assert (claim.attempt, claim.params, claim.run_id) == (job.attempt, job.params, self.run_id)
        job.move(PENDING, worker)

    def start(self, worker: int, claim: Claim) -> None:
        """Note that a job runs; of an attempt that was taken away it says nothing."""
        job = self.jobs[claim.job_id]
        if job.status is PENDING and self._is_held(job, worker, claim):
            job.move(RUNNING, worker)

    def end(self, worker: int, claim: Claim, status: JobStatus) -> None:
        """Take the end of an attempt; said twice it counts once."""
        job = self.jobs[claim.job_id]
        if claim.attempt in job.ends:
            return
        counts = self._is_held(job, worker, claim) or (status is COMPLETED and self._is_wanted(job, claim))
        job.ends[claim.attempt] = End(status, claim.params, not counts)
        if counts:
            if job.holder != worker:
                self._ask(job)
            job.move(status)
            job.result = claim.attempt
            self.settle()

    def free(self, worker: int, *, interrupted: bool) -> None:
        """Take everything from a worker that left or died; what ran each time as one died will not run again."""
        for job in self.held_by(worker):
            job.interruptions += interrupted and job.status is RUNNING
            job.move(FAILED if job.interruptions >= MAX_INTERRUPTIONS else READY)
        self.asked = {one for one in self.asked if one[0] != worker}
        self.settle()

    def give_back(self, worker: int, job_ids: Collection[int]) -> None:
        """Make jobs ready again that a living worker claimed."""
        for job in self.held_by(worker):
            if job.id in job_ids:
                job.move(READY)

    def cancel(self, job_ids: Collection[int]) -> int:
        """Cancel what has not finished; returns how many that were."""
        chosen = [job for job in self.jobs.values() if job.id in job_ids and job.status not in FINISHED]
        for job in chosen:
            self._start_over(job, CANCELED)
        self.settle()
        return len(chosen)

    def rerun(self, statuses: Collection[JobStatus], job_ids: Collection[int]) -> None:
        """Run finished jobs again, but those that wait for others which were not successful and do not run again."""
        chosen = {
            job for job in self.jobs.values() if job.id in job_ids and job.status in FINISHED and job.status in statuses
        }
        while hindered := {job for job in chosen if any(self._hinders(one, chosen) for one in self._before(job))}:
            chosen -= hindered
        self._run_again(chosen)

    def reinitialize(self) -> int:
        """Run again what was given other parameters than it would be now; returns how many jobs those are."""
        stale = {job for job in self.jobs.values() if job.is_stale}
        self._run_again(stale)
        return len(stale)

    def settle(self) -> None:
        """Let everything begin, or be canceled, that need wait no longer."""
        moved = True
        while moved:
            moved = any(self._settle_job(job) for job in self.jobs.values() if job.status is BLOCKED)
        for one in self.maps:
            # one that waits for what failed stays as it is: the user is to decide
            one.held = one.held and any(job.status is not COMPLETED for job in self._of(one.after))

    # What is compared with the database.

    def held_by(self, worker: int) -> list[JobModel]:
        """Return the jobs that a worker holds."""
        return [job for job in self.jobs.values() if job.holder == worker]

    def counted(self) -> Counter[tuple[int, JobStatus]]:
        """Return how many jobs of each map (0: of none) stand in each status."""
        return Counter((0 if job.map is None else job.map.id, job.status) for job in self.jobs.values())

    # How it is done.

    def _of(self, maps: Collection[MapModel]) -> Iterator[JobModel]:
        return (job for job in self.jobs.values() if job.map in maps)

    def _before(self, job: JobModel) -> list[JobModel]:
        """Return whom a job waits for by itself."""
        before = [*job.after] + ([job.source] if job.source is not None else [])
        return before + (list(self._of([job.collects])) if job.collects is not None else [])

    def _waits(self, job: JobModel) -> bool:
        return job.source is not None or job.collects is not None or bool(job.after)

    @staticmethod
    def _hinders(before: JobModel, chosen: set[JobModel]) -> bool:
        return before.status in UNSUCCESSFUL and before not in chosen

    def _settle_job(self, job: JobModel) -> bool:
        """Move a blocked job, if all that it waits for have finished; returns whether they have."""
        before = self._before(job)
        if any(one.status not in FINISHED for one in before):
            return False
        is_good = all(one.status is COMPLETED for one in before)
        if is_good and job.source is not None:
            assert job.source.result is not None
            job.params = value(job.source.id, job.source.result)
        job.move(READY if is_good else CANCELED)
        return True

    @staticmethod
    def _is_held(job: JobModel, worker: int, claim: Claim) -> bool:
        return job.holder == worker and job.attempt == claim.attempt

    def _is_wanted(self, job: JobModel, claim: Claim) -> bool:
        """Whether the result of an attempt that was taken away is as good as that of the one which would be next."""
        is_newest = not any(number > claim.attempt and not end.late for number, end in job.ends.items())
        # What it waited for may have been made anew since, or be more.
        waited = job.collects is not None or job.after or (job.map is not None and job.map.after)
        is_of_now = not waited or claim.run_id == self.run_id
        if job.collects is not None:
            is_of_now = is_of_now and job.grown < claim.attempt == job.attempt
        return job.status not in FINISHED | {BLOCKED} and is_newest and is_of_now and claim.params == job.params

    def _run_again(self, chosen: set[JobModel]) -> None:
        """Run jobs again; whatever follows from them waits, and what runs of it is stopped."""
        if not chosen:
            return
        self.run_id += 1
        following = self._following(chosen)
        for one in self.maps:
            one.held = one.held or any(job.map in one.after for job in chosen | following)
        for job in chosen | following:
            place = BLOCKED if self._waits(job) else READY
            if job in chosen or job.status is not place:
                self._start_over(job, place)
        self.settle()

    def _following(self, chosen: set[JobModel]) -> set[JobModel]:
        found: set[JobModel] = set()
        new = set(chosen)
        while new:
            new = {job for job in self.jobs.values() if self._follows(job, new)} - found
            found |= new
        return found

    def _follows(self, job: JobModel, others: set[JobModel]) -> bool:
        maps_before = () if job.map is None else job.map.after
        return any(one in others for one in (*self._before(job), *self._of(maps_before)))

    def _start_over(self, job: JobModel, status: JobStatus) -> None:
        self._ask(job)
        job.status, job.holder, job.result, job.interruptions = status, None, None, 0

    def _ask(self, job: JobModel) -> None:
        """Ask whoever holds a job to stop it."""
        if job.holder is not None:
            self.asked.add((job.holder, job.id, job.attempt))
