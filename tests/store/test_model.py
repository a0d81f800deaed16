"""A state machine: whatever two workers, a user and a notebook do in turn, the store does as a simple model says."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store.scene import Scene, check_counts, completion

from torc_nb.models import FINISHED, MOVES, Claim, JobStatus
from torc_nb.store import Database, jobs, leases, resetting

WORKERS = st.sampled_from([0, 1])
ENDS = st.sampled_from([JobStatus.COMPLETED, JobStatus.FAILED])


class StoreAsModel(RuleBasedStateMachine):
    """The model: a status and an owner for each parameter, and what each worker believes to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.scene = Scene(Database.open(self.folder / "torc.db"), self.folder)
        self.workers = [self.scene.worker(boot_id="elsewhere") for _ in range(2)]
        self.ids: dict[int, int] = {}
        self.status: dict[int, JobStatus] = {}
        self.holder: dict[int, tuple[int, int] | None] = {}
        self.attempt: dict[int, int] = {}
        self.interruptions: dict[int, int] = {}
        self.believed: list[list[Claim]] = [[], []]

    def teardown(self) -> None:
        self.scene.database.close()
        shutil.rmtree(self.folder)

    def move(self, job: int, status: JobStatus, holder: tuple[int, int] | None = None) -> None:
        assert status in MOVES[self.status[job]] or status is self.status[job]
        self.status[job], self.holder[job] = status, holder

    @initialize(n=st.integers(1, 6))
    def begin(self, n: int) -> None:
        self.declare(n)

    @rule(n=st.integers(0, 8))
    def declare(self, n: int) -> None:
        known = len(self.ids)
        outcome = self.scene.declare(range(n))
        assert (outcome.before, outcome.new, outcome.absent) == (min(n, known), max(0, n - known), max(0, known - n))
        for job in self.scene.jobs(outcome.map_id)[known:]:
            self.ids[job.row] = job.id
            self.status[job.id], self.holder[job.id] = JobStatus.READY, None
            self.attempt[job.id] = self.interruptions[job.id] = 0

    @rule(who=WORKERS, n=st.integers(1, 4))
    def claim(self, who: int, n: int) -> None:
        ready = [job for job, status in sorted(self.status.items()) if status is JobStatus.READY]
        found = self.scene.claim(self.workers[who], n)
        assert [claim.job_id for claim in found] == ready[:n]
        for claim in found:
            self.attempt[claim.job_id] += 1
            assert claim.attempt == self.attempt[claim.job_id]
            self.move(claim.job_id, JobStatus.PENDING, (who, claim.attempt))
        self.believed[who] += found

    @rule(who=WORKERS)
    def begin_to_run(self, who: int) -> None:
        for claim in self.believed[who]:
            if self.holder[claim.job_id] == (who, claim.attempt):
                self.move(claim.job_id, JobStatus.RUNNING, (who, claim.attempt))
        self.scene.exchange(self.workers[who], started=self.believed[who])

    @precondition(lambda self: any(self.believed))
    @rule(who=WORKERS, end=ENDS, was_running=st.booleans(), times=st.integers(1, 2), data=st.data())
    def complete(self, who: int, end: JobStatus, was_running: bool, times: int, data: Any) -> None:
        if not self.believed[who]:
            return
        claim = self.believed[who].pop(data.draw(st.integers(0, len(self.believed[who]) - 1)))
        for _ in range(times):
            self.scene.exchange(self.workers[who], completions=[completion(claim, end, was_running=was_running)])
        job = claim.job_id
        is_held = self.holder[job] == (who, claim.attempt)
        is_wanted = end is JobStatus.COMPLETED and self.status[job] not in FINISHED
        if is_held or is_wanted:
            self.move(job, end)

    @rule(who=WORKERS)
    def lose(self, who: int) -> None:
        self.scene.set_worker(self.workers[who], last_seen=0.0, lease_expires=1000.0)
        leases.expire(self.scene.database, self.scene.id)
        self.free(who, interrupted=True)

    @rule(who=WORKERS)
    def leave(self, who: int) -> None:
        leases.leave(self.scene.database, self.workers[who])
        self.free(who, interrupted=False)
        self.believed[who] = []
        self.workers[who] = self.scene.worker(boot_id="elsewhere")

    def free(self, who: int, *, interrupted: bool) -> None:
        for job, holder in self.holder.items():
            if holder is not None and holder[0] == who:
                self.interruptions[job] += interrupted and self.status[job] is JobStatus.RUNNING
                took_down = self.interruptions[job] >= leases.MAX_INTERRUPTIONS
                self.move(job, JobStatus.FAILED if took_down else JobStatus.READY)

    @rule(chosen=st.sets(st.integers(0, 8)))
    def cancel(self, chosen: set[int]) -> None:
        named = [self.ids.get(row, 999) for row in chosen]
        unfinished = [job for job in named if job in self.status and self.status[job] not in FINISHED]
        assert jobs.cancel(self.scene.database, self.scene.id, named) == len(unfinished)
        for job in unfinished:
            self.move(job, JobStatus.CANCELED)
            self.interruptions[job] = 0

    @rule(statuses=st.sets(st.sampled_from(sorted(JobStatus)), max_size=3))
    def rerun(self, statuses: set[JobStatus]) -> None:
        again = [job for job, status in self.status.items() if status in statuses & FINISHED]
        assert resetting.rerun(self.scene.database, self.scene.id, sorted(statuses)).ready == len(again)
        for job in again:
            self.move(job, JobStatus.READY)
            self.interruptions[job] = 0

    @invariant()
    def agrees(self) -> None:
        found = {job.id: job for job in jobs.listed(self.scene.database, self.scene.id)}
        assert {job_id: JobStatus(job.status) for job_id, job in found.items()} == self.status
        for job_id, holder in self.holder.items():
            assert found[job_id].worker_id == (None if holder is None else self.workers[holder[0]].id)
            has_result = self.status[job_id] in (JobStatus.COMPLETED, JobStatus.FAILED)
            assert (found[job_id].result_attempt is not None) <= has_result
        check_counts(self.scene.database)


class TestStoreAsModel(StoreAsModel.TestCase):
    """Run by unittest's way, as hypothesis has it."""

    settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
