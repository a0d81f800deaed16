"""Jobs that are made one by one: a call of a function or a command each, in an order of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from operator import index
from typing import Any

from torc_nb.api import commands, inspection, mapping, resources
from torc_nb.api.names import free_name
from torc_nb.errors import Conflict, InvalidRequest
from torc_nb.models import JobModel, WorkflowModel
from torc_nb.store import Database, awaited, jobs, maps, plain_jobs, workflows


class PlainJobs:
    """Jobs of workflows that are rows of no table of parameters."""

    database: Database

    def create_job(self, job: JobModel) -> JobModel:
        """Make a job that runs ``command``, or calls ``module.func(params)`` (without ``params``: ``func()``).

        It begins after those it waits for. A command may run on the nodes of any scheduler.

        Raises
        ------
        CannotCapture
            There is no such module or function, or it cannot travel to a worker.
        InvalidRequest
            It has neither command nor function, or both; or a command that no shell takes.
        NotFound
            There is no such workflow, requirement, scheduler or job to wait for.
        """
        (made,) = self.create_jobs([job])
        return made

    def create_jobs(self, new: Iterable[JobModel]) -> list[JobModel]:
        """Make jobs, which may wait for one another by their names; returns them in the order given.

        Nothing is made where one of them makes no sense; see ``create_job`` for what is refused besides.

        Raises
        ------
        InvalidRequest
            They wait for one another in a circle, which is named; or a name is that of two of them, or of none.
        """
        given = list(new)
        for job in given:
            _check(job)
        by_place: dict[int, JobModel] = {}
        named = _places(given)
        try:
            for is_command, places in groupby(_in_order(given), lambda place: given[place].command is not None):
                if is_command:
                    by_place |= _create_commands(self.database, given, list(places), named, by_place)
                    continue
                for place in places:
                    by_place[place] = _create(self.database, given[place], _ids_of(given[place], named, by_place))
        except BaseException:
            for made in reversed(by_place.values()):
                plain_jobs.remove(self.database, made.id or 0)
            raise
        return [by_place[place] for place in range(len(given))]

    def delete_job(self, job_id: int) -> None:
        """Delete a job with its results.

        Raises
        ------
        Conflict
            It runs, or others wait for it; they are named.
        NotFound
            There is none of this id.
        """
        plain_jobs.remove(self.database, index(job_id))


def _check(job: JobModel) -> None:
    what = f"The job {job.name!r}" if job.name else "A job without a name"
    if job.id is not None:
        raise InvalidRequest(f"{what} has the id {job.id} already; a new one has none.")
    if not job.name:
        raise InvalidRequest(f"{what} cannot be told from others: give name=….")
    if job.command is not None and job.func is not None:
        raise InvalidRequest(f"{what} has a command and a function; it can run one of them.")
    if job.command is not None:
        commands.check(job.command, what)
        return
    if job.func is None or job.module is None:
        raise InvalidRequest(f"{what} has nothing to do: give module=… and func=….")


def _in_order(given: Sequence[JobModel]) -> list[int]:
    """Return the places of jobs so that each comes after those that it waits for."""
    places = _places(given)
    before = {place: [_place(name, job, places) for name in _names(job)] for place, job in enumerate(given)}
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError as error:
        # The circle begins where it ends, and each waits for the one named before it.
        circle = " after ".join(repr(given[place].name) for place in reversed(error.args[1]))
        raise InvalidRequest(f"These jobs wait for one another in a circle: {circle}.") from None


def _places(given: Sequence[JobModel]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, job in enumerate(given):
        found.setdefault(job.name, []).append(place)
    return found


def _names(job: JobModel) -> list[str]:
    return [one for one in job.blocked_by if isinstance(one, str)]


def _place(name: str, job: JobModel, places: dict[str, list[int]]) -> int:
    found = places.get(name, [])
    if len(found) != 1:
        count = "none" if not found else f"{len(found)}"
        raise InvalidRequest(f"{job.name!r} waits for the job {name!r}; {count} of the new jobs has this name.")
    return found[0]


def _ids_of(job: JobModel, places: dict[str, list[int]], by_place: dict[int, JobModel]) -> list[int]:
    named = [by_place[_place(name, job, places)].id or 0 for name in _names(job)]
    return [*named, *(one for one in job.blocked_by if isinstance(one, int))]


def _create_commands(
    database: Database,
    given: Sequence[JobModel],
    chosen: Sequence[int],
    places: dict[str, list[int]],
    by_place: dict[int, JobModel],
) -> dict[int, JobModel]:
    """Make commands together; those among them that are waited for are still known by name alone."""

    def awaited_(job: JobModel) -> list[int | str]:
        by_name = [(name, by_place.get(_place(name, job, places))) for name in _names(job)]
        ids = [one for one in job.blocked_by if isinstance(one, int)]
        return [*ids, *(name if other is None else other.id or 0 for name, other in by_name)]

    made = commands.create(database, [(given[place], awaited_(given[place])) for place in chosen])
    return dict(zip(chosen, made, strict=True))


def _create(database: Database, job: JobModel, blocked_by: Sequence[int]) -> JobModel:
    """Make a map of one row: whatever is known of maps holds for it."""
    workflow = workflows.get(database, job.workflow_id)
    waits_for = awaited.split(database, job.workflow_id, blocked_by)
    place = mapping.Place(
        blocked_by_maps=waits_for.maps,
        blocked_by_jobs=waits_for.jobs,
        scheduler_id=resources.checked_scheduler(database, job.workflow_id, job.scheduler_id),
        job_name=lambda _row: job.name,
        is_new=True,
    )
    options: dict[str, Any] = {
        "requirement": resources.asked(database, job.workflow_id, job.resource_requirements_id),
        "module_directory": job.module_directory,
        "priority": job.priority,
        "unpack": job.params is None,
        "shape": {"of_job": True},
        "place": place,
    }
    rows = [() if job.params is None else job.params]
    for _ in range(mapping.TRIES - 1):
        with suppress(Conflict):  # another process took the name at the same moment
            return _declared(database, workflow, job, rows, options)
    return _declared(database, workflow, job, rows, options)


def _declared(
    database: Database, workflow: WorkflowModel, job: JobModel, rows: list[Any], options: dict[str, Any]
) -> JobModel:
    name = free_name(database, job.workflow_id, job.name)
    mapped = mapping.declare(database, workflow, (job.module or "", job.func or ""), [rows], name=name, **options)
    (made,) = maps.jobs_of(database, job.workflow_id, mapped.outcome.map_id)
    row = jobs.get(database, made.id)
    changes = {
        "id": made.id,
        "map_id": mapped.outcome.map_id,
        "row": made.row,
        "status": inspection.shown_status(row),
        "run_id": workflow.run_id,
        "resource_requirements_id": made.requirement_id,
    }
    return job.model_copy(update=changes)
