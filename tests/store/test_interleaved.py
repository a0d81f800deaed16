"""Whatever several workers, a user and a notebook do in turn, the store does as a simple model says."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from services.early import ASKED
from sqlalchemy import Row, insert, select
from store.model import CANCELED, COMPLETED, FAILED, JobModel, MapModel, StoreModel, value
from store.scene import COLLECT, Scene, completion, digest, row

from torc_nb import changes
from torc_nb.models import FINISHED, Claim, Completion, JobStatus
from torc_nb.store import (
    Database,
    building,
    claims,
    counts,
    dependencies,
    jobs,
    leases,
    machine,
    maps,
    params,
    resetting,
    returning,
    schema,
    workflows,
)
from torc_nb.store.spool import Spool

SLOW = ASKED in os.environ

#: How many workers there are at a time.
N_WORKERS = 3

WORKERS = st.integers(0, N_WORKERS - 1)
ENDS = st.sampled_from([COMPLETED, COMPLETED, FAILED])
PLACES = st.integers(0, 20)
SOME = st.sets(PLACES, max_size=4)
"""Which of some jobs or claims, by where they stand among them; taken modulo their number."""

Told = tuple[int, JobStatus, bool]
"""Which claim ended how, and whether its worker thinks that the database knows that it ran."""


class Found(NamedTuple):
    """All that the database has of a workflow's jobs, in one look."""

    jobs: Sequence[Row[Any]]
    results: Sequence[Row[Any]]
    held: dict[int, bool]
    counts: Counter[tuple[int, JobStatus]]

    @classmethod
    def read(cls, scene: Scene) -> Found:
        """Read it."""
        jobs_, results, maps_ = schema.jobs, schema.results, schema.maps
        ours = jobs_.c.workflow_id == scene.id
        with scene.database.read() as connection:
            held = connection.execute(select(maps_.c.id, maps_.c.blocked).where(maps_.c.workflow_id == scene.id)).all()
            kept = counts.by_map(connection, scene.id)
            return cls(
                connection.execute(select(jobs_).where(ours).order_by(jobs_.c.id)).all(),
                connection.execute(
                    select(results)
                    .join(jobs_, jobs_.c.id == results.c.job_id)
                    .where(ours)
                    .order_by(results.c.job_id, results.c.attempt)
                ).all(),
                {one.id: bool(one.blocked) for one in held},
                Counter({(map_id, status): n for map_id, by in kept.items() for status, n in by.items()}),
            )


