"""What a job, or a workflow, waits for: one plain sentence, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torc_nb.api import campaigns, inspection, launching
from torc_nb.api.lacking import Crew, Lack, Why, crew, given_up, lack, silence
from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import CLAIMED, FINISHED, WorkflowModel
from torc_nb.models import JobStatus as Status
from torc_nb.models.quantities import counted, format_duration
from torc_nb.store import Database, demand, holds, jobs, limits, maps, requirements, results, workflows
from torc_nb.store.holds import Hold

#: Through how many that wait for one another the first is looked for.
_DEEP = 20

_START = "`%torc run` starts it with a worker here, `%torc hpc slurm schedule-nodes -n 1` with a node of Slurm's."
_RESUME = "`%torc workflows resume` lets jobs begin again."


def why(database: Database, workflow_id: int, job_id: int | None = None) -> Why:
    """Say what a workflow waits for, or a job of it.

    A database that does not answer is what all waits for then.

    Raises
    ------
    NotFound
        No such workflow, or no such job in it.
    """
    try:
        launching.refresh(database, workflow_id)
        workflow = workflows.get(database, workflow_id)
        if job_id is not None:
            return _of_job(database, workflow, job_id)
        return _with_campaign(database, workflow_id, _of_workflow(database, workflow))
    except DatabaseUnavailable as error:
        return Why(
            f"All waits for the database: {error}",
            "Workers go on with what they have and write it when the database is back; ask again then.",
        )


# A job.


def _of_job(database: Database, workflow: WorkflowModel, job_id: int) -> Why:
    job = inspection.job_of(database, workflow, job_id)
    status = inspection.shown_status(job)
    name = _name(job)
    if status in FINISHED:
        return _ended(database, job, status)
    if status in CLAIMED:
        return _with_worker(database, job, status)
    if workflow.state == "created":
        return Why(f"{name} waits for the start of workflow {workflow.name}.", _START)
    if waits := _behind(database, holds.of_job(database, job)):
        return _sentence(f"{name} {waits.text}", waits.advice)
    if workflow.state != "started":
        return _held(name, workflow)
    for stop in limits.stops(database, job.workflow_id):
        if stop.map_id == job.map_id:
            return _stopped(database, f"{name} will not begin", job.workflow_id, stop)
    there = crew(database, job.workflow_id)
    request = requirements.request(database, job.requirement_id)
    expected = demand.expected(database, job.map_id) if request.runtime is None and job.map_id else None
    missing = lack(there, request, job.longest_cut, expected)
    if missing is not None:
        before = f" ({job.note})" if job.note else ""  # it ran already, and failed
        return _with_campaign(database, job.workflow_id, _sentence(f"{name} {missing.text}{before}", missing.advice))
    if job.note:  # it failed, and its next try is due, or will be
        return _sentence(f"{name} {job.note}", "")
    return _sentence(f"{name} is ready and waits for its turn: {_busy(database, workflow, there)}", "")


def _name(job: Any) -> str:
    own = f" ({job.name})" if job.name else ""
    return f"Job {job.id}{own}" + (f", row {job.row} of {job.map_name}," if job.map_name else "")


def _ended(database: Database, job: Any, status: Status) -> Why:
    id_, note = job.id, f": {job.note}" if job.note else ""
    name, again = _name(job), f"`%torc rerun {job.id}` makes it ready again."
    if status == Status.DISABLED:
        return _sentence(f"{name} was set aside{note}", again)
    if status == Status.CANCELED or job.result_attempt is None:
        # Others of its kind have failed, or somebody canceled it: the note says which.
        return _sentence(f"{name} is {status.label} and will not run{note}", again)
    result = results.effective(database, id_)
    where = f"on {result.host or 'a worker that is gone'} after {format_duration(result.seconds)}"
    if status == Status.COMPLETED:
        return _sentence(f"{name} has completed {where}", "")
    error = f": {result.error_type}: {result.error}" if result.error_type else note
    return _sentence(
        f"{name} {'failed' if status == Status.FAILED else 'was terminated'} {where}{error}",
        f"`%torc jobs logs {id_}` shows what it printed, `%torc rerun {id_}` runs it again.",
    )


def _with_worker(database: Database, job: Any, status: Status) -> Why:
    there = crew(database, job.workflow_id)
    worker = next((one for one in there.workers if one.id == job.worker_id), None)
    doing = "runs" if status == Status.RUNNING else "was claimed and is about to begin"
    if worker is None:
        return _sentence(f"{_name(job)} {doing} on worker {job.worker_id}", "")
    silent = silence(there, worker)
    here = format_duration(max(0.0, there.now - (worker.started or there.now)))
    text = f"{_name(job)} {doing}, attempt {job.attempt}, on {worker.host} by worker {worker.id}"
    if silent:
        return _sentence(f"{text}{silent}", given_up())
    advice = f"`%torc jobs logs {job.id} --follow` shows what it prints." if status == Status.RUNNING else ""
    return _sentence(f"{text}, there for {here}", advice)


def _stopped(database: Database, what: str, workflow_id: int, stop: limits.Stop) -> Why:
    return _sentence(f"{what}: {limits.sentence(database, workflow_id, stop)}", limits.CURE)


def _busy(database: Database, workflow: WorkflowModel, there: Crew) -> str:
    numbers = workflows.statuses(database, workflow.id or 0)
    claimed = sum(numbers.get(one, 0) for one in CLAIMED)
    ready = numbers.get(Status.READY, 0)
    return f"{counted(len(there.workers), 'worker')} with {counted(claimed, 'job')}, and {ready:,} ready in all"


# What waits for others.


def _behind(database: Database, found: list[Hold]) -> Lack | None:
    """Say what others are waited for, and what these wait for in turn; None where nothing is."""
    if not found:
        return None
    sayings, seen = [], set()
    hold = found[0]
    for _ in range(_DEEP):
        sayings.append(_standing(hold))
        deeper = [one for one in _deeper(database, hold) if (one.map_id, one.job_id) not in seen]
        if hold.unsuccessful or not deeper:
            break
        seen.add((hold.map_id, hold.job_id))
        hold = deeper[0]
    return Lack("waits for " + ", which waits for ".join(sayings), _next_of(hold))


def _deeper(database: Database, hold: Hold) -> list[Hold]:
    """Return what those wait for that are waited for."""
    if not hold.statuses.get(Status.BLOCKED) and not hold.statuses.get(Status.READY):
        return []
    if hold.map_id:
        return holds.of_map(database, maps.get(database, hold.map_id).workflow_id, hold.map_id)
    return holds.of_job(database, jobs.get(database, hold.job_id or 0))


def _standing(hold: Hold) -> str:
    numbers = _numbers(hold.statuses)
    if hold.map_id:
        stopped = "" if hold.stopped_at is None else f"; stopped at {counted(hold.stopped_at, 'failure')}"
        return f"map {hold.name} ({numbers}{stopped})"
    if sum(hold.statuses.values()) == 1:
        return f"job {hold.job_id} ({next(iter(hold.statuses)).label})"
    return f"{counted(sum(hold.statuses.values()), 'job')} ({numbers}), as job {hold.job_id}"


def _next_of(hold: Hold) -> str:
    if hold.unsuccessful:
        failed = any(hold.statuses.get(one) for one in (Status.FAILED, Status.TERMINATED))
        shown = "`%torc failures list`" if hold.map_id and failed else f"`%torc why {hold.job_id}`"
        if hold.map_id and not failed:
            return "`%torc jobs list --status canceled` shows them, `%torc rerun --status canceled` runs them again."
        return f"{shown} shows why, `%torc rerun` runs again what failed."
    if hold.job_id is not None:
        return f"`%torc why {hold.job_id}` says what that waits for."
    return "`%torc why` says what the workflow waits for."


def _numbers(statuses: Mapping[Status, int]) -> str:
    return ", ".join(f"{n:,} {status.label}" for status, n in sorted(statuses.items()) if n)


# A workflow.


def _of_workflow(database: Database, workflow: WorkflowModel) -> Why:
    id_ = workflow.id or 0
    name = f"Workflow {workflow.name}"
    numbers = {status: n for status, n in workflows.statuses(database, id_).items() if n}
    if not numbers:
        return Why(f"{name} has no jobs.", "`wf.map(function, params)` declares some.")
    if all(one in FINISHED for one in numbers):
        return _over(name, numbers)
    if workflow.state == "created":
        return Why(f"{name} waits for its start ({_numbers(numbers)}).", _START)
    claimed = sum(numbers.get(one, 0) for one in CLAIMED)
    if workflow.state != "started":
        return _held(name, workflow, f"; {counted(claimed, 'job')} that began go on" if claimed else "")
    stops = limits.stops(database, id_)
    if stops and sum(stop.left for stop in stops) == numbers.get(Status.READY) and not claimed:
        return _stopped(database, f"{name} has nothing to run", id_, stops[0])
    there = crew(database, id_)
    found = [lack(there, request, expected=seconds) for request, seconds in demand.ready(database, id_)]
    missing = [one for one in found if one is not None]
    if claimed:
        return _goes_on(name, numbers, there, [*missing, *(_as_lack(database, id_, stop) for stop in stops)])
    if missing:
        waiting = f"{numbers.get(Status.READY, 0):,} ready jobs"
        return _sentence(f"{name} with {waiting} {missing[0].text}", missing[0].advice)
    if numbers.get(Status.READY):
        return _sentence(f"{name} waits for nothing: {_busy(database, workflow, there)}", "")
    return _all_blocked(database, name, id_, numbers)


def _with_campaign(database: Database, workflow_id: int, said: Why) -> Why:
    """Add what became of the nodes that the workflow is to have until it is done."""
    wish = campaigns.wished(database, workflow_id)
    numbers = {status: n for status, n in workflows.statuses(database, workflow_id).items() if n}
    if wish is None or wish.state == "done" or all(one in FINISHED for one in numbers):
        return said
    begin = "Nodes until done" if wish.state == "on" else "No more nodes come"
    described = campaigns.describe(wish).partition("\n")[0].rstrip(". ")
    return Why(f"{said.text} {begin}: {described}.", said.advice)


def _as_lack(database: Database, workflow_id: int, stop: limits.Stop) -> Lack:
    return Lack(f"will not begin: {limits.sentence(database, workflow_id, stop)}", limits.CURE)


def _over(name: str, numbers: Mapping[Status, int]) -> Why:
    failed = any(numbers.get(one) for one in (Status.FAILED, Status.TERMINATED))
    advice = "`%torc failures list` shows why some failed, `%torc rerun` runs them again." if failed else ""
    return _sentence(f"{name} waits for nothing: all its jobs have finished ({_numbers(numbers)})", advice)


def _held(name: str, workflow: WorkflowModel, besides: str = "") -> Why:
    if workflow.state == "paused":
        return _sentence(f"{name} waits because the workflow is paused{besides}", _RESUME)
    return _sentence(f"{name} waits because the workflow is {workflow.state}{besides}", _START)


def _goes_on(name: str, numbers: Mapping[Status, int], there: Crew, missing: list[Lack]) -> Why:
    if there.silent and len(there.silent) == len(there.workers):
        first = there.silent[0]
        return _sentence(
            f"{name} waits for worker {first.id} on {first.host}{silence(there, first)}",
            f"{given_up()} `%torc run` starts another worker here.",
        )
    workers = counted(len(there.workers), "worker")
    if missing:
        text, advice = missing[0]
        return _sentence(f"{name} goes on with {workers}, but not with some of its jobs: one {text}", advice)
    return _sentence(f"{name} goes on: {_numbers(numbers)}, with {workers}", "")


def _all_blocked(database: Database, name: str, workflow_id: int, numbers: Mapping[Status, int]) -> Why:
    first = holds.first_blocked(database, workflow_id)
    waits = None if first is None else _behind(database, holds.of_job(database, jobs.get(database, first)))
    if waits is None:
        return _sentence(f"{name} has {_numbers(numbers)}; what waits is about to be released", "")
    return _sentence(f"{name} has nothing to run: job {first} {waits.text}", waits.advice)


def _sentence(text: str, advice: str) -> Why:
    return Why(f"{text.rstrip('. ')}.", advice)
