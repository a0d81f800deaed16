"""``map_function_to_jobs``: a module's function mapped by a script; each call in a workflow is a round of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from torc_nb.api import mapping, resources
from torc_nb.api.api import Api
from torc_nb.api.names import free_name
from torc_nb.api.rows import Rows
from torc_nb.errors import Conflict, InvalidRequest
from torc_nb.models import JobModel, WorkflowModel
from torc_nb.store import Database, awaited, maps, workflows
from torc_nb.values import Spill


def map_function_to_jobs(
    api: Api,
    workflow_id: int,
    module: str,
    func: str,
    params: Iterable[Any],
    *,
    resource_requirements_id: int | None = None,
    postprocess_func: str | None = None,
    module_directory: str | os.PathLike[str] | None = None,
    scheduler_id: int | None = None,
    start_index: int = 0,
    name_prefix: str = "",
    blocked_by_job_ids: Iterable[int] | None = None,
    max_failures: int | None = None,
) -> list[JobModel]:
    """Map a module's function over parameters: one job for each.

    Repeated in the same workflow, the same call does nothing; one with other parameters, another ``start_index``,
    ``name_prefix`` or other blockers makes further jobs.

    Parameters
    ----------
    api : Api
        From ``make_api``.
    workflow_id : int
        Of the workflow that gets the jobs.
    module, func : str
        The function to import: from ``module_directory``, else where Python looks.
    params : iterable
        One argument for each job.
    resource_requirements_id : int, optional
        What each job asks for; default: one CPU.
    postprocess_func : str, optional
        A function of the module that gets the list of all results, in the order of ``params``.
    module_directory : str or path, optional
        The folder that the module is in.
    scheduler_id : int, optional
        On whose nodes the jobs are meant to run; ``schedule_nodes`` takes it where it is told no other.
    start_index : int, default 0
        The number of the first job.
    name_prefix : str, default ""
        What stands before the number in the names of the jobs.
    blocked_by_job_ids : iterable of int, optional
        Jobs of the workflow that have to complete before any of these begins.
    max_failures : int, optional
        When so many of these jobs have failed, no further one begins.

    Returns
    -------
    list of JobModel
        The jobs in the order of ``params``, without that of ``postprocess_func``.

    Raises
    ------
    CannotCapture
        There is no such module or function, or it cannot travel to a worker.
    CannotStore
        A parameter cannot be kept; nothing of the call is left.
    NotFound
        There is no such workflow, requirement, scheduler or job to wait for.
    InvalidRequest
        An argument makes no sense.
    """
    if start_index < 0:
        raise InvalidRequest(f"start_index={start_index}: jobs are numbered from 0 or above.")
    database = api.database
    database.check_writable()
    workflow = workflows.get(database, workflow_id)
    asked = resources.asked(database, workflow_id, resource_requirements_id)
    waits_for = awaited.split(database, workflow_id, blocked_by_job_ids or ())
    rows = _read_once(params)
    place = mapping.Place(
        blocked_by_maps=waits_for.maps,
        blocked_by_jobs=waits_for.jobs,
        scheduler_id=resources.checked_scheduler(database, workflow_id, scheduler_id),
        first_row=start_index,
        job_name=(lambda row: f"{name_prefix}{row}") if name_prefix else None,
    )
    this = {
        "module": module,
        "func": func,
        "postprocess": postprocess_func,
        "start_index": start_index,
        "name_prefix": name_prefix,
    }
    options: dict[str, Any] = {
        "requirement": asked,
        "postprocess": None if postprocess_func is None else (module, postprocess_func),
        "module_directory": module_directory,
        "max_failures": max_failures,
    }
    for _ in range(mapping.TRIES - 1):
        with suppress(Conflict):  # another process took the name at the same moment
            return _declared(database, workflow, this, rows, place, options)
    return _declared(database, workflow, this, rows, place, options)


def _read_once(params: Iterable[Any]) -> Any:
    """Return parameters that can be read again, where another process declares at the same moment."""
    return params if isinstance(params, Sequence) or hasattr(params, "columns") else list(params)


def _declared(
    database: Database,
    workflow: WorkflowModel,
    this: dict[str, Any],
    rows: Any,
    place: mapping.Place,
    options: dict[str, Any],
) -> list[JobModel]:
    """Declare the round, or once more the one that it repeats."""
    known = _repeated(database, workflow, this, rows, awaited.Awaited(place.blocked_by_maps, place.blocked_by_jobs))
    mapped = mapping.declare(
        database,
        workflow,
        (this["module"], this["func"]),
        [rows],
        name=known or free_name(database, workflow.id or 0, this["func"]),
        unpack=False,
        shape={"round": this},
        place=replace(place, is_new=known is None),
        **options,
    )
    return _models(database, workflow, mapped.outcome.map_id, this["module"], this["func"])


def _repeated(
    database: Database, workflow: WorkflowModel, this: dict[str, Any], rows: Any, waits_for: awaited.Awaited
) -> str | None:
    """Return the name of the map that an equal call made; None where there is none."""
    assert workflow.id is not None
    alike = [
        map_
        for map_ in maps.listed(database, workflow.id)
        if map_.shape.get("round") == this and awaited.by_map(database, map_.id) == waits_for
    ]
    if not alike:
        return None
    spill = Spill(Path(workflow.files) / "values")
    given = [row.digest for row in Rows.read([rows], None, spill).encoded()]
    for map_ in alike:
        pairs = zip_longest(given, maps.declared_digests(database, workflow.id, map_.id))
        if all(one == other for one, other in pairs):
            return str(map_.name)
    return None


def _models(database: Database, workflow: WorkflowModel, map_id: int, module: str, func: str) -> list[JobModel]:
    map_ = maps.get(database, map_id)
    found = maps.jobs_of(database, map_.workflow_id, map_id)
    order = maps.order_of(map_)
    if order is not None:
        by_id = {job.id: job for job in found}
        found = [by_id[job_id] for job_id in order]
    return [
        JobModel.model_construct(
            id=job.id,
            workflow_id=map_.workflow_id,
            map_id=map_id,
            row=job.row,
            name=job.name or str(job.row),
            status=workflows.shown_status(job.status, started=workflow.state != "created", blocked=map_.blocked),
            module=module,
            func=func,
            priority=job.priority,
            run_id=workflow.run_id,
            resource_requirements_id=job.requirement_id,
            scheduler_id=map_.scheduler_id,
        )
        for job in found
    ]