class Interleaved(RuleBasedStateMachine):
    """The store beside its model, and what each worker believes to hold: what it was ever given, until it leaves."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.scene = Scene(database, folder)
        self.model = StoreModel()
        self.workers = [self.scene.worker() for _ in range(N_WORKERS)]
        self.believed: list[list[Claim]] = [[] for _ in self.workers]
        self.ended: list[tuple[int, Completion]] = []
        self.told: dict[int, set[tuple[int, int]]] = {}  # what each worker was asked to stop in this step
        self.values = 0
        self.is_modified = False  # since the last reinitialize

    # What is declared.

    @initialize(
        n=st.integers(1, 3),
        collected=st.booleans(),
        taken=st.booleans(),
        followed=st.integers(0, 2),
        awaited=st.booleans(),
    )
    def begin(self, n: int, collected: bool, taken: bool, followed: int, awaited: bool) -> None:
        """Declare a map, with jobs of each kind that may wait for it, or for those that do."""
        self.collected, self.rows = collected, [self._new_value() for _ in range(n)]
        self.first = self._map(self.rows, "m", postprocess_id=COLLECT if collected else None)
        if taken:
            sources = self._jobs_of(self.first)
            taking = [maps.Parameters("null", b"", source=job.id) for job in sources]
            self._map(taking, "takers", source_map=self.first.id, postprocess_id=COLLECT if collected else None)
        if followed:
            rows = [self._new_value() for _ in range(followed)]
            self._map(rows, "after", blocked_by_maps=(self.first.id,))
        if awaited:
            row_, *_ = self._jobs_of(self.first)
            self._job(after=[row_, *(job for job in self.model.jobs.values() if job.map is not self.first)])
        self.model.settle()

    @rule()
    @precondition(lambda self: len(self.rows) < 5)
    def grow(self) -> None:
        """Declare the first map with one row more."""
        self.rows.append(self._new_value())
        self._map(self.rows, "m", self.first, postprocess_id=COLLECT if self.collected else None)
        self.model.settle()

    def _new_value(self) -> str:
        self.values += 1
        return f"v{self.values}"

    def _jobs_of(self, one: MapModel) -> list[JobModel]:
        return [job for job in self.model.jobs.values() if job.map is one]

    def _map(self, rows: Sequence[object], name: str, known: MapModel | None = None, **declared: Any) -> MapModel:
        """Declare a map here and in the model; of one that is known, what joins it."""
        outcome = self.scene.declare(rows, name, **declared)
        found = known
        if found is None:
            after = tuple(one for one in self.model.maps if one.id in declared.get("blocked_by_maps", ()))
            found = MapModel(outcome.map_id, after, held=bool(after))
            self.model.maps.append(found)
        for job in self.scene.jobs(found.id):
            if job.id not in self.model.jobs:
                source = self.model.jobs[job.source_id] if job.source_id else None
                status = JobStatus.READY if source is None else JobStatus.BLOCKED
                self.model.declare(JobModel(job.id, job.declared_digest and job.params, found, source, status=status))
        self._learn_who_collects(found)
        return found

    def _learn_who_collects(self, one: MapModel) -> None:
        for job in self.scene.jobs(0):
            if job.collects == one.id and job.id not in self.model.jobs:
                self.model.declare(JobModel(job.id, "", collects=one, status=JobStatus.BLOCKED))

    def _job(self, after: Sequence[JobModel]) -> None:
        """Add a job of no map that waits for others."""
        tally = counts.Tally(self.scene.id)
        with self.scene.database.write() as connection:
            job_id = building.take_ids(connection, 1)
            connection.execute(
                insert(schema.jobs).values(
                    id=job_id, workflow_id=self.scene.id, map_id=0, row=0, status=int(JobStatus.BLOCKED), priority=0,
                    requirement_id=self.scene.requirement, params="", params_digest=b"", declared_digest=b"", rev=1,
                    attempt=0, interruptions=0, function_id=1,
                )
            )  # fmt: skip
            dependencies.after_jobs(connection, job_id, [job.id for job in after])
            tally.add(0, self.scene.requirement, JobStatus.BLOCKED)
            tally.write(connection)
        self.model.declare(JobModel(job_id, "", after=tuple(after), status=JobStatus.BLOCKED))

    # What workers do.

    @rule(who=WORKERS, n=st.integers(1, 4))
    @precondition(lambda self: self.model.claimable())
    def claim(self, who: int, n: int) -> None:
        """A worker is given up to so many jobs of each group: the first ones, and each as the model has it."""
        wanted = Counter(self._group(job) for job in self.model.claimable())
        found = self._exchange(who, n=n).claims
        assert Counter(claim.map_id for claim in found) == {group: min(n, ready) for group, ready in wanted.items()}
        for claim in found:
            self.model.claim(who, claim)
        self.believed[who] += found

    @staticmethod
    def _group(job: JobModel) -> int:
        return 0 if job.map is None else job.map.id

    @rule(who=WORKERS, end=ENDS)
    @precondition(lambda self: self.model.claimable())
    def work(self, who: int, end: JobStatus) -> None:
        """A worker takes what there is, and is done with it at once."""
        known = len(self.believed[who])
        self.claim(who, 4)
        self._end_all(who, self.believed[who][known:], end)
        del self.believed[who][known:]

    def _end_all(self, who: int, ended: Sequence[Claim], end: JobStatus = COMPLETED) -> None:
        self._exchange(who, completions=[self._done(claim, end, False) for claim in ended])
        for claim in sorted(ended, key=lambda claim: -claim.attempt):
            self.model.end(who, claim, end)

    @rule(who=WORKERS, chosen=SOME)
    @precondition(lambda self: any(self.believed))
    def start(self, who: int, chosen: set[int]) -> None:
        """A worker says which of its jobs run."""
        who = self._busy(who)
        begun = self._some(who, chosen)
        self._exchange(who, started=begun)
        for claim in begun:
            self.model.start(who, claim)

    @rule(who=WORKERS, place=PLACES, end=ENDS, was_running=st.booleans(), dies=st.booleans(), keeps=st.booleans())
    @precondition(lambda self: any(self.believed))
    def end(self, who: int, place: int, end: JobStatus, was_running: bool, dies: bool, keeps: bool) -> None:
        """An attempt ends, perhaps long after it was taken away; its worker may die before it releases who waits."""
        who = self._busy(who)
        (claim,) = self._some(who, {place})
        self._end(who, claim, end, was_running=was_running, dies=dies, keeps=keeps)

    @rule(place=PLACES, end=ENDS, dies=st.booleans(), keeps=st.booleans())
    @precondition(lambda self: self._taken_away())
    def end_late(self, place: int, end: JobStatus, dies: bool, keeps: bool) -> None:
        """An attempt ends that was taken away from its worker."""
        found = self._taken_away()
        who, claim = found[place % len(found)]
        self._end(who, claim, end, was_running=True, dies=dies, keeps=keeps)

    def _taken_away(self) -> list[tuple[int, Claim]]:
        """What workers believe to hold, and do not."""
        return [
            (who, claim)
            for who, claims_ in enumerate(self.believed)
            for claim in claims_
            if (who, claim.attempt) != (self.model.jobs[claim.job_id].holder, self.model.jobs[claim.job_id].attempt)
        ]

    def _end(self, who: int, claim: Claim, end: JobStatus, *, was_running: bool, dies: bool, keeps: bool) -> None:
        done = self._done(claim, end, was_running)
        if dies:
            self._exchange_and_die(who, done)
        else:
            self._exchange(who, completions=[done])
        self.model.end(who, claim, end)
        self.ended.append((who, done))
        if not keeps:  # what does is free to say that it ended otherwise
            self.believed[who].remove(claim)

    @rule(who=WORKERS, chosen=SOME, end=ENDS, n=st.integers(1, 4))
    @precondition(lambda self: any(self.believed))
    def end_and_claim(self, who: int, chosen: set[int], end: JobStatus, n: int) -> None:
        """A worker says that several have ended, those that have just begun among them, and takes others."""
        who = self._busy(who)
        told = self._some(who, chosen)
        newest = {claim.job_id: claim for claim in sorted(told, key=lambda claim: claim.attempt)}
        answer = self._exchange(
            who, n=n, started=told, completions=[self._done(claim, end, True) for claim in newest.values()]
        )
        for claim in newest.values():
            self.believed[who].remove(claim)
        self._model_ends_then_claims(who, list(newest.values()), end, answer.claims)

    def _model_ends_then_claims(
        self, who: int, ended: Sequence[Claim], end: JobStatus, claimed: Sequence[Claim]
    ) -> None:
        """Claims are made before those are released who waited for what ended."""
        ready = self.model.claimable()
        for claim in ended:
            self.model.end(who, claim, end)
        for claim in claimed:
            assert self.model.jobs[claim.job_id] in ready
            self.model.claim(who, claim)
        self.believed[who] += claimed

    @rule(place=PLACES)
    @precondition(lambda self: self.ended)
    def repeat(self, place: int) -> None:
        """What was said already is said again, as when the answer was lost: nothing changes."""
        who, done = self.ended[-1 - place % len(self.ended)]
        before = Found.read(self.scene)
        self._exchange(who, completions=[done])
        assert Found.read(self.scene) == before

    @rule(who=WORKERS, chosen=SOME)
    @precondition(lambda self: any(self.believed))
    def give_back(self, who: int, chosen: set[int]) -> None:
        """A worker hands back what it does not run."""
        who = self._busy(who)
        job_ids = [claim.job_id for claim in self._some(who, chosen)]
        returning.give_back(self.scene.database, self.scene.id, self.workers[who].id, job_ids)
        self.model.give_back(who, job_ids)

    @rule(who=WORKERS)
    @precondition(lambda self: any(self.believed))
    def leave(self, who: int) -> None:
        """A worker leaves, and another comes."""
        who = self._busy(who)
        self._leave(who)
        self.workers[who] = self.scene.worker()
        self.believed[who] = []
        self.ended = [(one, done) for one, done in self.ended if one != who]

    def _leave(self, who: int) -> None:
        leases.leave(self.scene.database, self.workers[who])
        self.model.free(who, interrupted=False)

    @rule(who=WORKERS, n=st.integers(0, 2), again=st.integers(0, 2))
    @precondition(lambda self: any(self.believed) or self.model.claimable())
    def run_out(self, who: int, n: int, again: int) -> None:
        """Nothing is heard of a worker on another machine, which goes on with what it was given, and takes more."""
        if n:
            self.claim(who, n)
            self._check_stops()  # of which nothing is known when it is lost
        self.scene.set_worker(self.workers[who], boot_id="elsewhere", last_seen=0.0, lease_expires=1000.0)
        self._expire(who)
        if again and self.model.claimable():
            self.claim(who, again)

    @rule(who=WORKERS, chosen=SOME, end=ENDS)
    @precondition(lambda self: any(self.believed))
    def die(self, who: int, chosen: set[int], end: JobStatus) -> None:
        """A worker of this machine dies; what it could not tell the database stands in its spool."""
        who = self._busy(who)
        told = self._some(who, chosen)
        if told:
            spool = Spool(Path(self.scene.workflow.files), self.workers[who].id)
            spool.append([self._done(claim, end, True) for claim in told])
            spool.close()
        self.scene.set_worker(self.workers[who], process_start=1.0)
        for claim in sorted(told, key=lambda claim: -claim.attempt):
            self.model.end(who, claim, end)
        self._expire(who)

    def _expire(self, who: int) -> None:
        held = len(self.model.held_by(who))
        assert leases.expire(self.scene.database, self.scene.id) == held
        self.model.free(who, interrupted=True)
        self.scene.set_worker(
            self.workers[who], boot_id=machine.boot_id(), process_start=machine.process_start(), last_seen=0.0
        )

    def _busy(self, who: int) -> int:
        """Return the first worker, from this one on, that believes to hold anything."""
        return next(one for one in (*range(who, N_WORKERS), *range(who)) if self.believed[one])

    def _some(self, who: int, chosen: set[int]) -> list[Claim]:
        """Some of what a worker believes to hold."""
        mine = self.believed[who]
        return [mine[place] for place in sorted({place % len(mine) for place in chosen})]

    @staticmethod
    def _done(claim: Claim, end: JobStatus, was_running: bool) -> Completion:
        returned = value(claim.job_id, claim.attempt) if end is COMPLETED else None
        return completion(claim, end, value=returned, was_running=was_running)

    def _exchange(self, who: int, *, n: int | None = None, **told: Any) -> claims.Answer:
        """Exchange; a worker is told once what it is to stop, what is asked by its own words included."""
        answer = self.scene.exchange(self.workers[who], n, **told)
        self.told.setdefault(who, set()).update(answer.cancel)
        return answer

    def _exchange_and_die(self, who: int, done: Completion) -> None:
        """Exchange, and be killed before the second half of it; another finds what was left undone."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claims.dependencies, "release", lambda *_: False)
            self._exchange(who, completions=[done])
        dependencies.release_all(self.scene.database, self.scene.id)

    # What users do.

    @rule(chosen=SOME)
    def cancel(self, chosen: set[int]) -> None:
        """The user cancels jobs, whoever has them."""
        job_ids = self._jobs_at(chosen)
        assert jobs.cancel(self.scene.database, self.scene.id, job_ids) == self.model.cancel(job_ids)

    @rule(place=PLACES, old=st.booleans())
    def modify(self, place: int, old: bool) -> None:
        """The user gives a row another parameter, or the one that it was declared with."""
        rows = [job for job in self.model.jobs.values() if job.map is not None and job.source is None]
        job = rows[place % len(rows)]
        found = self.scene.job(job.id)
        declared = next((one for one in self.rows if digest(one) == bytes(found.declared_digest)), job.params)
        job.params = declared if old else self._new_value()
        change = params.Change(job.id, found.rev, job.params, row(job.params).digest)
        assert not params.replace(self.scene.database, self.scene.id, [change]).stale
        self.is_modified = True

    @rule()
    @precondition(lambda self: self.is_modified)
    def reinitialize(self) -> None:
        """What was given other parameters runs again, and what follows from it."""
        report = changes.reinitialized(self.scene.database, self.scene.id, changes.Current())
        assert sum(report.reasons.values()) == self.model.reinitialize()
        self.is_modified = False

    @rule(statuses=st.sets(st.sampled_from([COMPLETED, FAILED, CANCELED]), min_size=1), chosen=SOME | st.none())
    @precondition(lambda self: any(job.status in FINISHED for job in self.model.jobs.values()))
    def rerun(self, statuses: set[JobStatus], chosen: set[int] | None) -> None:
        """The user runs finished jobs again, all of some statuses or some of these."""
        job_ids = None if chosen is None else self._jobs_at(chosen)
        resetting.rerun(self.scene.database, self.scene.id, sorted(statuses), job_ids)
        self.model.rerun(statuses, self.model.jobs if job_ids is None else job_ids)

    def _jobs_at(self, chosen: set[int]) -> list[int]:
        ids = sorted(self.model.jobs)
        return sorted({ids[place % len(ids)] for place in chosen})

    # What must be so after each step, and in the end.

    @invariant()
    def agrees(self) -> None:
        """Jobs, holders, attempts, results, counts and what is to be stopped are those of the model."""
        found = Found.read(self.scene)
        self._check_jobs(found)
        self._check_results(found)
        self._check_stops()

    def _check_jobs(self, found: Found) -> None:
        modelled = list(self.model.jobs.values())
        assert {job.id: JobStatus(job.status) for job in found.jobs} == {job.id: job.status for job in modelled}
        holders = {job.id: None if job.holder is None else self.workers[job.holder].id for job in modelled}
        assert {job.id: job.worker_id for job in found.jobs} == holders
        assert {job.id: (job.attempt, job.interruptions, job.result_attempt) for job in found.jobs} == {
            job.id: (job.attempt, job.interruptions, job.result) for job in modelled
        }
        assert found.held == {one.id: one.held for one in self.model.maps}
        grouped = Counter((job.map_id, JobStatus(job.status)) for job in found.jobs)
        assert found.counts == grouped == self.model.counted()

    def _check_results(self, found: Found) -> None:
        """Each attempt that ended stands there once, counted or late; each job has the one result that is its own."""
        expected = {
            (job.id, attempt): (end.status, end.late, value(job.id, attempt) if end.status is COMPLETED else None)
            for job in self.model.jobs.values()
            for attempt, end in job.ends.items()
        }
        assert len(found.results) == len(expected)
        assert {(one.job_id, one.attempt): (one.status, one.late, one.value) for one in found.results} == expected
        for job in found.jobs:
            if job.status == COMPLETED:
                assert expected[job.id, job.result_attempt][:2] == (COMPLETED, False)

    def _check_stops(self) -> None:
        """Who has asked in this step was told to stop what the model knew that it is to stop."""
        for who, stops in self.told.items():
            asked = {one for one in self.model.asked if one[0] == who}
            assert stops == {(job_id, attempt) for _, job_id, attempt in asked}
            self.model.asked -= asked
        self.told.clear()

    def teardown(self) -> None:
        """If nothing was wrong until here, one worker can do all that is left, and then all that went wrong."""
        if sys.exc_info()[0] is None and self.model.jobs:
            for who in range(1, N_WORKERS):
                self._leave(who)
            self._end_all(0, self.believed[0])
            self._drain()
            unsuccessful = FINISHED - {COMPLETED}
            resetting.rerun(self.scene.database, self.scene.id, sorted(unsuccessful))
            self.model.rerun(unsuccessful, self.model.jobs)
            self._drain()
            assert {job.status for job in self.model.jobs.values()} == {COMPLETED}
        workflows.remove(self.scene.database, self.scene.id)

    def _drain(self) -> None:
        """One worker runs what there is; what is left waits for what failed."""
        while self.model.claimable():
            known = len(self.believed[0])
            self.claim(0, 100)
            self._end_all(0, self.believed[0][known:])
        self.agrees()
        assert self.scene.claim(self.workers[0]) == []


@pytest.mark.timeout(7200 if SLOW else 600)  # a failure is made small, which takes minutes
def test_interleaved(store_url: str, tmp_path: Path) -> None:
    """Any steps in any order; many more of them, and others each time, where slow tests are asked for."""
    database = Database.open(store_url)
    try:
        run_state_machine_as_test(
            lambda: Interleaved(database, tmp_path),
            settings=settings(
                max_examples=2000 if SLOW else 40,
                stateful_step_count=50 if SLOW else 30,
                derandomize=not SLOW,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        database.close()
