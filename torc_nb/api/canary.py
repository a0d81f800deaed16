"""A few jobs of each map run first, so that the others are planned by what these took."""

from __future__ import annotations

from typing import NamedTuple

from torc_nb import slurm
from torc_nb.api import launching, pausing, planning, rooms
from torc_nb.errors import InvalidRequest, JobFailed
from torc_nb.models import JobStatus, SlurmSchedulerModel, misfit
from torc_nb.models.quantities import counted
from torc_nb.store import Database, canaries, failures, requirements, workflows


class Flown(NamedTuple):
    """The jobs that are to end before anything is planned, by ids, of which maps, and what was done to have them run.

    ``n`` are wanted of each map; none are awaited where enough have ended before.
    """

    n: int
    map_ids: tuple[int, ...]
    awaited: tuple[int, ...]
    message: str


def begin(database: Database, workflow_id: int, n: int, scheduler: SlurmSchedulerModel) -> Flown:
    """Have ``n`` jobs of each map run that could begin now: by an allocation, without Slurm by a worker here.

    Those that ended with the map's current code count, as do those that run. The worker leaves after these jobs.

    Raises
    ------
    InvalidRequest
        ``n`` is not at least 1, the workflow is paused, or no job could begin, or none fits a node.
    LaunchError
        Slurm refused, or the worker cannot be started.
    """
    if n < 1:
        raise InvalidRequest(f"canary={n}: give a number of jobs of at least 1.")
    room = planning.node(scheduler).room
    asked = requirements.in_use(database, workflow_id)
    fit = [one.id or 0 for one in asked if misfit(one.request, room) is None]
    found = canaries.of_maps(database, workflow_id, n, fit)
    if not found:
        raise InvalidRequest("No job of a map could begin now, so that none can be run first. `wf.why()` says why.")
    chosen = tuple(job_id for one in found for job_id in one.chosen)
    awaited = (*chosen, *(job_id for one in found for job_id in one.expected))
    map_ids = tuple(one.map_id for one in found)
    if not awaited:
        if not any(one.completed or one.failed for one in found):
            never = "; ".join(rooms.misfits(asked, room))
            raise InvalidRequest(f"No job can be run first: {never or 'none fits a node'}.")
        return Flown(n, map_ids, (), f"{counted(n, 'job')} of each map have ended before")
    if pausing.begin(database, workflow_id):
        raise InvalidRequest("The workflow is paused, so that no job can be run first: wf.resume() lets them begin.")
    message = f"{counted(len(awaited), 'job')} first"
    if chosen:
        workflow = workflows.get(database, workflow_id)
        if slurm.available():
            brought = launching.schedule_nodes(database, workflow, 1, scheduler, only=chosen)
        else:
            brought = launching.run_here(database, workflow, only=chosen)
        message = f"{message}: {brought.message}"
    return Flown(n, map_ids, awaited, message)


def progress(database: Database, flown: Flown) -> dict[JobStatus, int]:
    """Return how many of the awaited jobs stand where; those that are gone count as canceled."""
    numbers = canaries.statuses(database, flown.awaited)
    if gone := len(flown.awaited) - sum(numbers.values()):
        numbers[JobStatus.CANCELED] = numbers.get(JobStatus.CANCELED, 0) + gone
    return numbers


def check(database: Database, workflow_id: int, flown: Flown) -> list[str]:
    """Return what there is to say of jobs that were run first.

    Raises
    ------
    JobFailed
        All of a map failed: nothing is to be planned by them.
    """
    said = []
    for one in canaries.standing(database, workflow_id, flown.map_ids, flown.n):
        if not one.failed:
            continue
        group = failures.grouped(database, workflow_id, one.map_id)[0]
        example = f"job {group.job_id}: {group.exception}: {group.message}"
        if not one.completed:
            raise JobFailed(
                f"Nothing is planned: {_all_of(one.failed)} of {one.name} that were run first failed ({example}). "
                f"`wf.failures()` shows where; correct it, map again, `wf.rerun()` those that failed, and plan again."
            )
        said.append(f"{one.name}: {one.failed} of the first {one.failed + one.completed} jobs failed ({example}).")
    return said


def _all_of(n: int) -> str:
    return "the one job" if n == 1 else f"all {n} jobs"
